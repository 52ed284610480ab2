"""One adapter in; of each of its mutations, who notices it, or that nobody does, out.

The compiler is asked first, then the official templates, the sample texts, and the laws. What an
official template prints does not change with our declaration, so it is rendered once for each
conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mutate_declarations_changes import Mutation, mutations, toml
from samples import samples

from chatadapters import fragments, registry, tables
from chatadapters.adapter import Adapter
from chatadapters.declaration import Declaration, Reference, parse
from chatadapters.emit import jinja
from chatadapters.errors import ChatAdaptersError
from chatadapters.verify import agreement, laws, references
from chatadapters.verify.agreement import Comparison, disagreement
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, answer
from chatadapters.verify.known_markers import unknown_markers
from chatadapters.verify.official import official_renderer

SEED, GENERATED, ANSWERS = 0, 200, 40
REFUSED, SAME, SURVIVED = "refused", "equivalent", "survived"
# What these say goes into the official template's rendering too, so nothing can be kept.
SHARED_KEYS = ("ids", "tokens")


@dataclass
class Probe:
    """A conversation with what the official template prints of it."""

    sample: Conversation
    wanted: str
    held: Sequence[str]
    ours: str
    noticed: int = 0  # mutations that this conversation gave away


@dataclass
class Outcome:
    """Who noticed a mutation, and by what; or ``refused``, ``equivalent``, ``survived``."""

    mutation: Mutation
    by: str
    how: str = ""


def base_table(name: str) -> dict[str, Any]:
    """Return the raw table of a registered declaration."""
    return tables.read_table(registry.resolve(name))


def mutations_of(name: str) -> list[Mutation]:
    """Return the mutations of a registered declaration, in their order."""
    declared = registry.read(name)
    texts = {
        option: fragments.compared_with(declared, option)
        for option, value in declared.options.items()
        if not isinstance(value, bool)
    }
    return list(mutations(name, base_table(name), texts))


class Wrong(Exception):
    """Something fails without any mutation, so nothing can be said of one."""


class Witnesses:
    """Everything that can notice a mutation of one adapter."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.table = base_table(name)
        self.declaration = registry.read(name)
        self.adapter = Adapter(self.declaration)

    @cached_property
    def compared(self) -> list[Compared]:
        """The references that are here."""
        found = ((one, references.find(one.sha256)) for one in self.declaration.references)
        return [Compared(self.adapter, one, text.text) for one, text in found if text is not None]

    @cached_property
    def sampled(self) -> None:
        """Raises ``Wrong`` where the samples do not hold without any mutation."""
        if how := self._sampled(self.adapter):
            raise Wrong(how)

    @cached_property
    def signature(self) -> tuple[str, ...]:
        """The adapter's own ``signature``."""
        return signature(self.adapter)

    @cached_property
    def lawful(self) -> None:
        """Raises ``Wrong`` where the laws do not hold without any mutation."""
        if how := broken(self.adapter, only_turns=False):
            raise Wrong(how)

    def judge(self, mutation: Mutation) -> Outcome:
        """Return who notices a mutation, and how."""
        try:
            return Outcome(mutation, *self._judged(mutation))
        except Wrong as error:
            return Outcome(mutation, "wrong", str(error))

    def _judged(self, mutation: Mutation) -> tuple[str, str]:
        table = mutation.apply(self.table)
        place = self.declaration.file
        try:
            made = parse(toml(table), name=self.name, file=place, load_base=base_table)
            adapter = Adapter(made)
            mine = signature(adapter)
        except ChatAdaptersError as error:
            return REFUSED, str(error).split("\n")[0]
        if mine == self.signature and same_rest(made, self.declaration):
            return SAME, "template, parser and metadata are the same"
        if how := self._official(adapter, mine, mutation.path[0] in SHARED_KEYS):
            return "official template", how
        self.sampled  # noqa: B018  (raises)
        if how := self._sampled(adapter):
            return "samples", how
        if unknown := set(unknown_markers(made, mine[0])) - set(self.unknown):
            return "laws", f"markers: {min(unknown)!r} is printed by nothing and known to nobody"
        self.lawful  # noqa: B018  (raises)
        alike = (mine[1], mine[-1]) == (self.signature[1], self.signature[-1])
        alike = alike and made.limits == self.declaration.limits
        if how := broken(adapter, only_turns=alike):
            return "laws", how
        return SURVIVED, self._why(mine)

    def _why(self, mine: tuple[str, ...]) -> str:
        """Return what is known of a survivor."""
        if not self.compared:
            return "there is no official template, and no sample shows it"
        if mine[2] != self.signature[2]:
            return "no conversation tells the deviation's condition from the changed one"
        if mine[0] == self.signature[0]:
            return "the compiled template is the same; what differs, no law asks for"
        if any(one.hidden for one in self.compared):
            return "it shows only where a declared deviation holds, and nothing is compared there"
        return "no conversation shows it"

    @cached_property
    def unknown(self) -> list[str]:
        """Markers that are known from nowhere as it is."""
        return unknown_markers(self.declaration, self.signature[0])

    def _sampled(self, adapter: Adapter) -> str:
        """Return how an adapter differs from the sample texts, or nothing."""
        known = samples(self.name)
        try:
            return next(known.problems(adapter), "") if known else ""
        except Exception as error:  # a template may raise anything
            return f"{type(error).__name__}: {error}"

    def _official(self, adapter: Adapter, mine: tuple[str, ...], shared: bool) -> str:
        if shared:
            every = agreement.agreements(adapter, seed=SEED, generated=GENERATED)
            return next((result.failures[0] for result in every if result.failures), "")
        differ = [one != two for one, two in zip(mine, self.signature, strict=True)]
        if not any(differ[:4]):
            return ""
        problems = (one.problem(adapter, deviates=differ[2]) for one in self.compared)
        return next(filter(None, problems), "")


def signature(adapter: Adapter) -> tuple[str, ...]:
    """Return the texts of an adapter's templates and its parser's table: all that it does."""
    declaration = adapter.declaration
    adapter.ir  # noqa: B018  (what cannot be run backwards is refused here)
    whens = bool(declaration.deviations)
    opening = any(reference.part == "opening" for reference in declaration.references)
    return (
        jinja.template(declaration),
        jinja.output_template(declaration),
        jinja.deviation_template(declaration) if whens else "",
        jinja.opening_template(declaration) if opening else "",
        repr(adapter.table),
    )


def same_rest(one: Declaration, other: Declaration) -> bool:
    """Tell whether what is neither in the templates nor in the parser is the same as well."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("stop", "special", "ids", "limits", "accept", "tokens", "options")
    )


class Compared:
    """One reference, and the conversations on which it speaks, the most telling first."""

    def __init__(self, adapter: Adapter, reference: Reference, text: str) -> None:
        self.adapter, self.part = adapter, reference.part
        self.hidden = 0  # of the last adapter, renderings that differ where a deviation holds
        self.probes: list[Probe] = []
        _, official = official_renderer(text, adapter.declaration.tokens)
        self.base = Comparison(adapter, self._result(adapter), official)
        self.more = agreement.drawn(adapter, self._add, [], SEED, GENERATED)

    def _result(self, adapter: Adapter) -> agreement.Agreement:
        return agreement.Agreement(adapter.name, "", "", self.part)

    def _add(self, sample: Conversation, _: str) -> bool:
        prepared = self.base.prepared(sample)
        wanted = self.base.wanted(prepared) if prepared is not None else None
        if prepared is None or wanted is None:
            return False
        held = self.base.held(prepared)
        ours = self.base.ours(prepared)
        if how := disagreement(prepared, wanted, ours, held):
            raise Wrong(how)
        self.probes.append(Probe(prepared, wanted, held, ours))
        return True

    def every(self) -> Iterator[Probe]:
        """Give the conversations, those first that gave most mutations away."""
        yield from sorted(self.probes, key=lambda probe: -probe.noticed)
        at = len(self.probes)
        for _ in self.more:
            while at < len(self.probes):
                yield self.probes[at]
                at += 1

    def problem(self, adapter: Adapter, deviates: bool) -> str:
        """Return where an adapter and the official template are not as declared, or nothing."""
        if deviates and self.part == "opening":
            deviates = False
        theirs = Comparison(adapter, self._result(adapter), self.base.official)
        self.hidden = 0
        for probe in self.every():
            held = theirs.held(probe.sample) if deviates else probe.held
            got = theirs.ours(probe.sample)
            if how := disagreement(probe.sample, probe.wanted, got, held):
                probe.noticed += 1
                return how
            self.hidden += got != probe.ours
        idle = [when for when, count in theirs.result.deviations.items() if deviates and not count]
        return f"no conversation tests the deviation {idle[0]!r}" if idle else ""


def broken(adapter: Adapter, *, only_turns: bool) -> str:
    """Return how an adapter breaks laws 1, 2, 3 and 5 on seeded answers, or nothing.

    ``only_turns``: what is printed of answers and read is known to be good already.
    """
    subject = laws.Subject(adapter)
    choices = Seeded(f"mutations {adapter.name} {SEED}")
    printed, turns = 0, laws.LawResult("turn")
    try:
        for number in range(ANSWERS):
            exotic = number % 3 == 2
            sample = answer(choices, subject.domain, exotic=exotic)
            try:
                found = subject.print(sample)
            except laws.Unreachable:
                continue
            except laws.Refused as error:
                if not exotic and not subject.merges(sample):
                    return f"inverse: refused: {error}"
                continue
            printed += 1
            if not only_turns:
                if how := laws.inverse(subject, found):
                    return f"inverse: {how}"
                if how := laws.split(subject, found.make, found.text, choices):
                    return f"split: {how}"
                if how := laws.conservation(subject, found.make, found.text):
                    return f"conservation: {how}"
            if not exotic:
                try:
                    turns.add(laws.turn(subject, found))
                except laws.Refused:
                    turns.refused += 1
            if turns.failures:
                return f"turn: {turns.failures[0]}"
    except Exception as error:  # a template may raise anything
        return f"{type(error).__name__}: {error}"
    return "" if printed else "inverse: no answer can be printed"
