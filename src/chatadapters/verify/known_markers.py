"""Stop strings and special markers: a declaration in, those that nothing else speaks of out."""

from __future__ import annotations

from functools import cache
from typing import Any

from .. import registry
from ..codecs.printers import quoted
from ..declaration import Declaration
from ..tables import read_table


def unknown_markers(declaration: Declaration, template: str) -> list[str]:
    """Return the stop strings and special markers that are known from nowhere else.

    Known is what the compiled ``template`` prints, a token of ``[tokens]``, and what another
    adapter declares as a stop string or a marker.
    """
    tokens = set(declaration.tokens.values())
    return [
        marker
        for marker in dict.fromkeys((*declaration.stop, *declaration.special))
        if marker.strip() not in template
        and quoted(marker.strip())[1:-1] not in template
        and marker not in tokens
        and not _declared().get(marker, frozenset()) - {declaration.name}
    ]


@cache
def _declared() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in registry.names():
        table: dict[str, Any] = read_table(registry.resolve(name))
        for marker in (*table.get("stop", ()), *table.get("special", ())):
            found.setdefault(marker, set()).add(name)
    return {marker: frozenset(names) for marker, names in found.items()}
