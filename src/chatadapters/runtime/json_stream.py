"""JSON as it arrives: one value's bytes pass through while its end is sought, strings respected."""

from __future__ import annotations

from .scan import MOST_HELD, SPACE, Scanner
from .values import escape_control, valid_json

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable

    from .scan import Steps

    Sink = Callable[[str, int], None]

_PLAIN = frozenset("0123456789+-.eEtrufalsn:, \t\r\n")
_OPEN = {"{": "}", "[": "]"}
_QUICK = ('"',)


def pass_value(p: Scanner, sink: Sink | None, position: int, quick: bool = False) -> Steps:
    """Read one JSON value from ``position``; return the place after it, or -1 where it is no JSON.

    With a ``sink`` each piece goes there as it arrives and is consumed; without one the value is
    held. Control characters inside strings are escaped on the way, as models write them raw.
    """
    stack: list[str] = []
    out: list[str] = []
    string = escaped = scalar = False
    done = False
    while True:
        buffer, size = p.buffer, len(p.buffer)
        start = position
        while position < size:
            if string:
                position, escaped, string, start = _string(
                    p, buffer, position, size, escaped, out, start
                )
                done = not string and not stack
            else:
                char = buffer[position]
                if scalar and (char in SPACE or char in ",}]" or char not in _PLAIN):
                    done = True
                elif char == '"' and not scalar:
                    string = True
                    position += 1
                elif char in _OPEN and not scalar:
                    stack.append(_OPEN[char])
                    position += 1
                elif stack and char == stack[-1]:
                    stack.pop()
                    position += 1
                    done = not stack
                elif char in _PLAIN and (stack or char not in SPACE):
                    scalar = not stack
                    position += 1
                else:
                    _flush(p, sink, out, buffer, start, position)
                    return -1
            if sink is None and position - p.at > MOST_HELD:
                return -1
            if done:
                _flush(p, sink, out, buffer, start, position)
                return position
        _flush(p, sink, out, buffer, start, position)
        if p.ended:
            return position if scalar else -1
        if sink is None and position - p.at > MOST_HELD:
            return -1
        if quick and string and not escaped:
            position = p.rest(_QUICK)
        position = yield from p.more(position)
        p.quick = None


def _string(
    p: Scanner, buffer: str, position: int, size: int, escaped: bool, out: list[str], start: int
) -> tuple[int, bool, bool, int]:
    """Go to the end of a string or of the buffer.

    Return position, inside an escape, inside the string, start.
    """
    begin = position
    first = position = position + 1 if escaped else position
    while True:
        quote = buffer.find('"', position)
        end = place = quote if quote >= 0 else size
        while place > first and buffer[place - 1] == "\\":
            place -= 1
        escaped = (end - place) % 2 == 1
        position = min(end + 1, size)
        if quote < 0 or not escaped:
            break
        first = position
    inside = quote < 0
    escaped = escaped and inside
    text = buffer[begin:position]
    if not text.isprintable():
        out.append(buffer[start:begin] + escape_control(text))
        start = position
    return position, escaped, inside, start


def _flush(
    p: Scanner, sink: Sink | None, out: list[str], buffer: str, start: int, position: int
) -> None:
    if sink is None:
        out.clear()
        return
    if start < position:
        out.append(buffer[start:position])
    sink("".join(out), position)
    out.clear()


def read_string(p: Scanner, position: int, most: int) -> Steps:
    """Read a held JSON string of ``most`` characters at most: (its end, text), or (-1, "")."""
    if p.buffer[position] != '"':
        return -1, ""
    end = position + 1
    while True:
        buffer, size = p.buffer, len(p.buffer)
        while end < size and buffer[end] != '"':
            end += 2 if buffer[end] == "\\" else 1
        if end < size:
            break
        if p.ended or end - position > most:
            return -1, ""
        offset = end - position
        position = yield from p.more(position)
        end = position + offset
    if end - position > most:
        return -1, ""
    text = p.buffer[position : end + 1]
    if "\\" not in text:
        return end + 1, text[1:-1]
    text = f'"{escape_control(text[1:-1])}"'
    if not valid_json(text):
        return -1, ""
    import json

    return end + 1, json.loads(text)
