"""The ``pattern`` of a schema: a regular expression of ECMA 262 in, an expression out.

What no grammar can say (look-around, references, word boundaries) raises ``Untranslatable``.
"""

from __future__ import annotations

from .ebnf import NOTHING, outside, repeat, tidy

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from .ebnf import Ranges

_DIGIT = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_BLANK = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _BLANK}
# Which letters and digits beyond ASCII are \w and \d differs between engines: \W and \D have none.
_NO_CLASSES = {
    "D": outside((*_DIGIT, (128, 0x10FFFF))),
    "W": outside((*_WORD, (128, 0x10FFFF))),
    "S": outside((*_BLANK, (0x1C, 0x1F), (0x85, 0x85), (0xFEFF, 0xFEFF))),
}
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0}
_HEX = {"x": 2, "u": 4}
_LINE_ENDS = ((10, 10), (13, 13), (0x2028, 0x2029))
_MOST_COPIES = 1000
_DEEPEST_GROUP = 40

_DATE = (
    r"[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_HOUR = "([01][0-9]|2[0-3])"
_TIME = rf"{_HOUR}:[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-]{_HOUR}:[0-5][0-9])"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_WORDS = "[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
FORMATS = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "ipv4": rf"^{_BYTE}(\.{_BYTE}){{3}}$",
    "email": rf"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@{_WORDS}(\.{_WORDS})+$",
}


class Untranslatable(ValueError):
    """A pattern that the grammar cannot express; the message quotes the part."""


class Part:
    """A piece of a pattern: its expression, how many characters it matches, and its cost.

    The cost is about how many states a compiler must try every word of a vocabulary in.
    """

    __slots__ = ("cost", "least", "most", "text")

    def __init__(self, text: str, least: int, most: int | None, cost: int) -> None:
        self.text, self.least, self.most, self.cost = text, least, most, cost


class Pattern:
    """A regular expression, read: ``branches`` of (whether anchored, part, whether anchored).

    ``character`` spells one character out of a set. Without ``counted``, counts of repetitions are
    read as none or more, or one or more.
    """

    def __init__(self, source: str, character: Callable[[Ranges], str], counted: bool) -> None:
        self._source, self._character, self._counted = source, character, counted
        self._at = self._depth = 0
        self.branches: list[tuple[bool, Part, bool]] = []
        while True:
            start = self._take("^")
            part = self._sequence("|")
            self.branches.append((start, part, self._take("$")))
            if not self._take("|"):
                break
        if self._at < len(source):
            self._fail(source[self._at])

    def _fail(self, what: str) -> NoReturn:
        raise Untranslatable(f"{what!r} in {self._source!r}")

    def _take(self, text: str) -> bool:
        if self._source.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._source):
            self._fail(self._source[-1:])
        self._at += 1
        return self._source[self._at - 1]

    def _sequence(self, ends: str) -> Part:
        found: list[Part] = []
        while self._at < len(self._source) and self._source[self._at] not in f"{ends}$)":
            found.append(self._repeated(self._atom()))
        most = [part.most for part in found]
        return Part(
            " ".join(part.text for part in found) or NOTHING,
            sum(part.least for part in found),
            None if None in most else sum(filter(None, most)),
            sum(part.cost for part in found),
        )

    def _group(self) -> Part:
        self._depth += 1
        if self._depth > _DEEPEST_GROUP:
            self._fail("(")
        found = [self._sequence("|")]
        while self._take("|"):
            found.append(self._sequence("|"))
        if not self._take(")"):
            self._fail("(")
        self._depth -= 1
        most = [part.most for part in found]
        return Part(
            f"({' | '.join(part.text for part in found)})",
            min(part.least for part in found),
            None if None in most else max(m or 0 for m in most),
            sum(part.cost for part in found),
        )

    def _repeated(self, part: Part) -> Part:
        if self._take("*"):
            least, most = 0, None
        elif self._take("+"):
            least, most = 1, None
        elif self._take("?"):
            least, most = 0, 1
        elif self._take("{"):
            least, most = self._bounds()
        else:
            return part
        self._take("?")
        if self._source[self._at : self._at + 1] in ("*", "+", "?", "{"):
            self._fail(self._source[self._at])
        if not self._counted and (least > 1 or (most or 0) > 1):
            least, most = min(least, 1), None
        return Part(
            repeat(part.text, least, most),
            part.least * least,
            None if most is None or part.most is None else part.most * most,
            part.cost * (max(least, 1) if most is None else most),
        )

    def _bounds(self) -> tuple[int, int | None]:
        inner, brace, rest = self._source[self._at :].partition("}")
        first, comma, second = inner.partition(",")
        if not brace or not first.isdecimal() or not (second.isdecimal() or not second):
            self._fail("{")
        self._at = len(self._source) - len(rest)
        least = int(first[:9])
        most = int(second[:9]) if second else None if comma else least
        if max(least, most or 0) > _MOST_COPIES or (most is not None and most < least):
            self._fail(f"{{{inner}}}")
        return least, most

    def _atom(self) -> Part:
        char = self._next()
        if char == "(":
            self._group_name()
            return self._group()
        if char == "[":
            found = self._class()
        elif char == ".":
            found = outside(_LINE_ENDS)
        elif char == "\\":
            found = self._escape()
        elif char in "*+?^":
            self._fail(char)
        else:
            found = ((ord(char), ord(char)),)
        count = sum(last - first + 1 for first, last in found)
        cost = 1 if count <= 10 else 2 if count <= 22 else 8
        return Part(self._character(found), 1, 1, cost)

    def _group_name(self) -> None:
        """Pass over what says only that a group is not numbered, or what it is called."""
        if not self._take("?") or self._take(":"):
            return
        named = self._take("<") or self._take("P<")
        if not named or self._source[self._at : self._at + 1] in ("=", "!"):
            self._fail("(?")
        while self._next() != ">":
            pass

    def _escape(self) -> Ranges:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _NO_CLASSES:
            return _NO_CLASSES[char]
        code = ord(char)
        if char in _HEX:
            digits = self._source[self._at : self._at + _HEX[char]]
            if len(digits) < _HEX[char] or not all(d in "0123456789abcdefABCDEF" for d in digits):
                self._fail(f"\\{char}")
            code = int(digits, 16)
            self._at += len(digits)
        elif char in _CONTROLS:
            code = _CONTROLS[char]
        elif char.isalnum():
            self._fail(f"\\{char}")
        return ((code, code),)

    def _class(self) -> Ranges:
        negated, found = self._take("^"), list[tuple[int, int]]()
        begin = self._at
        while not self._take("]"):
            first = self._member()
            if self._source.startswith("-", self._at) and not self._source.startswith(
                "-]", self._at
            ):
                self._at += 1
                last = self._member()
                if len(first) > 1 or len(last) > 1 or last[0][1] < first[0][0]:
                    self._fail("-")
                first = ((first[0][0], last[0][1]),)
            found += first
        if negated and ("\\w" in (inner := self._source[begin : self._at]) or "\\d" in inner):
            found.append((128, 0x10FFFF))
        made = outside(tuple(found)) if negated else tidy(tuple(found))
        return made or self._fail("[]")

    def _member(self) -> Ranges:
        char = self._next()
        if char != "\\":
            return ((ord(char), ord(char)),)
        return ((8, 8),) if self._take("b") else self._escape()
