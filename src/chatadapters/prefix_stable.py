"""The template that only appends: an adapter in, its text out, unchecked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from .emit import stable
from .errors import ChatAdaptersError
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

    A beginning that the generation prompt closes itself (``<think></think>``) is that already, and
    so is one that the output closes where it says nothing else (``</think>`` alone); any other that
    is left open gets what the output prints behind the reasoning.
    """
    found = {}
    ends = list(_ends(adapter.ir))
    bare = _bare(adapter)
    for _, rest in adapter.table["starts"]:
        if not rest.strip():
            continue
        if is_text(adapter, rest, "x") or (bare and is_text(adapter, rest, f"{bare}x")):
            found[rest] = rest
            continue
        end = next((end for end in ends if is_text(adapter, rest, f"{end}x")), None)
        if end is not None:
            found[rest] = rest + end
    return found


def is_text(adapter: Adapter, read: str, answer: str) -> bool:
    """Tell whether an answer is content alone, where so much of it was read before."""
    events = Parser({**adapter.table, "before": read}).feed(answer)
    return [event.as_dict()["type"] for event in events] == ["text"]


def _bare(adapter: Adapter) -> str:
    """Return what is printed before the content of an answer without a reasoning."""
    said = "zq1"
    talk = [{"role": "user", "content": said}, {"role": "assistant", "content": said}]
    try:
        return adapter.output(talk).partition(said)[0]
    except ChatAdaptersError:  # a format may need more than a question
        return ""


def _ends(tree: Sequence[Node]) -> Iterator[str]:
    """Give the literals that stand behind the reasoning."""
    for one, after in pairwise(tree):
        if isinstance(one, Hole) and one.field == "reasoning" and isinstance(after, Lit):
            yield after.text
    for node in tree:
        for branch in node.branches if isinstance(node, Alt) else ():
            yield from _ends(branch)
