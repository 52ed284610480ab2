"""The search: limits in; for each the shortest counter-example, and what contradicts them, out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from . import report
from .bench import Bench
from .limits import Limit
from .pieces import Pieces
from .places import Place
from .report import Certificate, Searched

MOST_PIECES = 5
MOST_SHOWN = 5  # contradictions of one hole


class Search:
    """Looks for texts that are lost, and tries the claims about those that are not."""

    def __init__(self, bench: Bench, limits: Sequence[Limit], places: Sequence[Place]) -> None:
        self.bench, self.limits, self.places = bench, limits, places
        self.pieces = Pieces(bench)

    # -- the shortest counter-example of a limit

    def certificate(self, limit: Limit) -> Certificate | None:
        """Return a limit's certificate, None where no text was found that is lost by it."""
        there = [place for place in self.places if place.hole == limit.hole]
        texts = self.pieces.about(limit)
        for alone in (True, False):  # better a text that no other limit is about
            for place in there:
                if not limit.near("b") and not place.read(self.bench, "b").same:
                    continue
                for text in texts:
                    if self.is_lost(place, limit, text, alone):
                        return certificate(
                            self.bench, place, limit, self.shrunk(place, limit, text, alone)
                        )
        return None

    def is_lost(self, place: Place, limit: Limit, text: str, alone: bool) -> bool:
        if not (text or limit.marks == ("",)) or not limit.near(text):
            return False
        if alone and any(other.near(text) for other in self.others(limit)):
            return False
        return not place.read(self.bench, text).same

    def others(self, limit: Limit) -> Iterator[Limit]:
        return (one for one in self.limits if one.hole == limit.hole and one is not limit)

    def shrunk(self, place: Place, limit: Limit, text: str, alone: bool) -> str:
        """Return a text that is lost too, and is not without any one of its characters."""
        before = ""
        while before != text:
            before, at = text, len(text) - 1
            while at >= 0:
                less = text[:at] + text[at + 1 :]
                if self.is_lost(place, limit, less, alone):
                    text = less
                at = min(at, len(text)) - 1
        return text

    # -- texts that contradict the limits

    def contradictions(self, hole: str, samples: int, seed: int, failures: list[str]) -> Searched:
        """Try texts made of the format's own pieces; note the shortest that are not as said."""
        there = [place for place in self.places if place.hole == hole]
        found: list[str] = []
        tried = kept = 0
        for place in there:
            for text in self.texts(
                hole, samples // len(there), f"{self.bench.adapter.name} {hole} {seed}"
            ):
                tried += 1
                same, wrong = self.judged(place, text)
                kept += same
                if wrong:
                    found.append(wrong)
        failures += sorted(found, key=len)[:MOST_SHOWN]
        return Searched(hole, tried, kept, tried - kept)

    def texts(self, hole: str, count: int, seed: str) -> list[str]:
        """Return texts that the limits are about, pieces, two markers, and several in no order."""
        claims = [one for one in self.limits if one.hole == hole]
        marks = [mark for one in claims for mark in one.marks] or [""]
        about = [text for one in claims for text in self.pieces.about(one)]
        alphabet, pairs = self.pieces.alphabet(), self.pieces.pairs()
        choices = random.Random(seed)
        made = dict.fromkeys(["", *marks])
        for some in (about, alphabet, pairs):
            made.update(dict.fromkeys(choices.sample(some, min(len(some), count // 4))))
        for _ in range(4 * count):
            if len(made) >= count:
                break
            size = choices.randint(2, MOST_PIECES)
            parts = (
                choices.choice(choices.choice((alphabet, alphabet, marks))) for _ in range(size)
            )
            made.setdefault("".join(parts))
        return list(made)[: max(count, 1)]

    def judged(self, place: Place, text: str) -> tuple[bool, str]:
        """Return whether a text is carried, and how that is against the limits, "" if it is not."""
        near = [one for one in self.limits if one.hole == place.hole and one.near(text)]
        outcome = place.run(self.bench, text)
        carried = outcome.same and not outcome.refusal
        shown = f"{place.hole} {report.quoted(text)} ({report.shown(outcome.wanted)})"
        if carried:
            sure = next((one for one in near if one.lost(text)), None)
            return True, f"{shown} is carried, though: {sure.words}" if sure else ""
        if outcome.same and not near:
            return False, f"{shown} would be carried, but render refuses it: {outcome.refusal}"
        if not near:
            said = report.outcome(outcome.wanted, outcome.back, outcome.refusal)
            return False, f"{shown} is within every limit, but {said}"
        silent = any(one.silent for one in near)
        if outcome.back is not None and not outcome.refusal and not silent:
            said = report.outcome(outcome.wanted, outcome.back, "")
            return False, f"{shown} is not refused, but {said}"
        return False, ""


def certificate(bench: Bench, place: Place, limit: Limit, text: str) -> Certificate:
    """Return the certificate of a text that is lost, after running render and parse once more."""
    outcome = place.run(bench, text)
    wanted, back, refusal = outcome.wanted, outcome.back, outcome.refusal
    return Certificate(
        limit.hole,
        limit.kind,
        limit.words,
        report.shown(wanted),
        report.fate(wanted, back, refusal),
        report.outcome(wanted, back, refusal),
        place.put(text),
        place.tools(text),
        None,
        back,
        refusal,
    )
