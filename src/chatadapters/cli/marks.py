"""Where a prompt comes from: an adapter and a conversation in, the prompt cut into parts out.

The compiler builds the template once more with a mark in front of every fragment, so each stretch
is known to belong to the opening, to one turn or to the generation prompt. What the tools and the
system message add to a stretch is the difference to the same prompt without them.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import render
from ..emit.jinja import template
from ..errors import ConversationError

if TYPE_CHECKING:
    from ..adapter import Adapter
    from ..declaration import Declaration

Part = tuple[str, str]  # what it is, and its text
Key = tuple[str, int]  # a role, and which of its turns
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # no characters of any text
_OWN = ("opening", "generation")
_TURNS = ("system", "user", "assistant", "tool", "other")
_WORDS = {"generation": "generation prompt", "tool": "tool result"}


class Marked:
    """A template that tells where its parts begin."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        made = _with_marks(adapter.declaration)
        self.compiled = render.compile_template(template(made))

    def parts(self, messages: Any, tools: Any, options: dict[str, Any]) -> list[Part]:
        """Return the parts of a prompt; their texts joined are the prompt.

        A part is ``opening``, ``system``, ``tools``, ``user``, ``assistant``, ``tool result``,
        another role, or ``generation prompt``. Raises ``ConversationError``.
        """
        system = [m for m in messages if m["role"] == "system"]
        others = [m for m in messages if m["role"] != "system"]
        whole = self._stretches(messages, tools, options)
        bare = self._try(messages, None, options) if tools else None
        mute = self._try(others, tools, options) if system else None
        empty = self._try(others, None, options)
        parts: list[Part] = []
        for key, text in whole.items():
            labels = [_WORDS.get(key[0], key[0])] * len(text)
            if key[0] == "opening":
                _label_opening(labels, text, empty, system)
            elif mute and key in mute and any(_said(m) in text for m in system):
                _label(labels, "system", added(text, mute[key]))
            if bare is not None and (key in bare or key[0] == "system"):
                _label(labels, "tools", added(text, bare.get(key, "")))
            parts += _runs(labels, text)
        return parts

    def _try(self, messages: Any, tools: Any, options: dict[str, Any]) -> dict[Key, str] | None:
        try:
            return self._stretches(messages, tools, options)
        except ConversationError:  # a template may insist on tools or on a system message
            return None

    def _stretches(self, messages: Any, tools: Any, options: dict[str, Any]) -> dict[Key, str]:
        declared = self.adapter.declaration
        text = render.render_text(self.compiled, messages, tools, True, declared, options)
        pieces = re.split(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}", text)
        seen: Counter[str] = Counter()
        found: dict[Key, str] = {("opening", 0): pieces[0]} if pieces[0] else {}
        for role, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            found[role, seen[role]] = found.get((role, seen[role]), "") + piece
            seen[role] += 1
        return found


def added(whole: str, without: str) -> list[tuple[int, int]]:
    """Return the ranges of a text that it has more than another, as few as there can be.

    >>> added("<s>Hi. Tools.</s>", "<s>Hi.</s>")
    [(6, 13)]
    >>> added("<a>T<b>", "<b>"), added("<s><a>T</a>", "<s>")
    ([(0, 4)], [(3, 11)])
    """
    most = min(len(whole), len(without))
    start = next((n for n in range(most) if whole[n] != without[n]), most)
    most -= start
    rest = next((n for n in range(most) if whole[-1 - n] != without[-1 - n]), most)
    stop = len(whole) - rest
    if start + rest == len(without):
        return [_slid(whole, start, stop)] if stop > start else []
    lines = _pieces(whole[start:stop])
    old = _pieces(without[start : len(without) - rest])
    found, at = [], start
    ends = [at := at + len(line) for line in lines]
    for kind, _, _, first, last in difflib.SequenceMatcher(None, old, lines, False).get_opcodes():
        if kind in ("insert", "replace"):
            found.append((ends[first - 1] if first else start, ends[last - 1]))
    return found


def _slid(whole: str, start: int, stop: int) -> tuple[int, int]:
    """Return the same range, moved to where a marker or a line begins if it can be."""
    found = [(start, stop)]
    while start and whole[start - 1] == whole[stop - 1]:
        start, stop = start - 1, stop - 1
        found.append((start, stop))
    for sign in ("<", "[", "\n"):
        for one in found:
            if whole[one[0]] == sign:
                return one
    return found[0]


def _pieces(text: str) -> list[str]:
    """Return a text cut at line breaks and around tags."""
    return [piece for piece in re.split(r"(?<=\n)|(?=<)|(?<=>)", text) if piece]


def _with_marks(declared: Declaration) -> Declaration:
    prompt = declared.prompt
    marks = dict.fromkeys(_TURNS, f"{_OPEN}{{{{ message.role }}}}{_CLOSE}")
    marks.update((name, f"{_OPEN}{name}{_CLOSE}") for name in _OWN)
    texts = {name: mark + getattr(prompt, name) for name, mark in marks.items()
             if getattr(prompt, name)}  # fmt: skip
    return declared.model_copy(update={"prompt": prompt.model_copy(update=texts)})


def _label_opening(
    labels: list[str], text: str, empty: dict[Key, str] | None, system: list[Any]
) -> None:
    """Mark all of an opening that holds the system message, but for what always stands there."""
    if any(_said(message) in text for message in system):
        always = (empty or {}).get(("opening", 0), "")
        kept = len(always) if text.startswith(always) else 0
        _label(labels, "system", [(kept, len(text))])


def _said(message: Any) -> str:
    return str(message["content"])


def _label(labels: list[str], label: str, ranges: list[tuple[int, int]]) -> None:
    for start, stop in ranges:
        labels[start:stop] = [label] * (stop - start)


def _runs(labels: list[str], text: str) -> Iterator[Part]:
    start = 0
    for label, run in itertools.groupby(labels):
        stop = start + len(list(run))
        yield label, text[start:stop]
        start = stop
