"""One template in two engines: what they are given in, where they print other texts out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portability_engines import Context, Engine, Printed

from chatadapters.adapter import Adapter
from chatadapters.verify.agreement import with_own_ids
from chatadapters.verify.conversations import Conversation

SHOWN = 24  # characters of two texts, from their first difference on
Samples = list[tuple[str, Context]]  # names and what the template is given


@dataclass
class Finding:
    """How two engines compare on some conversations."""

    samples: list[str] = field(default_factory=list)
    equal: int = 0  # texts
    # (kind, what the second said) -> the conversations. Kinds: differs, refuses, prints (what the
    # first refuses).
    differences: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def entry(self) -> dict[str, Any]:
        """Return what is kept."""
        found = [
            {"kind": kind, "said": said, "in": names}
            for (kind, said), names in self.differences.items()
        ]
        return {"equal": self.equal, **({"differences": found} if found else {})}


def contexts(adapter: Adapter, samples: Sequence[Conversation]) -> Samples:
    """Return what a server hands to the template for each conversation, ids in their own form."""
    given = []
    for sample in samples:
        own = with_own_ids(adapter, sample)
        context: Context = {**adapter.declaration.tokens, **own.options}
        context |= {"messages": own.messages, "tools": own.tools}
        given.append((own.name, context | {"add_generation_prompt": own.add_generation_prompt}))
    return given


def compared(wanted: Sequence[Printed], engine: Engine, source: str, samples: Samples) -> Finding:
    """Render one template in an engine, and compare with what the first one printed."""
    found = Finding([name for name, _ in samples])
    texts = engine.render(source, [context for _, context in samples])
    for name, first, second in zip(found.samples, wanted, texts, strict=True):
        if first.text == second.text:
            found.equal += first.text is not None
        else:
            found.differences.setdefault(_difference(first, second), []).append(name)
    return found


def sha256(source: str) -> str:
    """Return what is kept of a template."""
    return hashlib.sha256(source.encode()).hexdigest()


def _difference(wanted: Printed, got: Printed) -> tuple[str, str]:
    if wanted.text is None:
        return "prints", f"the first: {wanted.error}"
    if got.text is None:
        return "refuses", got.error
    pairs = enumerate(zip(wanted.text, got.text, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(wanted.text), len(got.text)))
    ends = (text[at : at + SHOWN] for text in (wanted.text, got.text))
    return "differs", " became ".join(map(repr, ends))
