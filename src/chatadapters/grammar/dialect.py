"""A dialect, one spelling of JSON values: its options in; what its parts are in a grammar out.

Its blocks are rules that all tools share; a grammar takes those that it needs.
"""

from __future__ import annotations

from .ebnf import either, literal, maybe, one_of, outside, rule
from .numerals import INTEGER, NUMBER

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .ebnf import Ranges

    Blocks = dict[str, tuple[str, tuple[str, ...]]]  # name: (the rule, names of blocks it needs)

JSON_WORDS = {"null": '"null"', "boolean": '("true" | "false")'}
LONGEST_WRITTEN_KEY = 256


class Dialect:
    """How values are spelled where they stand. ``blocks`` are shared by dialects that mix."""

    def __init__(self, prefix: str, blocks: Blocks) -> None:
        self.prefix = prefix
        self.blocks = blocks
        # What arrays and objects are spelled in where they stand in this dialect.
        self.arrays: Dialect = self
        self.objects: Dialect = self
        self.words: Mapping[str, str] = JSON_WORDS
        self.comma, self.colon = '", "', '": "'
        self.brackets, self.braces = ('"["', '"]"'), ('"{"', '"}"')
        # Strings: what stands around them, the rule of their inside, the rule of what may stand
        # before a text in it, characters that never stand there as they are, and their escapes.
        self.open = self.close = '"\\""'
        self.inside, self.before = "in", "in"
        self.banned: Ranges = ()
        self.escapes: Mapping[int, str] = {}
        self.text_keys = True  # whether keys are strings
        self.order: Callable[[str], str] | None = None  # by which keys are sorted
        self.key: Callable[[str], str | None] = _unwritten
        self.spell: Callable[[Any], str | None] = _unwritten
        self.simple = {
            "string": f"{prefix}_str",
            "integer": "n_int",
            "number": "n_num",
            "any": f"{prefix}_any",
        }
        self.patterns: dict[str, Any] = {}  # what has been read of patterns
        self._around_key: tuple[str, str] | None = None
        self._shared: dict[frozenset[str], str] = {}

    def block(self, name: str, body: str, *needs: str) -> str:
        """Add a shared rule and return its whole name."""
        name = f"{self.prefix}_{name}"
        self.blocks[name] = (rule(name, body), needs)
        return name

    def string(self, some: bool = False) -> str:
        """Return the name of the block of any string, or of any that is not empty."""
        return f"{self.simple['string']}{'1' if some else ''}"

    def member(self, name: str) -> str | None:
        """Return the expression of a key with its colon, or None where it cannot be written."""
        if self._around_key and name.isidentifier() and name.isascii():
            return f"{self._around_key[0]}{name}{self._around_key[1]}"
        text = self.key(name)
        return None if text is None else f"{literal(text)} {self.colon}"

    def shared(self, used: frozenset[str]) -> str:
        """Return the rules of these blocks and of all that they need."""
        found = self._shared.get(used)
        if found is None:
            needed, queue = set[str](), [*used]
            while queue:
                name = queue.pop()
                if name not in needed:
                    needed.add(name)
                    queue += self.blocks[name][1]
            found = "\n".join(self.blocks[name][0] for name in sorted(needed))
            self._shared[used] = found
        return found

    def character(self, ranges: Ranges) -> str:
        """Return the expression of one character of a set, inside a string.

        Raises ``ValueError`` where no string can hold one.
        """
        plain = outside((*outside(ranges), *self.banned))
        options = [one_of(plain)] if plain else []
        for code, escape in self.escapes.items():
            if _holds(ranges, code) and not _holds(plain, code):
                options.append(literal(escape))
        if not options:
            raise ValueError("this format cannot write one of its characters")
        return either(options)

    def plain(self) -> str:
        """Return the expression of one character that stands for itself in a string."""
        return one_of(outside(self.banned))

    def containers(self) -> None:
        """Add the blocks of arrays, objects and any value."""
        before, _, after = str(self.key("x")).partition("x")
        self._around_key = literal(before)[:-1], literal(after)[1:-1] + self.colon[1:]
        gap = ("gap",) if "gap" in self.blocks else ()
        value, key = f"{self.prefix}_any", f"{self.prefix}_key"
        first, last = self.brackets
        items = maybe(f"{value} ({self.comma} {value})*")
        self.block("list", f"{first} {items} {last}", value, *gap)
        first, last = self.braces
        entry = f"{key} {self.colon} {value}"
        entries = maybe(f"{entry} ({self.comma} {entry})*")
        self.block("map", f"{first} {entries} {last}", key, value, *gap)
        self.any_value()

    def any_value(self) -> None:
        """Add the block of any value."""
        lists, maps = f"{self.arrays.prefix}_list", f"{self.objects.prefix}_map"
        needs = (self.string(), "n_num", lists, maps)
        body = " | ".join((*needs, self.words["boolean"], self.words["null"]))
        self.block("any", body, *needs)


def new_blocks() -> Blocks:
    """Return the blocks that all dialects have."""
    return {"n_int": (rule("n_int", INTEGER), ()), "n_num": (rule("n_num", NUMBER), ())}


def written(dump: Callable[[Any], str], value: Any) -> str | None:
    """Return the text of a value, or None where it has none."""
    try:
        text = dump(value)
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return None
    return text


def _holds(ranges: Ranges, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _unwritten(value: Any) -> str | None:
    return None
