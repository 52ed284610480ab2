"""Arguments spelled as marked keys and raw values, typed by the tool's schema; JSON text out."""

from __future__ import annotations

from .json_stream import pass_value
from .scan import LONGEST_KEY, Scanner
from .values import TYPES, escape, read_text

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .events import ToolCall
    from .scan import Steps

_ANY = frozenset(TYPES)
_TEXT = frozenset(("string",))
_JSON_STARTS = frozenset('{["-0123456789tfn')


def read_pairs(
    p: Scanner, call: ToolCall, table: dict[str, Any], types: dict[str, frozenset[str]]
) -> Steps:
    """Read pairs to the call's closing token, which is left; return a status, "" if all is well."""
    seen: set[str] = set()
    status = ""
    p.argue(call, "{", p.at)
    while True:
        if not (yield from p.drop_space()):
            return "truncated"
        _, size = yield from p.token(p.at, table["until"])
        if size > 0:
            p.argue(call, "}", p.at)
            return status
        position = yield from p.tokens(p.at, table["open"])
        if position < 0:
            return "truncated" if p.ended else "malformed"
        p.at = position
        if "before_key" in table:
            yield from take_lead(p, table["before_key"])
        key = yield from _pair_key(p, table["middle"][0])
        if key is None or not (yield from p.closing(table["middle"])):
            return "truncated" if p.ended else "malformed"
        if "escaped" in table:
            key = key.replace("&quot;", '"').replace("&amp;", "&")
        allowed, as_json = types.get(key, _ANY), table["json"]
        if "typed" in table:
            word = yield from _pair_key(p, table["typed"]["after"][0])
            if word is None or not (yield from p.closing(table["typed"]["after"])):
                return "truncated" if p.ended else "malformed"
            kind = table["typed"]["words"].get(word.strip())
            as_json = kind == "json" and (yield from _begins_json(p))
            if kind is not None:
                allowed = _TEXT if kind == "text" else _ANY - _TEXT
        if not as_json or "typed" not in table:
            yield from take_lead(p, table["lead"])
        fresh = key not in seen
        if fresh:
            p.argue(call, f'{", " if seen else ""}"{escape(key)}": ', p.at)
            seen.add(key)
        if as_json:
            end = yield from pass_value(p, _sink(p, call, fresh), p.at)
            if end < 0 or not (yield from p.closing((table["ends"],))):
                return "truncated" if p.ended else "malformed"
            continue
        how = table
        if "cdata" in table:
            _, size = yield from p.token(p.at, ("<![CDATA[",))
            if size > 0:
                p.at += size
                how = {**table, **table["cdata"]}
        outcome = yield from read_value(p, call, how, allowed, fresh)
        if outcome == "truncated":
            return outcome
        status = outcome or status


def _begins_json(p: Scanner) -> Steps:
    """Drop white space; return whether a JSON value may begin here."""
    there = yield from p.drop_space()
    return there and p.buffer[p.at] in _JSON_STARTS


def _sink(p: Scanner, call: ToolCall, fresh: bool) -> Callable[[str, int], None]:
    """A repeated key's value is read and not given: of a repeated key the first wins."""
    return lambda text, end: p.argue(call, text if fresh else "", end)


def take_lead(p: Scanner, lead: str) -> Steps:
    """Consume the white space that is printed before a raw text, as far as it is there."""
    for char in lead:
        while p.at == len(p.buffer):
            if p.ended:
                return
            yield from p.more(p.at)
        if p.buffer[p.at] != char:
            return
        p.at += 1


def _pair_key(p: Scanner, ends: tuple[str, ...]) -> Steps:
    """Read a key up to the token after it, which is left; return None where there is none."""
    _, place = yield from p.until(p.at, ends, LONGEST_KEY)
    key = p.buffer[p.at : place] if place >= 0 else ""
    if not key or "\n" in key:
        return None
    p.at = place
    return key


def read_value(
    p: Scanner, call: ToolCall, table: dict[str, Any], types: frozenset[str], fresh: bool
) -> Steps:
    """Read one raw value and its closing token; return a status, "" while all is well.

    A string goes out as it arrives, once it can no longer be a spelling of null; any other type
    goes out whole. A closing token counts only where a legal continuation follows it: another pair
    or the call's end.
    """
    nulls = table["nulls"] if "null" in types else ()
    held: list[str] = []
    opened = closed = False
    start = p.at
    while not closed:
        place, which = p.find(table["ends"], start)
        if place == p.at:
            closed = yield from _closes(p, len(which), table["follow"])
            start = p.at + 1
            continue
        done = place < 0 and p.ended
        end = (
            place
            if place >= 0
            else len(p.buffer)
            if done
            else p.tail(table["ends"], table["longest"], start)
        )
        text, quote = p.buffer[p.at : end], ""
        if not opened:
            held.append(text)
            if "string" in types:
                text, quote = "".join(held), '"'
                opened = not any(null.startswith(text) for null in nulls)
                opened = opened or (done and text not in nulls)
        p.argue(call, quote + escape(text) if opened and fresh else "", end)
        if done:
            return "truncated"
        start = p.at
        if place < 0:
            if opened and fresh and p.at == len(p.buffer):
                p.quick_call = call
                p.rest(table["quick"], escape=True)
            yield from p.more(p.at)
            p.quick = None
            start = p.at
    text = "".join(held)
    json_text = '"' if opened else read_text(text, types)
    p.argue(call, (json_text or f'"{escape(text)}"') if fresh else "", p.at)
    p.at += len(which)
    return "wrong type" if json_text is None else ""


def _closes(p: Scanner, size: int, follow: tuple[str, ...]) -> Steps:
    """Look past the closing token of ``size`` characters here; return whether it closes."""
    position = yield from p.skip_space(p.at + size)
    if position < 0:
        return False
    position, found = yield from p.token(position, follow)
    return found > 0 or (p.ended and any(token.startswith(p.buffer[position:]) for token in follow))
