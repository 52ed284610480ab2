"""The adapter that users hold: a declaration in; prompts, messages, parsers and files out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from . import emit, render, starts
from .declaration import Declaration
from .errors import DeclarationError
from .ir import Seq
from .lower import lower
from .machine import table
from .runtime import Message, Parser

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]] | None
_EXAMPLE = [{"role": "user", "content": "Hello"}]


class Adapter:
    """One chat wire format: render conversations, parse answers, emit files.

    Messages and tools are in the OpenAI shapes (dicts).
    """

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.name = declaration.name

    def __repr__(self) -> str:
        return f"<Adapter {self.name}>"

    @cached_property
    def ir(self) -> Seq:
        """The output fragment's intermediate representation. Raises ``DeclarationError``."""
        return lower(self.declaration)

    @cached_property
    def table(self) -> dict[str, Any]:
        """What the parser walks: states, routes, calls, and where an answer may begin."""
        built = table(self.declaration, self.ir)
        built["starts"] = starts.expansions(self.declaration)
        for text, rest in built["starts"]:
            if Parser({**built, "before": rest}).held:
                raise DeclarationError(
                    f"the generation prompt ends inside a marker: {rest!r}",
                    place=self.declaration.place("prompt.generation"),
                    quote=repr(text),
                    fixes=["end it where a marker of the output fragment ends"],
                )
        prompt = self.render_template(_EXAMPLE)
        built["before"] = next(
            (rest for text, rest in built["starts"] if prompt.endswith(text)), ""
        )
        return built

    # -- messages to text

    def template(self) -> str:
        """Return the text of the compiled chat template."""
        return self.emit("jinja")

    def render(
        self,
        messages: Messages,
        tools: Tools = None,
        *,
        add_generation_prompt: bool = True,
        strict: bool = False,
        **options: object,
    ) -> str:
        """Return the prompt of a conversation.

        Arguments may be JSON strings; ids are put into the form that the format declares. Raises
        ``ConversationError`` where text would be misread, and under ``strict`` where something is
        not carried.
        """
        from .check import check_conversation

        render.check_tools(tools)
        checked = render.normalise(messages, self.declaration)
        check_conversation(self, checked, tools, options, strict=strict)
        return self.render_template(
            checked, tools, add_generation_prompt=add_generation_prompt, **options
        )

    def render_template(
        self,
        messages: Messages,
        tools: Tools = None,
        *,
        add_generation_prompt: bool = True,
        **options: object,
    ) -> str:
        """Return what a server prints with the compiled template: no checks, no rewriting."""
        return self._run("template", messages, tools, add_generation_prompt, options)

    def output(self, messages: Messages, tools: Tools = None, **options: object) -> str:
        """Return the text of the last message, an assistant's, as the answer being generated."""
        return self._run("output_template", messages, tools, False, options)

    def _run(
        self,
        kind: str,
        messages: Messages,
        tools: Tools,
        prompt: bool,
        options: Mapping[str, object],
    ) -> str:
        compiled = self._compiled.get(kind)
        if compiled is None:
            from .emit import jinja

            compiled = self._compiled[kind] = render.compile_template(
                getattr(jinja, kind)(self.declaration)
            )
        return render.render_text(compiled, messages, tools, prompt, self.declaration, options)  # type: ignore[arg-type]

    @cached_property
    def _compiled(self) -> dict[str, Any]:
        return {}

    # -- text to messages

    def parse(self, text: str, *, tools: Tools = None, prompt: str | None = None) -> Message:
        """Return the message that a whole answer is: ``parser``, fed once and closed."""
        parser = self.parser(tools=tools, prompt=prompt)
        parser.feed(text)
        parser.close()
        return parser.message

    def parser(
        self,
        *,
        tools: Tools = None,
        prompt: str | None = None,
        make_id: Callable[[int, str], str] | None = None,
        unknown_tools: bool = False,
    ) -> Parser:
        """Return a streaming parser of one answer.

        ``tools=None`` parses calls of any name, ``tools=[]`` makes no calls. ``prompt`` is the
        rendered prompt, which decides where the answer begins; without it, the one under the
        default options does.
        """
        render.check_tools(tools)
        given = None if tools is None else [dict(tool) for tool in tools]
        return Parser(
            self.table, tools=given, prompt=prompt, make_id=make_id, unknown_tools=unknown_tools
        )

    # -- files

    def emit(self, target: str, **request: Any) -> str:
        """Return the text of a target: same input, same text.

        ``"jinja"``, ``"python"`` and ``"vllm"`` are files; ``"structural_tag"`` takes ``tools``,
        ``tool_choice``, ``parallel_tool_calls``, ``reasoning`` and ``prompt`` of one request.
        """
        return emit.emit(self, target, **request)

    def domain(self) -> list[str]:
        """Return, in sentences, what this wire format cannot carry."""
        from .domain import sentences

        return sentences(self.declaration, self.ir, self.table)
