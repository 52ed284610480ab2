"""The laws of the design, tried on one adapter: an adapter in, a report out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import agreement, laws, model
from .agreement import Agreement
from .laws import LawResult

__all__ = ("Agreement", "LawResult", "Report", "verify")


@dataclass
class Report:
    """What ``verify`` found out about one adapter."""

    adapter: str
    evidence: str = "template"  # what the declaration is read from
    agreements: list[Agreement] = field(default_factory=list)
    laws: list[LawResult] = field(default_factory=list)
    tokenizers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def compared(self) -> bool:
        """Whether at least one reference was found and compared."""
        return any(item.found for item in self.agreements)

    @property
    def failures(self) -> list[str]:
        """Every failure, each with the law that it breaks."""
        found = [
            f"agreement with {item.model}: {text}"
            for item in self.agreements
            for text in item.failures
        ]
        return found + [f"{law.name}: {text}" for law in self.laws for text in law.failures]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a reference that was not found is a note, not a failure."""
        return not self.failures and all(law.ok for law in self.laws)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {**asdict(self), "ok": self.ok, "compared": self.compared}


def verify(
    adapter: Any,
    *,
    seed: int = 0,
    generated: int = 200,
    model_folder: Path | None = None,
    tokenizers: Sequence[model.Tokenizer] = (),
) -> Report:
    """Try the laws on an adapter and on real tokenizers.

    With ``model_folder``, that model's chat template and tokenizer take the official ones' place.
    """
    report = Report(adapter.name, adapter.declaration.evidence)
    template = None
    if model_folder is not None:
        template = model.chat_template(model_folder)
        found = model.tokenizer(model_folder)
        if isinstance(found, str):
            report.notes.append(found)
        else:
            tokenizers = (*tokenizers, found)
    report.agreements = agreement.agreements(
        adapter, seed=seed, generated=generated, model_template=template
    )
    subject = laws.Subject(adapter)
    report.laws = laws.check_all(subject, seed, generated)
    for tokenizer in tokenizers:
        result = model.tokens(subject, tokenizer, seed)
        report.laws.append(result)
        report.tokenizers.append(f"{tokenizer.name} ({result.note})")
    report.notes += [
        f"{item.model}: the reference {item.sha256[:8]} was not found"
        for item in report.agreements
        if not item.found
    ]
    return report
