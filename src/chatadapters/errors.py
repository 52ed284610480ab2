"""The errors that people see: each says where, quotes the text, and ends with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class ChatAdaptersError(Exception):
    """Base of every error that this package raises on purpose."""


@dataclass(frozen=True)
class Place:
    """Where in a declaration something stands: file, key (``output.text``), line in it (from 1)."""

    file: str = ""
    key: str = ""
    line: int = 0

    def __str__(self) -> str:
        parts = [self.file or "<declaration>"]
        if self.key:
            parts.append(self.key)
        if self.line:
            parts.append(f"line {self.line}")
        return ", ".join(parts)


class DeclarationError(ChatAdaptersError):
    """The author's fault: a declaration that is not valid or not invertible.

    ``fixes`` are printed as a numbered list of ways out.
    """

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        quote: str = "",
        fixes: Sequence[str] = (),
    ) -> None:
        self.message, self.place, self.quote, self.fixes = (
            message,
            place or Place(),
            quote,
            tuple(fixes),
        )
        super().__init__(self.render())

    def render(self) -> str:
        lines = [f"{self.place}: {self.message}"]
        if self.quote:
            lines += ["", *(f"    {line}" for line in self.quote.splitlines())]
        if self.fixes:
            lines += ["", "To fix it, either:" if len(self.fixes) > 1 else "To fix it:"]
            lines += [f"  {n}. {fix}" for n, fix in enumerate(self.fixes, 1)]
        return "\n".join(lines)


class ConversationError(ChatAdaptersError):
    """The caller's fault: a conversation that would be misread (or, if ``strict``, not carried).

    ``message_index`` counts from 0; ``field`` is a path such as ``tool_calls[0].arguments.path``.
    """

    def __init__(self, reason: str, *, message_index: int | None = None, field: str = "") -> None:
        self.reason, self.message_index, self.field = reason, message_index, field
        where = [f"messages[{message_index}]"] if message_index is not None else []
        if field:
            where.append(field)
        super().__init__(f"{'.'.join(where)}: {reason}" if where else reason)


class UnknownAdapterError(ChatAdaptersError):
    """No adapter has this name, model id or path."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        super().__init__(f"no adapter is called {name!r}{did_you_mean(name, known)}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known words, or ``""``."""
    near = get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
