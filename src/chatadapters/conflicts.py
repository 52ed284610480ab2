"""What two declarations claim at once: the registry in, a sentence for each conflict out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

from . import registry


def conflicts() -> list[str]:
    """Return, in sentences, what two adapters of the registry claim at once.

    >>> conflicts()
    []
    """
    files = registry.folder("adapters").rglob(f"*{registry.SUFFIX}")
    return [*same_names(files), *same_aliases(registry.aliases()), *same_models(registry.models())]


def same_names(files: Iterable[Path]) -> Iterator[str]:
    """Name the files whose names differ by nothing that a file system or Python must tell apart."""
    first: dict[str, Path] = {}
    for path in sorted(files):
        stem = "".join(c if c.isalnum() else "_" for c in path.stem).casefold()
        other = first.setdefault(stem, path)
        if other != path:
            yield f"two files have one name, {other} and {path}: rename one of them"


def same_aliases(aliases: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """Name the aliases of an engine that two adapters have."""
    first: dict[tuple[str, str], str] = {}
    for adapter, engines in aliases.items():
        for engine, names in engines.items():
            for name in names:
                other = first.setdefault((engine, name), adapter)
                if other != adapter:
                    yield (
                        f"the alias {name!r} of {engine} is used twice, by {other!r} and "
                        f"{adapter!r}: leave it to the one that this engine's parser reads"
                    )


def same_models(models: dict[str, list[str]]) -> Iterator[str]:
    """Name the patterns of two adapters that some model id fits equally well."""
    patterns = [(name, p, registry.specificity(p)) for name, found in models.items() for p in found]
    for (one, a, rank), (other, b, same) in combinations(patterns, 2):
        if one != other and rank == same and overlap(a.lower(), b.lower()):
            yield (
                f"the models {a!r} of {one!r} and {b!r} of {other!r} overlap, and neither is the "
                "more exact one: make one pattern longer, or leave the models to one adapter"
            )


def overlap(one: str, other: str) -> bool:
    """Return whether some text fits both patterns (of ``*``, ``?`` and literal text).

    >>> overlap("a*", "*b"), overlap("a*c", "a*d")
    (True, False)
    """
    cut = min(registry.specificity(one)[0], registry.specificity(other)[0])
    return one[:cut] == other[:cut] and _overlap(one[cut:], other[cut:])


@cache
def _overlap(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _overlap(one[1:], other[1:])
