"""What each turn of a conversation prints: an adapter and messages in, the pieces of a prompt out.

The adapter's own fragments are compiled once more with marks around them, and the rendered text is
cut at the marks: no text is searched for what may be a marker, so no text can be taken for one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import render
from ..emit.jinja import template
from ..errors import ConversationError

if TYPE_CHECKING:
    from ..adapter import Adapter

Messages = list[dict[str, Any]]
Tools = Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True)
class Turn:
    """What one message prints; ``output`` is the part that the model writes, if there is one."""

    text: str = ""
    output: str | None = None


@dataclass(frozen=True)
class Print:
    """A rendered conversation in pieces.

    ``opening`` stands before the first turn; ``turns`` are as many as the messages, empty where a
    message prints nothing of its own.
    """

    opening: str
    turns: tuple[Turn, ...]


class Printer:
    """Prints conversations in pieces. The marks are new in every process: no text contains them."""

    def __init__(self, adapter: Adapter) -> None:
        declaration = adapter.declaration
        self.declaration = declaration
        nonce = uuid.uuid4().hex
        self._turn, self._begin, self._end = (f"\ue000{nonce}{kind}\ue001" for kind in "tbe")
        self.nonce = nonce
        prompt = declaration.prompt
        marked = {
            role: self._turn + text
            for role in ("system", "user", "assistant", "tool", "other", "generation")
            if (text := getattr(prompt, role)) is not None
        }
        output = declaration.output
        text = self._begin + output.text + self._end
        changes = {
            "prompt": prompt.model_copy(update=marked),
            "output": output.model_copy(update={"text": text}),
        }
        self._template = render.compile_template(template(declaration.model_copy(update=changes)))

    def stand_in(self, number: int) -> str:
        """Return a content that no text contains, to see what a format prints around it."""
        return f"\ue000{self.nonce}:{number}\ue001"

    def print(self, messages: Messages, tools: Tools, options: Mapping[str, Any]) -> Print:
        """Print a conversation whose arguments are decoded. Raises ``ConversationError``."""
        whole = render.render_text(self._template, messages, tools, True, self.declaration, options)
        opening, *texts = whole.split(self._turn)
        turns = [self._cut(text) for text in texts[:-1]]  # the last one is the generation prompt
        if len(turns) == len(messages):
            return Print(opening, tuple(turns))
        # Formats that print the system text in front have no turn for it.
        given = iter(turns)
        lacking = len(messages) - len(turns)
        placed: list[Turn] = []
        for message in messages:
            gone = message["role"] == "system" and lacking > 0
            lacking -= gone
            placed.append(Turn() if gone else next(given, Turn()))
        if lacking:
            raise ConversationError("the format prints fewer turns than there are messages")
        return Print(opening, tuple(placed))

    def _cut(self, text: str) -> Turn:
        before, begun, rest = text.partition(self._begin)
        if not begun:
            return Turn(text)
        output, _, after = rest.partition(self._end)
        return Turn(before + output + after, output)
