"""Literals that are not JSON (Python keyword arguments, JSON dialects) as they arrive; JSON out.

The table says what is read: ``quotes`` as (delimiter, has escapes), ``bare`` keys, ``keywords``
(``a=1, b=2`` up to ``end``) or else one mapping in braces. One loop with a stack, no recursion.
"""

from __future__ import annotations

from .scan import LONGEST_KEY, SPACE, Scanner
from .values import WORDS, escape, python_number

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

    from .events import ToolCall
    from .scan import Steps

_CLOSE = {"{": "}", "[": "]", "(": ")"}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_DIGITS = {"x": 2, "u": 4, "U": 8}
LONGEST_ATOM = 400
_DEEPEST = 200


def read_literal(p: Scanner, call: ToolCall, table: dict[str, Any]) -> Steps:
    """Read a call's arguments from the buffer, giving JSON; return if they were well formed."""
    keywords, end, bare = table["keywords"], table["end"], table["bare"]
    stack = ["end"] if keywords else []
    first = True
    p.quick_call = call
    if keywords:
        p.argue(call, "{", p.at)
    elif (yield from _char(p)) != "{":
        return False
    else:
        stack.append("}")
        p.argue(call, "{", p.at + 1)
    while True:
        char = yield from _char(p)
        closer = end if stack[-1] == "end" else stack[-1]
        if char == closer:
            size = 0 if stack[-1] == "end" else 1
            p.argue(call, "]" if stack.pop() in "])" else "}", p.at + size)
        else:
            if not first:
                if char != ",":
                    return False
                p.at += 1
                char = yield from _char(p)
                if char == closer:
                    continue
            comma = "" if first else ", "
            first = False
            if stack[-1] in ("end", "}"):
                if not (yield from _key(p, call, table["quotes"], bare, stack[-1] == "end", comma)):
                    return False
                char = yield from _char(p)
                comma = ""
            if char in _CLOSE and char:
                if len(stack) >= _DEEPEST:
                    return False
                stack.append(_CLOSE[char])
                p.argue(call, comma + ("{" if char == "{" else "["), p.at + 1)
                first = True
                continue
            if not (yield from _scalar(p, call, table["quotes"], comma)):
                return False
        first = False
        if not stack:
            return True


def _char(p: Scanner) -> Steps:
    """Drop white space; return the next character, or "" at the end."""
    return p.buffer[p.at] if (yield from p.drop_space()) else ""


def _key(p: Scanner, call: ToolCall, quotes: Any, bare: bool, keyword: bool, comma: str) -> Steps:
    separator = "=" if keyword else ":"
    if not keyword and (yield from _quote(p, quotes)):
        p.argue(call, comma, p.at)
        if not (yield from _scalar(p, call, quotes, "")):
            return False
    elif keyword or bare:
        position = p.at
        while True:
            place = p.buffer.find(separator, position)
            if place >= 0 or p.ended or len(p.buffer) - p.at > LONGEST_KEY:
                break
            position = yield from p.more(len(p.buffer))
        key = p.buffer[p.at : place].rstrip(SPACE) if place >= 0 else ""
        if place < 0 or len(key) > LONGEST_KEY or (keyword and not key.isidentifier()) or _odd(key):
            return False
        p.argue(call, f'{comma}"{escape(key)}"', place)
    else:
        return False
    if (yield from _char(p)) != separator:
        return False
    p.argue(call, ": ", p.at + 1)
    return True


def _odd(key: str) -> bool:
    return not key or any(char in "{}[],\"'\n" for char in key)


def _quote(p: Scanner, quotes: Any) -> Steps:
    """Return the (delimiter, escapes) that stands here, or None."""
    for delimiter, escapes in quotes:
        _, size = yield from p.token(p.at, (delimiter,))
        if size > 0:
            return delimiter, escapes
    return None


def _scalar(p: Scanner, call: ToolCall, quotes: Any, comma: str) -> Steps:
    quote = yield from _quote(p, quotes)
    if quote is None:
        return (yield from _atom(p, call, comma))
    delimiter, escapes = quote
    if escapes and (yield from p.token(p.at, (delimiter * 3,)))[1] > 0:
        delimiter *= 3
    p.argue(call, comma + '"', p.at + len(delimiter))
    stops = (delimiter, "\\") if escapes else (delimiter,)
    unless = ("\\", delimiter[0]) if escapes else (delimiter[0],)
    while True:
        place, which = p.find(stops, p.at)
        if place < 0:
            place = p.tail(stops, len(delimiter), p.at)
            p.argue(call, escape(p.buffer[p.at : place]), place)
            if p.ended:
                return False
            if place == len(p.buffer):
                place = p.rest(unless, escape=True)
            yield from p.more(place)
            p.quick = None
        elif which == "\\":
            p.argue(call, escape(p.buffer[p.at : place]), place)
            if not (yield from _escape(p, call)):
                return False
        else:
            p.argue(call, escape(p.buffer[p.at : place]) + '"', place + len(delimiter))
            return True


def _escape(p: Scanner, call: ToolCall) -> Steps:
    """Read one Python escape; as in Python, an unknown one stands for itself."""
    while len(p.buffer) - p.at < 2:
        if p.ended:
            return False
        yield from p.more(p.at)
    kind = p.buffer[p.at + 1]
    size = _DIGITS.get(kind, 0)
    while len(p.buffer) - p.at < 2 + size:
        if p.ended:
            return False
        yield from p.more(p.at)
    digits = p.buffer[p.at + 2 : p.at + 2 + size]
    if kind == "\n":
        text = ""
    elif kind in "'\"\\":
        text = escape(kind)
    elif kind in _ESCAPES:
        text = escape(_ESCAPES[kind])
    elif (
        size
        and all(digit in "0123456789abcdefABCDEF" for digit in digits)
        and int(digits, 16) < 0x110000
    ):
        code = int(digits, 16)
        text = f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else escape(chr(code))
    else:
        text, size = escape("\\" + kind), 0
    p.argue(call, text, p.at + 2 + size)
    return True


def _atom(p: Scanner, call: ToolCall, comma: str) -> Steps:
    """Read a bare word or a number."""
    position = p.at
    while True:
        buffer, size = p.buffer, len(p.buffer)
        while position < size and buffer[position] not in ",)]}" and buffer[position] not in SPACE:
            position += 1
        if position < size or p.ended or position - p.at > LONGEST_ATOM:
            break
        position = yield from p.more(position)
    word = p.buffer[p.at : position]
    text = WORDS.get(word) or python_number(word)
    if not text or len(word) > LONGEST_ATOM or (p.ended and position == len(p.buffer)):
        return False
    p.argue(call, comma + text, position)
    return True
