"""Forged markers: a traced prompt in; what was forged, or the prompt without it, out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..errors import ChatAdaptersError, ConversationError, did_you_mean
from ..markers import BREAK, Marker
from .traced import Origin, Traced, runs

POLICIES = ("allow", "refuse", "neutralise")


@dataclass(frozen=True)
class Segment:
    """A stretch of a prompt; special tokens in it mean what they say only if it is ``trusted``."""

    text: str
    trusted: bool


@dataclass(frozen=True)
class Forged:
    """A marker in a prompt that an untrusted text made, or had a part in; where, and whose."""

    marker: Marker
    start: int
    origin: Origin


def check_policy(on_marker: str) -> None:
    """Raise ``ChatAdaptersError`` for what is no policy."""
    if on_marker not in POLICIES:
        near = did_you_mean(str(on_marker), POLICIES)
        raise ChatAdaptersError(
            f"on_marker={on_marker!r} is no policy{near}: use one of {', '.join(POLICIES)}"
        )


def forged(text: Traced, known: Sequence[Marker]) -> Iterator[Forged]:
    """Give every marker of a prompt that holds a character of an untrusted text."""
    plain, mask = str.__str__(text), _mask(text)
    for marker in known:
        for start in _places(plain, marker.text):
            at = mask.find(1, start, start + len(marker.text))
            if at >= 0:
                yield Forged(marker, start, _origin(text, at))


def refuse(text: Traced, known: Sequence[Marker]) -> None:
    """Raise ``ConversationError`` for the first marker that an untrusted text forged."""
    found = min(forged(text, known), key=lambda one: one.start, default=None)
    if found is None:
        return
    origin = found.origin
    whose = f" (role {origin.role!r})" if origin.index is not None else ""
    yours = f", or name {origin.role!r} in trusted= if it is yours" if origin.role else ""
    raise ConversationError(
        f"this text{whose} puts {found.marker.text!r} into the prompt, a marker of this format: "
        f'take it out, or render with on_marker="neutralise"{yours}',
        message_index=origin.index,
        field=origin.field,
    )


def neutralised(text: Traced, known: Sequence[Marker]) -> str:
    """Return a prompt in which every forged marker has a space inside; all else is as it was.

    The space goes beside a character of the untrusted text, so the format's own text stays whole.
    """
    plain, mask = str.__str__(text), _mask(text)
    changed = True
    while changed:  # it ends: between two characters there are only ever more spaces
        changed = False
        for marker in known:
            size, texts, masks, done = len(marker.text), list[str](), list[bytes](), 0
            for start in _places(plain, marker.text):
                if start >= done and mask.find(1, start, start + size) >= 0:
                    place = _break(mask, start, marker)
                    texts += [plain[done:place], BREAK]
                    masks += [mask[done:place], b"\1"]
                    done, changed = place, True
            plain = "".join([*texts, plain[done:]])
            mask = b"".join([*masks, mask[done:]])
    return plain


def softened(
    messages: Sequence[Mapping[str, Any]], trusted: Collection[str], known: Sequence[Marker]
) -> list[dict[str, Any]]:
    """Return messages with the markers in their untrusted texts broken, for the checks alone.

    A marker that a template puts together from pieces is found in the prompt only.
    """

    def soft(value: Any) -> Any:
        if isinstance(value, str):
            for marker in known:
                value = value.replace(marker.text, marker.broken)
            return value
        if isinstance(value, Mapping):
            return {soft(key): soft(inner) for key, inner in value.items()}
        return [soft(inner) for inner in value] if isinstance(value, list | tuple) else value

    return [
        dict(one)
        if one["role"] in trusted
        else {key: value if key == "role" else soft(value) for key, value in one.items()}
        for one in messages
    ]


def segments(text: Traced, known: Sequence[Marker]) -> list[Segment]:
    """Return a prompt in stretches; those that are trusted begin and end with a marker.

    Words of the format outside of its markers go with the untrusted text beside them: they mean the
    same when read without special tokens, and a tokenizer would join them with it.
    """
    plain, mask = str.__str__(text), bytearray(_mask(text))
    at = 0
    for untrusted, group in groupby(bytes(mask)):
        stop = at + len(list(group))
        if not untrusted:
            first, last = _framed(plain[at:stop], known)
            mask[at : at + first] = b"\1" * first
            mask[at + last : stop] = b"\1" * (stop - at - last)
        at = stop
    made, at = list[Segment](), 0
    for untrusted, group in groupby(bytes(mask)):
        stop = at + len(list(group))
        made.append(Segment(plain[at:stop], not untrusted))
        at = stop
    return made


def _framed(text: str, known: Sequence[Marker]) -> tuple[int, int]:
    """Return where the first marker of a text begins and where the last one ends."""
    found = [marker.text for marker in known if marker.text in text]
    first = min(map(text.find, found), default=len(text))
    return first, max((text.rfind(one) + len(one) for one in found), default=len(text))


def _mask(text: Traced) -> bytes:
    """Return a byte for each character: 1 where it is untrusted."""
    return b"".join((b"\0" if origin is None else b"\1") * length for length, origin in runs(text))


def _places(text: str, marker: str) -> Iterator[int]:
    at = text.find(marker)
    while at >= 0:
        yield at
        at = text.find(marker, at + 1)


def _break(mask: bytes, start: int, marker: Marker) -> int:
    """Return where a marker that begins at ``start`` is broken, beside an untrusted character."""
    inside = range(start + 1, start + len(marker.text))
    wanted = (start + marker.place, *inside)
    found: int = next(place for place in wanted if mask[place - 1] or mask[place])
    return found


def _origin(text: Traced, place: int) -> Origin:
    at = 0
    for length, origin in runs(text):
        at += length
        if place < at and origin is not None:
            return origin
    return Origin()
