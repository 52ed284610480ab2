"""Strings under a schema: its pattern, format and lengths in; an expression in a dialect out."""

from __future__ import annotations

from .ebnf import either, repeat
from .patterns import FORMATS, Pattern

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from .dialect import Dialect
    from .schema import Path
    from .simples import Simple
    from .values import Values

# Where characters are counted, xgrammar tries its whole vocabulary once for each of them: a
# maxLength of 100 takes seconds to compile.
_MOST_COUNTED = 4
_MOST_COST = 160
_MOST_RELAXED = 4000


def string(values: Values, one: Simple, dialect: Dialect, path: Path) -> str:
    """Return the expression of a string, with what stands around it."""
    least, most = values.counts(one, "Length", path)
    source = one.get("pattern", FORMATS.get(str(one.get("format"))))
    if isinstance(source, str):
        found = _matched(values, source, dialect, path, least, most)
        if found is not None:
            return f"{dialect.open} {found} {dialect.close}".strip()
    if most is not None and most <= _MOST_COUNTED:
        counted = repeat(dialect.plain(), least, most)
        return f"{dialect.open} {counted} {dialect.close}".strip()
    if least > 1:
        values.schemas.note(path, f"minLength {least} is enforced as 1")
    if most is not None and values.budgets and dialect.budgets:
        some = values.block(f"{dialect.prefix}_{dialect.inside}{'1' if least else ''}")
        return f"{dialect.open} {values.rule(some, most)} {dialect.close}"
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
    try:
        pattern = Pattern(source, dialect.character, True)
        if sum(part.cost for _, part, _ in pattern.branches) > _MOST_COST:
            pattern = Pattern(source, dialect.character, False)
            note(path, f"the counts in pattern {source!r:.80} are not enforced")
            if sum(part.cost for _, part, _ in pattern.branches) > _MOST_RELAXED:
                raise ValueError("it is too long")
    except ValueError as error:
        note(path, f"pattern {source!r:.80} is not enforced: {error}")
        return None
    found = []
    for begins, part, ends in pattern.branches:
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
