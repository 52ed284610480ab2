"""The adapter that users hold: a declaration in; prompts, messages, parsers and files out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from . import emit, injection, render, starts
from .declaration import Declaration
from .errors import DeclarationError
from .ir import Seq
from .lower import lower
from .machine import table
from .markers import Marker, markers
from .runtime import Message, Parser

if TYPE_CHECKING:
    from .certify import Certificate
    from .prefix import Prefix

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]] | None
OnMarker = Literal["allow", "refuse", "neutralise"]
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
        built["before"] = starts.begun(built["starts"], prompt)
        return built

    @cached_property
    def shape(self) -> dict[str, Any]:
        """How answers are spelled, as far as grammars need it; see ``emit.shape``."""
        from .emit.shape import shape

        return shape(self)

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
        on_marker: OnMarker = "allow",
        trusted: Collection[str] = injection.TRUSTED,
        **options: object,
    ) -> str:
        """Return the prompt of a conversation.

        Arguments may be JSON strings; ids are put into the form that the format declares. Raises
        ``ConversationError`` where text would be misread, and under ``strict`` where something is
        not carried.

        ``on_marker`` says what happens to a marker of the format (``markers``) in a text of other
        roles than ``trusted`` (``"tools"`` stands for the tools' declarations): it is printed as it
        is, refused with a ``ConversationError``, or neutralised by a space inside it.
        """
        from .check import check_conversation

        injection.check_policy(on_marker)
        checked = self._normalised(messages, tools)
        if on_marker == "allow":
            check_conversation(self, checked, tools, options, strict=strict)
            return self.render_template(
                checked, tools, add_generation_prompt=add_generation_prompt, **options
            )
        text = injection.prompt(self, checked, tools, add_generation_prompt, trusted, options)
        known = self.markers()
        if on_marker == "refuse":
            injection.refuse(text, known)
        else:
            checked = injection.softened(checked, trusted, known)
        check_conversation(self, checked, tools, options, strict=strict)
        return injection.neutralised(text, known)

    def segments(
        self,
        messages: Messages,
        tools: Tools = None,
        *,
        add_generation_prompt: bool = True,
        strict: bool = False,
        trusted: Collection[str] = injection.TRUSTED,
        **options: object,
    ) -> list[injection.Segment]:
        """Return the prompt that ``render`` gives, cut into trusted and untrusted stretches.

        Tokenise each for itself, those that are not trusted with special tokens off: then no text
        of another role than ``trusted`` becomes a special token. Raises ``ConversationError``.
        """
        from .check import check_conversation

        checked = self._normalised(messages, tools)
        check_conversation(self, checked, tools, options, strict=strict)
        text = injection.prompt(self, checked, tools, add_generation_prompt, trusted, options)
        return injection.segments(text, self.markers())

    def _normalised(self, messages: Messages, tools: Tools) -> list[dict[str, Any]]:
        render.check_tools(tools)
        return render.normalise(messages, self.declaration)

    def markers(self) -> tuple[Marker, ...]:
        """Return what means something to this format wherever it stands, the longest first."""
        return self._markers

    @cached_property
    def _markers(self) -> tuple[Marker, ...]:
        return markers(self.declaration)

    def forgeable(self) -> dict[str, tuple[str, ...]]:
        """Return, for each kind of untrusted text, the markers that come through in it unchanged.

        Found by rendering each marker in each place with the compiled template.
        """
        return injection.forgeable(self)

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

    def begun(self, prompt: str) -> str:
        """Return what of the answer stands at the end of a prompt, such as an opened reasoning."""
        return starts.begun(self.table["starts"], prompt)

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

        ``"jinja"``, ``"python"`` and ``"vllm"`` are files; ``"structural_tag"``, ``"lark"`` and
        ``"gbnf"`` take ``tools``, ``tool_choice``, ``parallel_tool_calls``, ``reasoning`` and
        ``prompt`` of one request. ``"lark"`` also takes ``special_tokens``, the markers that are
        special tokens of the tokenizer, and ``plain_lark``; ``"gbnf"`` takes ``lazy``.
        ``"response_template"`` is transformers' JSON for ``tokenizer.parse_response``.
        """
        render.check_tools(request.get("tools"))
        return emit.emit(self, target, **request)

    def losses(self, target: str, **request: Any) -> list[str]:
        """Return, in sentences, what a target does not keep; it takes what ``emit`` takes.

        ``"hf"``, the folder patch of ``adapters compile``, is a target here, too.
        """
        render.check_tools(request.get("tools"))
        return emit.losses(self, target, **request)

    def prefix(self) -> Prefix:
        """Return whether prompts only grow by appending, and what it costs where they do not."""
        from .prefix import account

        return account(self)

    def stable_template(self, rules: Sequence[str] | None = None) -> str:
        """Return the chat template that only appends, for what the server has read to stay valid.

        It prints what the compiled one prints where that only appends already. Unlike
        ``emit("stable")``, which chooses the ``rules``, nothing is checked: all of them are taken,
        which do not go together in a few formats.
        """
        from .prefix_stable import stable_template

        return stable_template(self, rules)

    def domain(self) -> list[str]:
        """Return, in sentences, what this wire format cannot carry."""
        from .domain import sentences

        return sentences(self)

    def certificates(self) -> tuple[Certificate, ...]:
        """Return what this wire format cannot carry, each limit with its counter-example.

        Each was found by a search and confirmed by running ``render`` and ``parse``.
        """
        from .certify import certificates

        return certificates(self)
