"""Limits inside calls: the table of a call in; which names, keys and strings are lost, out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..ir import Hole, walk
from ..render import normalise
from ..runtime.calls import NAME_MARKS
from ..runtime.scan import LONGEST_KEY, LONGEST_NAME, MOST_SPACE, SPACE
from .limits import Limit, Test, contains, either
from .messages import KEY, call

if TYPE_CHECKING:
    from ..adapter import Adapter
    from ..declaration import Declaration
    from ..ir import Seq

_SPACE = f"[ \\t\\r\\n]{{0,{MOST_SPACE}}}"


def call_limits(
    declaration: Declaration, tree: Seq, table: dict[str, Any], ids: bool
) -> Iterator[Limit]:
    """Give the limits of names, keys, strings and, where answers print them, ``ids``."""
    for one in table["calls"]:
        made = {"pairs": _pairs, "elements": _elements, "literal": _literal}.get(one["payload"])
        if made is not None:
            yield from made(one["table"])
    holes = [node for node in walk(tree) if isinstance(node, Hole)]
    raw = {hole.field for hole in holes if hole.codec.name == "raw"}
    fields = {hole.field for hole in holes}
    if "name" in raw:
        yield _names(table)
    elif fields & {"name", "id"}:
        yield Limit("name", "empty", "an empty tool name", _empty, _empty, ("",))
    ends = {
        end
        for one in table["calls"]
        for step in one["header"]
        if step[0] == "id"
        for end in step[1]
    }

    def words(text: str) -> bool:
        inside = any(end in text for end in ends) or len(text) > 2 * LONGEST_NAME
        return inside or text.split() != [text]

    marks = (" ", *sorted(ends))
    if "name" not in fields and "id" in raw:
        said = f"tool names with white space or {either(sorted(ends))}"
        yield Limit("name", "word", said, words, marks=marks)
    if declaration.ids and ids:
        said = f"call ids of another form than {declaration.ids.pattern!r}: they are rewritten"
        yield Limit("id", "form", said, _other(declaration), silent=True)
    elif "id" in raw and ids:
        said = f"call ids with white space or {either(sorted(ends))}"
        yield Limit("id", "word", said, words, marks=marks)


def sorts(adapter: Adapter) -> bool:
    """Whether arguments are printed in the order of their names."""
    holes = (node for node in walk(adapter.ir) if isinstance(node, Hole))
    return any(
        hole.field == "arguments" and dict(hole.codec.options).get("sort_keys") for hole in holes
    )


def _empty(text: str) -> bool:
    return not text


def _other(declaration: Declaration) -> Test:
    """Return whether the id of a call of the tool ``f`` has another form than the declared one."""

    def test(text: str) -> bool:
        talk = normalise(
            [{"role": "assistant", "tool_calls": [{**call("f"), "id": text}]}], declaration
        )
        return bool(talk[0]["tool_calls"][0]["id"] != text)

    return test


def _names(table: dict[str, Any]) -> Limit:
    """Return the limit of names that stand in no JSON string."""
    stops = "".join(
        step[2] for one in table["calls"] for step in one["header"] if step[0] == "name"
    )

    def odd(text: str) -> bool:
        plain = all((char.isalnum() or char in NAME_MARKS) and char not in stops for char in text)
        return not text or not plain or len(text) > LONGEST_NAME

    words = (
        "tool names with other characters than letters, digits and _ - . : / "
        "where no tools are given"
    )
    return Limit("name", "word", words, odd)


def _closes(ends: tuple[str, ...], follow: tuple[str, ...]) -> Test:
    """Return whether a text has the end of a value in it, and then something that may follow."""
    pattern = re.compile(f"(?:{_any(ends)}){_SPACE}(?:{_any(follow)})")
    return lambda text: pattern.search(text + ends[0]) is not None


def _any(texts: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _pairs(table: dict[str, Any]) -> Iterator[Limit]:
    follow = tuple(table["follow"])
    wrapped = table.get("cdata", table)["ends"]
    where = f"and then, after white space or nothing, {either(follow)}"
    if not table["json"]:
        words = f"a string argument that contains {either(wrapped)} {where}"
        test = _closes(tuple(wrapped), follow)
        marks = tuple(a + b for a in wrapped for b in follow)
        yield Limit("string", "close", words, test, test, marks)
    # What is no string is printed as JSON, where some ends cannot stand as they are.
    inner = tuple(end for end in table["ends"] if _in_json(end) == end)
    if inner and "typed" not in table and not table["json"]:
        closes = _closes(inner, tuple(one for one in follow if _in_json(one) == one))
        marks = tuple(a + b for a in inner for b in follow)
        for hole, what in (("nested", "a string"), ("nested key", "a name")):
            words = f"{what} inside a list or an object that contains {either(inner)} {where}"
            escaped: Test = lambda text: closes(_in_json(text))  # noqa: E731
            yield Limit(hole, "close", words, escaped, escaped, marks)
    marker = "" if "escaped" in table else f"{either(table['middle'][0])} or "
    ends = table["middle"][0]

    def odd(text: str) -> bool:
        if "escaped" in table:
            text = text.replace("&", "&amp;").replace('"', "&quot;")
        return not text or "\n" in text or len(text) > LONGEST_KEY or any(e in text for e in ends)

    words = f"an argument name that contains {marker}a line break, or an empty one"
    yield Limit("key", "word", words, odd, odd, (*ends, "\n", ""))


def _in_json(text: str) -> str:
    """Return the text as the inside of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _elements(table: dict[str, Any]) -> Iterator[Limit]:
    mark, follow = table["mark"], tuple(table["follow"])
    end = f"{mark}</{KEY}>"
    words = (
        f"a string argument that contains its own end, such as {end!r}, and then {either(follow)}"
    )
    test = _closes((end,), follow)
    yield Limit("string", "close", words, test, test, tuple(end + other for other in follow))
    words = (
        f"a string inside a list or an object that contains its own end and then {either(follow)}"
    )
    inner = _closes((f"{mark}</{table['item']}>", end), follow)
    yield Limit("nested", "close", words, inner, marks=tuple(end + other for other in follow))

    def odd(text: str) -> bool:
        return not text or any(char in text for char in "/<>\n") or len(text) > LONGEST_KEY

    words = "an argument name with / < > or a line break, or none at all"
    yield Limit("key", "word", words, odd, odd, ("/", "<", ">", "\n", ""))
    words = "a name inside an object with / < > or a line break, or none at all"
    yield Limit("nested key", "word", words, odd, odd, ("/", "<", ">", "\n", ""))


def _literal(table: dict[str, Any]) -> Iterator[Limit]:
    if table["keywords"]:
        words = "argument names that are no Python identifiers"
        test: Test = lambda text: not text.isidentifier() or len(text) > LONGEST_KEY  # noqa: E731
        yield Limit("key", "word", words, test, test, ("a b", "-", ""))
        return
    quotes = tuple(delimiter for delimiter, escapes in table["quotes"] if not escapes)
    test = contains(quotes)
    for hole, what in (("string", "a string"), ("nested", "a string in a list or an object")):
        yield Limit(hole, "quote", f"{what} that contains {either(quotes)}", test, test, quotes)
    if not table["bare"]:
        for hole in ("key", "nested key"):
            yield Limit(hole, "quote", f"argument names with {either(quotes)}", test, test, quotes)
        return

    def odd(text: str) -> bool:
        bad = any(char in "{}[],:\"'\n" for char in text) or len(text) > LONGEST_KEY
        return bad or not text or text != text.lstrip(SPACE).rstrip() or test(text)

    words = "argument names with one of { } [ ] , : or a quote or a line break, or none at all"
    for hole in ("key", "nested key"):
        yield Limit(hole, "word", words, odd, odd, ("{", ":", ",", " a", '"', "\n", ""))
