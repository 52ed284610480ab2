"""Numbers between bounds: integers or decimals in, expressions of exactly their JSON texts out.

Without bounds a number has at most 31 digits before the point and 20 after it, so that no model
can write digits without end.
"""

from __future__ import annotations

import math
from functools import lru_cache

from .ebnf import NOTHING, either, literal, maybe, repeat

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from typing import Any

MOST_DIGITS = 18  # of a bound
INTEGER = '"0" | "-"? [1-9] [0-9]{0,30}'
NUMBER = (
    '"-"? ("0" | [1-9] [0-9]{0,30}) ("." [0-9]{1,20})? ([eE] ("-" [0-9]{1,3} | "+"? [0-9]{1,2}))?'
)
_BOUNDS = frozenset(("exclusiveMinimum", "exclusiveMaximum"))
_FIGURES = "[0-9]{0,12}"
_FRACTION = f'("." [0-9] {_FIGURES})?'


def bounded(rule: Mapping[str, Any], note: Callable[[str], None]) -> str | None:
    """Return the expression of the numbers that a schema allows; None where it has no bounds.

    A bound that cannot be expressed is noted.
    """
    step = rule.get("multipleOf", 1)
    if step != 1 or ("multipleOf" in rule and rule["type"] == "number"):
        note(f"multipleOf {step!r} is not enforced")
    if rule["type"] == "integer" and _BOUNDS.isdisjoint(rule):
        plain = [rule.get("minimum"), rule.get("maximum")]
        if all(
            bound is None or (type(bound) is int and abs(bound) < 10**MOST_DIGITS)
            for bound in plain
        ):
            return _checked(integers(*plain), note) if plain != [None, None] else None
    return _decimals(rule, note)


def _checked(made: str | None, note: Callable[[str], None]) -> str | None:
    if made is None:
        note("no number is between its minimum and maximum; they are not enforced")
    return made


def _decimals(rule: Mapping[str, Any], note: Callable[[str], None]) -> str | None:
    from decimal import Decimal

    limits: list[tuple[Decimal | None, bool]] = []
    for name, sign in (("Minimum", 1), ("Maximum", -1)):
        plain, exclusive = rule.get(name.lower()), rule.get(f"exclusive{name}")
        given = [(plain, exclusive is True), (None if exclusive is True else exclusive, True)]
        found: tuple[Decimal | None, bool] = (None, False)
        for bound, apart in given:
            if bound is None or bound is False:
                continue
            whole = isinstance(bound, int | float) and not isinstance(bound, bool)
            value = Decimal(repr(bound) if whole else "NaN")
            exponent = value.as_tuple().exponent
            if (
                not value.is_finite()
                or abs(value) >= 10**MOST_DIGITS
                or int(exponent) < -MOST_DIGITS
            ):
                note(f"{name.lower()} {bound!r} is not enforced")
            elif found[0] is None or (value * sign, apart) > (found[0] * sign, found[1]):
                found = (value, apart)
        limits.append(found)
    (least, above), (most, below) = limits
    if least is None and most is None:
        return None
    made = numbers(least, most, above, below)
    if rule["type"] == "integer":
        made = integers(_whole(least, above, 1), _whole(most, below, -1))
    return _checked(made, note)


def _whole(bound: Decimal | None, apart: bool, sign: int) -> int | None:
    """Return the integer nearest to a bound that is within it."""
    if bound is None:
        return None
    nearest = math.ceil(sign * bound)
    return sign * (nearest + (apart and nearest == sign * bound))


@lru_cache(maxsize=1024)
def integers(least: int | None, most: int | None) -> str | None:
    """Return the expression of the integers between two bounds, or None where there is none."""
    found = []
    if most is None or most >= 0:
        found.append(_naturals(max(least or 0, 0), most))
    if least is None or least < 0:
        nearest = 1 if most is None else max(1, -most)
        if least is None or nearest <= -least:
            found.append(f'"-" {_naturals(nearest, None if least is None else -least)}')
    if least is not None and most is not None and least > most:
        return None
    return either(found)


def _naturals(least: int, most: int | None) -> str:
    first, found = str(least), []
    for size in range(len(first), len(str(most)) + 1 if most is not None else len(first) + 1):
        low = max(least, 10 ** (size - 1) if size > 1 else 0)
        high = 10**size - 1 if most is None else min(most, 10**size - 1)
        found.append(_span(str(low), str(high)))
    if most is None:
        found.append(f"[1-9] [0-9]{{{len(first)},30}}")
    return either(found)


def _span(low: str, high: str) -> str:
    """Return the expression of the digits from ``low`` to ``high``, which are equally many."""
    if low == high:
        return literal(low)
    rest = len(low) - 1
    if not rest:
        return f"[{low}-{high}]"
    if low[0] == high[0]:
        return f"{literal(low[0])} {_span(low[1:], high[1:])}"
    first, last, found = int(low[0]), int(high[0]), []
    if low[1:] != "0" * rest:
        found.append(f"{literal(low[0])} {_span(low[1:], '9' * rest)}")
        first += 1
    if high[1:] != "9" * rest:
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}] {repeat('[0-9]', rest, rest)}")
    if high[1:] != "9" * rest:
        found.append(f"{literal(high[0])} {_span('0' * rest, high[1:])}")
    return either(found)


def numbers(
    least: Decimal | None, most: Decimal | None, above: bool = False, below: bool = False
) -> str | None:
    """Return the expression of the decimals between two bounds, or None where there is none.

    ``above`` and ``below``: the bound itself is not in it.
    """
    found = []
    if most is None or most >= 0:
        low = max(least, 0 * least) if least is not None else None
        found += _sizes(low, most, above and low == least, below)
    if least is None or least < 0:
        high = max(-most, 0 * most) if most is not None else None
        far = None if least is None else -least
        sizes = _sizes(high, far, below and high is not None and -high == most, above)
        found += [f'"-" {size}' for size in sizes]
    return either(found) if found else None


def _sizes(low: Decimal | None, high: Decimal | None, above: bool, below: bool) -> list[str]:
    """Return the expressions of the decimals without a sign between two bounds."""
    first, after = _split(low) if low is not None else (0, "")
    if high is None:
        return [
            _join(literal(str(first)), _at_least(after, above)),
            f"{_naturals(first + 1, None)} {_FRACTION}",
        ]
    last, until = _split(high)
    if first > last:
        return []
    if first == last:
        fractions = _between(after, above, until, below)
        return [_join(literal(str(first)), fractions)] if fractions is not None else []
    found = [_join(literal(str(first)), _at_least(after, above))]
    if first + 1 < last:
        found.append(f"{_naturals(first + 1, last - 1)} {_FRACTION}")
    end = _between("", False, until, below)
    return [*found, _join(literal(str(last)), end)] if end is not None else found


def _split(bound: Decimal) -> tuple[int, str]:
    whole, _, fraction = f"{bound:f}".partition(".")
    return int(whole), fraction.rstrip("0")


def _join(whole: str, fraction: str) -> str:
    return whole if fraction == NOTHING else f"{whole} {fraction}"


def _at_least(digits: str, above: bool) -> str:
    """Return the expression of a point and digits that say no less than these."""
    if not digits:
        return f'"." "0"* [1-9] {_FIGURES}' if above else _FRACTION
    return f'"." {_from(digits, above)}'


def _from(digits: str, above: bool) -> str:
    if not digits:
        return f'"0"* [1-9] {_FIGURES}' if above else _FIGURES
    found = [f"{literal(digits[0])} {_from(digits[1:], above)}"]
    if digits[0] < "9":
        found.append(f"[{int(digits[0]) + 1}-9] {_FIGURES}")
    return either(found)


def _between(low: str, above: bool, high: str, below: bool) -> str | None:
    """Return the expression of a point and digits between these, or None where there are none."""
    if low > high or (low == high and (above or below)):
        return None
    zero = not low and not above
    if not high:
        return maybe('"." "0" [0]{0,12}')
    if low == high:
        return f'"." {literal(high)} [0]{{0,12}}'
    inner = f'"." {_within(low, above, high, below)}'
    return maybe(inner) if zero else inner


def _within(low: str, above: bool, high: str, below: bool) -> str:
    """Return the expression of the digits from ``low`` to the greater ``high``."""
    first, last = low[:1] or "0", high[0]
    if first == last:
        rest = _within(low[1:], above, high[1:], below)
        return f"{literal(last)} {rest if low[1:] or above else maybe(rest)}"
    found = [f"{literal(first)} {_from(low[1:], above)}"]
    if int(first) + 1 < int(last):
        found.append(f"[{int(first) + 1}-{int(last) - 1}] {_FIGURES}")
    end = _upto(high[1:], below)
    return either(
        [*found, literal(last) if end == NOTHING else f"{literal(last)} {end}"] if end else found
    )


def _upto(digits: str, below: bool) -> str | None:
    """Return the expression of digits, or none, that say no more than these."""
    if not digits:
        return None if below else "[0]{0,12}"
    found = [f"[0-{int(digits[0]) - 1}] {_FIGURES}"] if digits[0] > "0" else []
    end = _upto(digits[1:], below)
    if end is not None:
        found.append(f"{literal(digits[0])} {end}")
    return maybe(either(found))
