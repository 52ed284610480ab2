"""The template that only appends: an adapter in, its text out, unchecked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from .emit import stable
from .ir import Alt, Hole, Lit, Node
from .runtime import Parser

if TYPE_CHECKING:
    from .adapter import Adapter


def stable_template(adapter: Adapter, rules: Sequence[str] | None = None) -> str:
    """Return the template that only appends, unchecked; ``rules`` leaves some of its rules out."""
    chosen = stable.RULES if rules is None else tuple(rules)
    return stable.template(adapter.declaration, adapter.table["starts"], closed(adapter), chosen)


def closed(adapter: Adapter) -> dict[str, str]:
    """Return beginnings of an answer, with each as it stands where no reasoning was written.

    A beginning that the generation prompt closes itself (``<think></think>``) is that already; one
    that is left open gets what the output prints behind the reasoning.
    """
    found = {}
    ends = ["", *_ends(adapter.ir)]
    for _, rest in adapter.table["starts"]:
        for end in ends if rest.strip() else []:
            events = Parser({**adapter.table, "before": rest}).feed(f"{end}x")
            if [event.as_dict()["type"] for event in events] == ["text"]:
                found[rest] = rest + end
                break
    return found


def _ends(tree: Sequence[Node]) -> Iterator[str]:
    """Give the literals that stand behind the reasoning."""
    for one, after in pairwise(tree):
        if isinstance(one, Hole) and one.field == "reasoning" and isinstance(after, Lit):
            yield after.text
    for node in tree:
        for branch in node.branches if isinstance(node, Alt) else ():
            yield from _ends(branch)
