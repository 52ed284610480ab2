"""A declaration's raw table in, its mutations out: each changes one value of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from mutate_declarations_fragments import changes

from chatadapters.declaration import HistoryPolicy

Table = dict[str, Any]
Path = tuple[str | int, ...]

FRAGMENTS = ("opening", "system", "user", "assistant", "tool", "other", "generation", "macros")
NEEDED = ("user", "assistant")  # fragments that a declaration must have
# What says nothing about the format, or is a witness itself, is left alone: title, models, aliases,
# evidence, references, flags and extends.
_GONE = object()


@dataclass(frozen=True)
class Mutation:
    """One change: ``path`` leads to a value of the table, ``new`` takes its place."""

    adapter: str
    path: Path
    kind: str
    what: str
    new: Any = _GONE

    @property
    def key(self) -> str:
        """The path as people write it.

        >>> Mutation("x", ("accept", "spellings", 0, "read"), "accept", "").key
        'accept.spellings[0].read'
        """
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)[
            1:
        ]

    def __str__(self) -> str:
        return f"{self.adapter}: {self.key}: {self.what}"

    def apply(self, table: Table) -> Table:
        """Return a copy of the table with the change in it."""
        made = copy.deepcopy(table)
        inner: Any = made
        for part in self.path[:-1]:
            inner = inner[part]
        if self.new is _GONE:
            del inner[self.path[-1]]
        else:
            inner[self.path[-1]] = self.new
        return made


def toml(table: Table) -> str:
    """Return a table as TOML: a key a line, inner tables inline.

    >>> toml({"a": "x\\n", "b": {"c": [True, 1]}})
    'a = "x\\\\n"\\nb = {"c" = [true, 1]}\\n'
    """
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{json.dumps(k)} = {_value(v)}' for k, v in value.items())}}}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def mutations(adapter: str, table: Table, texts_of: dict[str, list[str]]) -> Iterator[Mutation]:
    """Give the mutations of a declaration's own keys, in their order.

    ``texts_of`` gives, for each option, the texts that the fragments compare it with.
    """

    def one(path: Path, kind: str, what: str, new: Any = _GONE) -> Mutation:
        return Mutation(adapter, path, kind, what, new)

    def marker(path: Path, kind: str, text: str) -> Iterator[Mutation]:
        yield one(path, kind, f"double the last character of {text!r}", text + text[-1:])

    def fragment(path: Path, text: str, **how: bool) -> Iterator[Mutation]:
        seen = {text}
        for way, thing, made in changes(text, **how):
            if made not in seen:
                seen.add(made)
                yield one(path, thing.split(" ")[0], f"{way}: {thing}", made)

    for name in ("stop", "special"):
        for number, text in enumerate(table.get(name, ())):
            yield from marker((name, number), name, text)
            if name == "stop":
                yield one((name, number), name, f"drop {text!r}")
    for number, deviation in enumerate(table.get("deviations", ())):
        yield one(("deviations", number), "deviation", f"drop {deviation['when']!r:.60}")
        path: Path = ("deviations", number, "when")
        yield one(path, "deviation", "negate", f"not ({deviation['when']})")
        yield from fragment(path, deviation["when"], expression=True)
    for name, text in table.get("tokens", {}).items():
        yield one(("tokens", name), "token", f"add a character to {text!r}", f"{text}x")
    for name, value in table.get("options", {}).items():
        for other in _other_values(value, texts_of.get(name, [])):
            yield one(("options", name), "option", f"{value!r} becomes {other!r}", other)
    prompt = table.get("prompt", {})
    for name in FRAGMENTS:
        if name in prompt:
            if name not in NEEDED and prompt[name]:
                yield one(("prompt", name), "fragment", "drop it")
            yield from fragment(("prompt", name), prompt[name])
    if "parts" in prompt:
        yield one(("prompt", "parts"), "literal", "add a character", prompt["parts"] + "x")
    for number, name in enumerate(prompt.get("use", ())):
        yield one(("prompt", "use", number), "fragment", f"drop the macros {name!r}")
    output = table.get("output", {})
    yield from fragment(("output", "text"), output.get("text", ""))
    for path, policy in _policies(output):
        for other in get_args(HistoryPolicy):
            if other != policy:
                yield one(path, "history", f"{policy!r} becomes {other!r}", other)
    if "history_when" in output:
        yield one(
            ("output", "history_when"), "history", "negate", f"not ({output['history_when']})"
        )
        yield from fragment(("output", "history_when"), output["history_when"], expression=True)
    if "inline" in output:
        yield one(("output", "inline"), "inline", "drop the markers")
        for number, text in enumerate(output["inline"]):
            yield from marker(("output", "inline", number), "inline", text)
    if "ids" in table:
        yield one(("ids",), "ids", "drop the form of ids")
        yield one(("ids", "pattern"), "ids", "add a character", table["ids"]["pattern"] + "x")
    for name, value in table.get("limits", {}).items():
        other = not value if isinstance(value, bool) else value + 1
        yield one(("limits", name), "limit", f"{value!r} becomes {other!r}", other)
    yield from _accepted(table.get("accept", {}), one)


def _accepted(accept: Table, one: Any) -> Iterator[Mutation]:
    for number, spelling in enumerate(accept.get("spellings", ())):
        path: Path = ("accept", "spellings", number)
        yield one(path, "accept", f"drop the spelling {spelling['read']!r}")
        for name in ("for", "read"):
            made = spelling[name] + spelling[name][-1:]
            yield one((*path, name), "accept", f"double the last character of {name}", made)
    for number, text in enumerate(accept.get("missing", ())):
        yield one(("accept", "missing", number), "accept", f"drop {text!r}")
    if "calls_in_reasoning" in accept:
        value = not accept["calls_in_reasoning"]
        yield one(("accept", "calls_in_reasoning"), "accept", f"becomes {value!r}", value)


def _other_values(value: Any, texts: list[str]) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case str():
            return [text for text in texts if text != value][:2] or [f"{value}x"]
    return [True, *texts[:1]]


def _policies(output: Table) -> Iterator[tuple[Path, str]]:
    history = output.get("history")
    if isinstance(history, str):
        yield ("output", "history"), history
    elif history:
        for option, table in history.items():
            for value, policy in table.items():
                yield ("output", "history", option, value), policy
