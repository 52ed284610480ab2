"""Strings under a schema: its pattern, format and lengths in; an expression in a dialect out."""

from __future__ import annotations

from .ebnf import either, repeat
from .patterns import FORMATS, Part, Pattern

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from .dialect import Dialect
    from .schema import Path
    from .simples import Simple
    from .values import Values

# Where characters are counted, xgrammar tries its whole vocabulary once for each of them: a
# maxLength of 20 takes a second to compile on one core, one of 100 five. This many are for all of
# a request; with 96 of them xgrammar 0.2.8 also refused tokens that its own mask had allowed.
MOST_COUNTED = 4
_MOST_COST = 100
_MOST_RELAXED = 2000
_MOST_READ = 256


def string(values: Values, one: Simple, dialect: Dialect, path: Path) -> str:
    """Return the expression of a string, with what stands around it."""
    least, most = values.counts(one, "Length", path)
    source = one.get("pattern", FORMATS.get(str(one.get("format"))))
    if isinstance(source, str):
        found = _matched(values, source, dialect, path, least, most)
        if found is not None:
            return f"{dialect.open} {found} {dialect.close}".strip()
    if most is not None and most <= values.counted:
        values.counted -= most
        counted = repeat(dialect.plain(), least, most)
        return f"{dialect.open} {counted} {dialect.close}".strip()
    if least > 1:
        values.schemas.note(path, f"minLength {least} is enforced as 1")
    if most is not None:
        values.schemas.note(path, f"maxLength {most} is not enforced")
    return values.block(dialect.string(some=least > 0))


def _matched(
    values: Values, source: str, dialect: Dialect, path: Path, least: int, most: int | None
) -> str | None:
    """Return the expression of the texts that hold a match of a pattern.

    What cannot be expressed is noted; None where nothing of it can.
    """
    note = values.schemas.note
    branches, relaxed, trouble = _read(source, dialect)
    if trouble:
        note(path, f"pattern {source!r:.80} is not enforced: {trouble}")
        return None
    if relaxed:
        note(path, f"the counts in pattern {source!r:.80} are not enforced")
    found = []
    for begins, part, ends in branches:
        texts = [part.text]
        if not begins:
            texts.insert(0, values.block(f"{dialect.prefix}_{dialect.before}"))
        if not ends:
            texts.append(values.block(f"{dialect.prefix}_{dialect.inside}"))
        found.append(" ".join(texts))
        if part.least < least:
            note(path, f"minLength {least} is not enforced beside its pattern")
        if most is not None and (len(texts) > 1 or part.most is None or part.most > most):
            note(path, f"maxLength {most} is not enforced beside its pattern")
    return either(found)


def _read(source: str, dialect: Dialect) -> tuple[list[tuple[bool, Part, bool]], bool, str]:
    """Return a pattern's branches, whether counts were taken off, and why there are none."""
    known = dialect.patterns.get(source)
    if known is None:
        try:
            branches = Pattern(source, dialect.character, True).branches
            relaxed = sum(part.cost for _, part, _ in branches) > _MOST_COST
            if relaxed:
                branches = Pattern(source, dialect.character, False).branches
            long = sum(part.cost for _, part, _ in branches) > _MOST_RELAXED
            known = (branches, relaxed, "it is too long" if long else "")
        except ValueError as error:
            known = ([], False, str(error))
        if len(dialect.patterns) >= _MOST_READ:
            dialect.patterns.clear()
        dialect.patterns[source] = known
    return known
