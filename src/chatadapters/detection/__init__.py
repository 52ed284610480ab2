"""Which adapter fits a chat template: the template in, exact and near fits by behaviour out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import ChatAdaptersError
from .fits import Fit, Prints, Subject
from .known import Entry, entries
from .sandbox import Sandbox

__all__ = ("Detection", "Fit", "detect")

NEAREST = 3


@dataclass(frozen=True)
class Detection:
    """What fits a template: the best first."""

    exact: tuple[Fit, ...]
    near: tuple[Fit, ...]
    refused: int  # probes that the template refuses
    refusal: str = ""  # what it says of the first of them

    @property
    def adapter(self) -> str | None:
        """The name of the adapter that fits exactly and best, or None."""
        return self.exact[0].adapter if self.exact else None


def detect(template: str, known: dict[str, Entry] | None = None) -> Detection:
    """Return which adapters print what a chat template prints.

    The template is run in another process, within limits of time and memory, on short probe
    conversations. Raises ``ChatAdaptersError`` for what is no chat template.
    """
    from .sources import check

    check(template)
    known = entries() if known is None else known
    with Sandbox(template) as sandbox:
        return compare(template, sandbox, known)


def compare(template: str, sandbox: Prints, known: dict[str, Entry]) -> Detection:
    """Return how a template, which ``sandbox`` renders, compares with adapters."""
    subject = Subject(template, sandbox, known)
    fits = sorted(map(subject.fit, known), key=_rank)
    count = max(NEAREST, sum(fit.exact for fit in fits))
    if subject.tokens:  # until now tokens were placeholders: once more with the adapter's own
        fits[:count] = sorted((subject.fit(f.adapter, True) for f in fits[:count]), key=_rank)
    refused = sandbox.refusals
    if fits and not any(fit.accepted for fit in fits):
        raise ChatAdaptersError(
            f"the template refuses every probe conversation, the first with {refused[0]!r}: is it "
            "a chat template, and of messages alone?"
        )
    near = [fit for fit in fits if fit.near][:NEAREST]
    return Detection(
        tuple(fit for fit in fits if fit.exact),
        tuple(replace(fit, difference=_difference(subject, fit)) for fit in near),
        len(refused),
        next(iter(refused), ""),
    )


def _rank(fit: Fit) -> tuple[bool, float, bool, int, int]:
    """Exact fits first; of equal ones the one that was verified against this very template."""
    if fit.exact:
        return False, 0, not fit.official, -fit.equal, fit.aside
    return True, -fit.share - fit.calls / 2, not fit.official, -fit.equal, fit.aside


def _difference(subject: Subject, fit: Fit) -> str:
    from ..adapter import Adapter
    from ..registry import read
    from .known import variables
    from .template import renderer

    key, entry = fit.differing[0], subject.entries[fit.adapter]
    theirs = subject.printed(key, entry, real=True) or ""
    probe = subject.probe(key, entry)
    try:
        ours = renderer(Adapter(read(fit.adapter)).emit("jinja"))(variables(probe, entry["tokens"]))
    except Exception as error:  # our own template may refuse what the other one takes
        return f"{key}: the adapter refuses it: {error}"
    return f"{key}: {shown(theirs, ours)}"


def shown(theirs: str, ours: str) -> str:
    """Return the first difference of two texts, shown so that it can be read.

    >>> shown("same x", "same y")
    "after 'same ' the template has 'x', the adapter 'y'"
    """
    pairs = enumerate(zip(theirs, ours, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(theirs), len(ours)))
    before = theirs[max(0, at - 30) : at]
    left, right = theirs[at : at + 40], ours[at : at + 40]
    return f"after {before!r} the template has {left!r}, the adapter {right!r}"
