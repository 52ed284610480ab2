"""A call for transformers' response parser: the parser's table of it in, patterns and a reader out.

A region of theirs is one call, or a JSON list of them: an opening pattern with the name, a body
that one of their content parsers reads, and a closing pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from typing import TYPE_CHECKING, Any

from ..ir import Hole, Obj, Rep, walk
from ..pairs import Pair, pair_of
from .response_patterns import JSON_OBJECT, JSON_TEXT, NAME, SPACE, chain, either, lead, literal

if TYPE_CHECKING:
    from ..ir import Seq

Json = dict[str, Any]
_SENTINELS = "a control character U+0001 or U+0002 in {what}: the whole answer is an error"
TYPED = (
    "arguments are raw text, typed by the tool's schema: parse_response must be given tools=; "
    "without them every argument is a string"
)
_TYPED = (
    TYPED,
    "an argument whose type only $ref, allOf, enum or const says: it stays a string",
    "a string that reads as a value of another type that its schema allows too: it becomes that "
    "value",
    "a whole number of more than 15 digits where the schema says number: it is rounded",
    "a number printed with an exponent and without a point: it becomes an integer",
)


@dataclass
class Region:
    """How one call, or the list of them, is opened, read and closed.

    ``header`` follows the opening tokens and ``body`` stands before ``close``; ``field`` holds
    the content parser, its arguments and the transform.
    """

    header: str
    body: str
    close: str
    field: Json
    losses: list[str] = member(default_factory=list)


def region(call: Mapping[str, Any], tree: Seq, parts: tuple[str, ...]) -> Region | None:
    """Return the region of a call, or None where no content parser reads its arguments."""
    makers = {
        "object": _object,
        "json": _json,
        "pairs": _pairs,
        "literal": _literal,
        "elements": _elements,
    }
    if call["payload"] == "literal" and call["table"]["keywords"]:
        return None
    made = makers[call["payload"]](call, tree)
    if any(isinstance(node, Hole) and _in_string(node) for node in walk(tree)):
        made.losses.append("arguments are a JSON string on the wire: they come as JSON text")
    steps, names = _header(call["header"], parts if call["derived"] else ())
    made.header = steps + made.header
    made.close = chain(call["close"]) + SPACE if call["close"] else ""
    function = made.field.setdefault("transform", {"type": "function", "function": {}})
    if "name" in names:
        function["function"] = {"name": "{name}", "arguments": "{content}"}
    if "id" in names:
        made.field["transform"] = {"type": "function", "id": "{id}", **function}
    return made


def _in_string(hole: Hole) -> bool:
    return hole.field == "arguments" and bool(dict(hole.codec.options).get("string"))


def _header(steps: Iterable[Any], parts: tuple[str, ...]) -> tuple[str, set[str]]:
    """Return the pattern of a header, and the names of its groups."""
    found, names = "", set[str]()
    for step in steps:
        match step:
            case ("name", space, stop):
                found += SPACE if space else ""
                allowed = NAME.replace(stop, "") if stop else NAME
                found += "(?P=name)" if "name" in names else f"(?P<name>{allowed})"
                names.add("name")
            case ("id", ends):
                if "id" in names:
                    found += f"{SPACE}(?P=id)"
                    continue
                inner = _derived(parts) if parts else "[^ \\t\\r\\n]+?"
                names |= {"id", "name"} if parts else {"id"}
                found += f"{SPACE}(?P<id>{inner})(?={SPACE}{either(map(literal, ends))})"
            case ("count",):
                found += "[0-9]++"
            case ("optional", tokens):
                found += f"(?:{chain(tokens, space=True)})?"
            case (_, tokens):
                found += chain(tokens, space=True)
    return found, names


def _derived(parts: tuple[str, ...]) -> str:
    """Return the pattern of an id that holds the name."""
    found = ""
    for part in parts:
        if part == "{name}":
            found += "(?P<name>[^ \\t\\r\\n]+?)"
        elif part.startswith("{alnum:"):
            found += f"[A-Za-z0-9]{{{part[7:-1]}}}"
        else:
            found += "[0-9]+" if part.startswith("{") else literal(part)
    return found


# -- JSON


def _object(call: Mapping[str, Any], tree: Seq) -> Region:
    paths = dict(_paths(call["table"], "content"))
    keys = either(literal(str(key)) for key in call["table"])
    made = Region(
        f'(?={SPACE}\\{{{SPACE}"{keys}"{SPACE}:)',
        JSON_TEXT,
        "",
        {"content": "json", "transform": _transform(paths)},
    )
    missing = {
        value.field
        for node in walk(tree)
        if isinstance(node, Obj)
        for key, value in node.fields
        if key in node.optional and isinstance(value, Hole)
    }
    if "id" in paths and "id" in missing:
        made.losses.append(
            "ids: a call may come without one, and their transform cannot leave it out"
        )
        del made.field["transform"]["id"]
    if "arguments" in missing:
        made.losses.append("a call whose object has no key for the arguments: it is an error")
    return made


def _paths(table: Mapping[str, Any], before: str) -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}.{key}")
        elif value in ("name", "arguments", "id"):
            yield value, f"{{{before}.{key}}}"


def _transform(paths: Mapping[str, str]) -> Json:
    function = {"name": paths.get("name", "{name}"), "arguments": paths["arguments"]}
    ids = {"id": paths["id"]} if "id" in paths else {}
    return {"type": "function", **ids, "function": function}


def listed(made: Region, table: Mapping[str, Any]) -> None:
    """Make the region of one JSON object that of a list of such objects."""
    keys = either(literal(str(key)) for key in table)
    made.header = f'(?={SPACE}\\[{SPACE}\\{{{SPACE}"{keys}"{SPACE}:)'
    made.field["transform"] = _renamed(made.field["transform"])
    made.field["transform_each"] = True


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value) for key, value in node.items()}
    return node.replace("{content.", "{")


def _json(call: Mapping[str, Any], tree: Seq) -> Region:
    # A brace that ends the call may end an object inside the arguments as well.
    body = JSON_OBJECT if call["close"] and call["close"][0][0].startswith("}") else JSON_TEXT
    return Region(f'(?={SPACE}(?:\\{{|"\\{{|null))', body, "", {"content": "json"})


# -- JSON with another quote


def _literal(call: Mapping[str, Any], tree: Seq) -> Region:
    quotes = [quote for quote, _ in call["table"]["quotes"]]
    quoted = either(f"{literal(q)}(?>[\\s\\S]*?{literal(q)})" for q in quotes)
    other = either(map(literal, quotes))
    made = Region(
        f"(?={SPACE}\\{{)",
        f"(?>{quoted}|(?!{other})[\\s\\S])*?",
        "",
        {
            "content": "json",
            "content_args": {"string_delims": [[q, q] for q in quotes], "unquoted_keys": True},
        },
    )
    made.losses = [
        "an argument name with other characters than letters, digits and _",
        _SENTINELS.format(what="a string"),
    ]
    return made


# -- marked keys and values


def _pairs(call: Mapping[str, Any], tree: Seq) -> Region:
    table = call["table"]
    loop = next(n for n in walk(tree) if isinstance(n, Rep) and n.over == "arguments")
    pair = pair_of(loop)
    assert pair is not None
    follow = either(map(literal, table["follow"]))
    ends = either(map(literal, table["ends"]))
    end = f"{ends}(?={SPACE}{follow})"
    last = f"{ends}(?={SPACE}(?:{either(map(literal, table['open'][0]))}|\\Z))"
    whole, tag = _pair(table, end), _pair(table, last, groups=True)
    made = Region(
        f"(?={SPACE}{either(map(literal, call['ahead']))})",
        f"(?:{SPACE}(?>{whole}))*+",
        "",
        {"content": "xml-inline", "content_args": {"tag_pattern": tag}},
    )
    if "escaped" in table:
        made.losses.append("an argument name that is escaped on the wire: it stays escaped")
    if pair.typed:
        quoted = _typed_delimiters(table, pair)
        made.field["content_args"]["value_parser"] = {
            "name": "json",
            "args": {"string_delims": quoted},
        }
        made.losses += [
            f"a string argument that contains {table['ends'][0]!r}",
            _SENTINELS.format(what="an argument"),
        ]
    elif table["json"]:
        made.field["content_args"]["value_parser"] = {"name": "json"}
    else:
        made.losses += _TYPED
        if dict(pair.value.options).get("containers") == "python":
            made.losses.append(
                "a list or an object among the arguments: it is no JSON, and stays text"
            )
    return made


def _pair(table: Mapping[str, Any], end: str, *, groups: bool = False) -> str:
    """Return the pattern of one key and value, up to what ends the value."""
    key, value = ("(?P<key>", "(?P<value>") if groups else ("(?:", "(?:")
    opening = chain(table["open"]) + lead(table.get("before_key", ""))
    found = f"{opening}{key}[^\\n]+?){SPACE}{chain(table['middle'])}"
    space = lead(table["lead"])
    if "typed" in table:
        after = chain(table["typed"]["after"], space=True)
        words = table["typed"]["words"]
        texts = either(literal(word) for word, kind in words.items() if kind == "text")
        others = either(literal(word) for word, kind in words.items() if kind != "text")
        if groups:
            inner = end.partition("(?=")
            string = f"{value}{texts}{after}[\\s\\S]*?{inner[0]})(?={inner[2]}"
            return f"{found}{SPACE}(?:{string}|{others}{after}{SPACE}{value}[\\s\\S]*?){end})"
        return f"{found}{SPACE}(?:{texts}{after}|{others}{after})[\\s\\S]*?{end}"
    if "cdata" in table:
        shut = end.partition("(?=")
        inside = f"<!\\[CDATA\\[{value}[\\s\\S]*?)\\]\\]>{shut[0]}(?={shut[2]}"
        return f"{found}{space}(?>{inside}|{value}[\\s\\S]*?){end})"
    return f"{found}{space}{value}[\\s\\S]*?){end}"


def _typed_delimiters(table: Mapping[str, Any], pair: Pair) -> list[list[str]]:
    words = [word for word, kind in table["typed"]["words"].items() if kind == "text"]
    tight = "".join(spelled[0] for spelled in table["typed"]["after"])
    afters = dict.fromkeys((pair.after, tight))  # white space as it is printed, or none
    return [[word + after, end] for word in words for after in afters for end in table["ends"]]


# -- elements


def _elements(call: Mapping[str, Any], tree: Seq) -> Region:
    table = call["table"]
    mark = literal(table["mark"])
    element = f"{mark}<(?P<key>[^/<>\\n]+)>(?P<value>[\\s\\S]*?){mark}</(?P=key)>"
    made = Region(
        f"(?={SPACE}{either(map(literal, call['ahead']))})",
        "[\\s\\S]*?",
        "",
        {"content": "xml-inline", "content_args": {"tag_pattern": element}},
    )
    made.losses = [
        "a list or an object among the arguments: their reader knows one level of elements",
        *_TYPED,
    ]
    return made
