"""What ``tool_choice`` asks for: its value in; a checked choice and ways to obtain it out.

No server enforces it here. Where we write the prompt, the answer is begun for the model with the
text that the format prints up to a tool's name or its arguments; elsewhere a sentence asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from .. import ir, render
from ..errors import ConversationError, did_you_mean
from .turns import Messages, Tools

if TYPE_CHECKING:
    from ..adapter import Adapter


@dataclass(frozen=True)
class Choice:
    """``kind`` is auto, none or required; ``name`` is the one tool to call, or ``""``."""

    kind: str
    name: str = ""

    @property
    def forced(self) -> bool:
        return self.kind == "required"


def choice(given: object, tools: list[dict[str, Any]]) -> Choice:
    """Return what ``tool_choice`` says. Raises ``ConversationError``."""
    names = [str(tool.get("function", tool)["name"]) for tool in tools]
    if given is None or given == "auto":
        return Choice("auto")
    if given == "none":
        return Choice("none")
    if given == "required":
        if not names:
            raise ConversationError("'required' needs tools", field="tool_choice")
        return Choice("required", names[0] if len(names) == 1 else "")
    function = given.get("function") if isinstance(given, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        named = '{"type": "function", "function": {"name": ...}}'
        raise ConversationError(
            f"{given!r:.80} is none of 'auto', 'none', 'required' and {named}", field="tool_choice"
        )
    name = str(function["name"])
    if name not in names:
        raise ConversationError(
            f"no tool is called {name!r}{did_you_mean(name, names)}", field="tool_choice"
        )
    return Choice("required", name)


def sentence(chosen: Choice, tools: list[dict[str, Any]]) -> str:
    """Return the sentence that asks the model for a call, or ``""`` where nothing is forced."""
    if not chosen.forced:
        return ""
    if chosen.name:
        return f"Answer with a call of the tool {chosen.name}."
    names = ", ".join(str(tool.get("function", tool)["name"]) for tool in tools)
    return f"Answer with a call of one of these tools: {names}."


def beginning(
    adapter: Adapter,
    messages: Messages,
    tools: Tools,
    options: Mapping[str, Any],
    prompt: str,
    name: str,
) -> str:
    """Return how an answer to ``prompt`` begins that calls the tool ``name``, or any tool.

    It ends before the arguments, or before the name where ``name`` is ``""``; it is ``""`` where
    the format has nothing to begin with.
    """
    known = render.normalise(messages, adapter.declaration)
    variants = [(name, {}), (name, {"a": 1})] if name else [("a", {}), ("b", {})]
    texts = [
        adapter.output([*known, _call(adapter, known, called, arguments)], tools, **options)
        for called, arguments in variants
    ]
    said = adapter.begun(prompt)
    if not all(text.startswith(said) for text in texts):
        return ""  # the prompt has opened a reasoning that no forced answer has
    one, other = (text[len(said) :] for text in texts)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    begun = one[: min(_whole(adapter, text, same) for text in (one, other))]
    # The model writes these characters as one token with what follows them.
    shorter = begun.rstrip(' "') if not name else begun.rstrip(" {")
    return begun if name and shorter.endswith(name) else shorter


def _call(
    adapter: Adapter, known: Messages, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    call = {"id": None, "type": "function", "function": {"name": name, "arguments": arguments}}
    answer = {"role": "assistant", "content": "", "tool_calls": [call]}
    return render.normalise([*known, answer], adapter.declaration)[-1]


def _whole(adapter: Adapter, text: str, cut: int) -> int:
    """Move a cut in front of a literal of the format that it would divide."""
    literals = [node.text for node in ir.walk(adapter.ir) if isinstance(node, ir.Lit)]
    words = {word for literal in literals for word in literal.split()}
    for word in words | set(adapter.declaration.special):
        start = text.find(word, max(0, cut - len(word) + 1), cut + len(word) - 1)
        if 0 <= start < cut < start + len(word):
            cut = start
    return cut
