"""Law 4: an adapter and its references in, where the compiled template differs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ..detection.template import copied
from ..errors import ConversationError
from . import references
from .choices import Seeded
from .conversations import Conversation, conversation, required, shares
from .domain import domain
from .official import Render, official_renderer
from .rare_turns import rare
from .shapes import PADDED, padded, plainer, reshaped, tags, with_options, with_roles

MOST_FAILURES = 12
LEAST_REFERENCE, LEAST_GENERATED = (
    30,
    0.75,
)  # outside every deviation; design of the comparison, not of one format


@dataclass
class Tally:
    """Equal, deviating and accepted conversations of one set."""

    accepted: int = 0
    equal: int = 0
    deviating: int = 0
    plain: int = 0  # accepted ones without tools, calls and results that wait for an answer
    plain_equal: int = 0

    def __str__(self) -> str:
        return f"{self.equal} / {self.deviating} / {self.accepted}"


@dataclass
class Agreement:
    """How one reference compares."""

    adapter: str
    model: str
    sha256: str
    part: str
    where: str = ""  # empty: the reference was not found
    renderer: str = ""
    reference: Tally = field(default_factory=Tally)
    generated: Tally = field(default_factory=Tally)
    shapes: Tally = field(default_factory=Tally)  # generated ones in other shapes: null, parts, ...
    shares: dict[str, float] = field(default_factory=dict)
    deviations: dict[str, int] = field(
        default_factory=dict
    )  # condition -> conversations that it took out
    failures: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        return bool(self.where)

    @property
    def ok(self) -> bool:
        return self.found and not self.failures


def agreements(
    adapter: Any, *, seed: int = 0, generated: int = 200, model_template: str | None = None
) -> list[Agreement]:
    """Compare an adapter with each of its references, or with ``model_template`` instead."""
    if model_template is not None:
        given = Agreement(adapter.name, "the given model", "", "all", where="the model's folder")
        return [_compare(adapter, given, model_template, seed, generated)]
    done = []
    for reference in adapter.declaration.references:
        result = Agreement(adapter.name, reference.model, reference.sha256, reference.part)
        found = references.find(reference.sha256)
        if found is not None:
            result.where = found.where
            result = _compare(adapter, result, found.text, seed, generated)
        if wrong := references.problem(reference.template, reference.sha256):
            result.failures.append(wrong)
        done.append(result)
    return done


def _compare(
    adapter: Any, result: Agreement, official_text: str, seed: int, generated: int
) -> Agreement:
    bounds = domain(adapter)
    result.renderer, official = official_renderer(official_text, adapter.declaration.tokens)
    comparison = Comparison(adapter, result, official)
    taken: list[Conversation] = []
    for _ in drawn(adapter, comparison.add, taken, seed, generated):
        pass
    result.shares = shares(taken, bounds)
    result.failures += [
        f"only {result.shares[name]:.0%} of the generated ones have {name}, not {least:.0%}"
        for name, least in required(bounds).items()
        if result.shares[name] < least
    ]
    if len(taken) < generated:
        result.failures.append(
            f"the official template accepts only {len(taken)} generated conversations"
        )
    unseen = [when for when, count in result.deviations.items() if not count]
    result.failures += [f"no conversation tests the deviation {when!r}" for when in unseen]
    if result.part == "all":
        accepted = result.reference.accepted, result.generated.accepted
        least = min(LEAST_REFERENCE, accepted[0]), int(LEAST_GENERATED * accepted[1])
        if adapter.declaration.evidence == "encoder":  # the template is not the vendor's
            least = min(1, accepted[0]), min(1, accepted[1])
        _enough(result.failures, "reference", result.reference, least[0])
        _enough(result.failures, "generated", result.generated, least[1])
    return result


def drawn(
    adapter: Any,
    add: Callable[[Conversation, str], bool],
    taken: list[Conversation],
    seed: int,
    generated: int,
) -> Iterator[bool]:
    """Hand the conversations of a comparison to ``add``, one by one, and give what it returns.

    ``add`` takes the name of the set, too, and tells whether the official template accepts it.
    Accepted ones of the generated set go into ``taken``.
    """
    for item in references.conversations() or []:
        sample = Conversation(
            item["messages"],
            item["tools"],
            item["add_generation_prompt"],
            dict(item["kwargs"]),
            item["name"],
        )
        yield add(sample, "reference")
    bounds = domain(adapter)
    choices = Seeded(f"agreement {adapter.name} {seed}")
    for number in range(4 * generated):
        if len(taken) == generated:
            break
        sample = conversation(choices, bounds)
        sample.name = f"generated {number}"
        for sent in chain([sample], plainer(sample)):
            accepted = add(sent, "generated")
            yield accepted
            if accepted:
                taken.append(sent)
                break
    fragments = adapter.declaration.prompt.model_dump(exclude_none=True, exclude={"use"})
    known = tags("".join(fragments.values()))
    for number, sample in enumerate(taken * 2):
        other = reshaped(choices, sample, known)
        other.name = f"reshaped {number}"
        yield add(other, "shapes")
    for sent in chain(
        (padded(choices, sample) for sample in taken[:PADDED]),
        with_options(adapter.declaration, taken),
        with_roles(adapter.declaration, taken),
        rare(Seeded(f"rare {adapter.name} {seed}"), adapter.declaration, bounds, taken),
    ):
        if generated:
            yield add(sent, "shapes")


def _enough(failures: list[str], name: str, tally: Tally, least: int) -> None:
    """A template that ignores tools must at least be equalled wherever there are none."""
    if tally.equal < least and tally.plain_equal < max(tally.plain, 1):
        failures.append(
            f"only {tally.equal} of {tally.accepted} {name} conversations are outside deviations"
        )


class Comparison:
    """Compares one adapter with one official template, conversation by conversation."""

    def __init__(self, adapter: Any, result: Agreement, official: Render) -> None:
        self.adapter, self.result, self.official = adapter, result, official
        self.whens = [deviation.when for deviation in adapter.declaration.deviations]
        self.opening = result.part == "opening"
        if not self.opening:
            result.deviations.update(dict.fromkeys(self.whens, 0))
        self.deviations = (
            compiled(adapter, "deviation_template") if self.whens and not self.opening else None
        )
        self.own_opening = compiled(adapter, "opening_template") if self.opening else None

    def add(self, sample: Conversation, name: str) -> bool:
        """Compare one conversation; return whether the official template accepts it.

        ``name`` is that of the tally which it goes to.
        """
        prepared = self.prepared(sample)
        wanted = self.wanted(prepared) if prepared is not None else None
        if prepared is None or wanted is None:
            return False
        tally: Tally = getattr(self.result, name)
        tally.accepted += 1
        got = self.ours(prepared)
        held = self.held(prepared)
        equal = wanted == got
        tally.deviating += bool(held)
        tally.equal += equal and not held
        plain = _plain(prepared)
        tally.plain += plain
        tally.plain_equal += plain and equal and not held
        if problem := disagreement(prepared, wanted, got, held):
            self._fail(problem)
        return True

    def prepared(self, sample: Conversation) -> Conversation | None:
        """Return a conversation as both sides get it; None if it is none to compare."""
        sample = with_own_ids(self.adapter, sample)
        if self.opening:
            if sample.tools == []:  # a heading without a single tool under it is not worth copying
                return None
            lead = sample.messages[:1] if sample.messages[0].get("role") == "system" else []
            sample = Conversation(lead, sample.tools, False, sample.options, sample.name)
        return sample

    def wanted(self, sample: Conversation) -> str | None:
        """Return what the official template prints, or None if it refuses."""
        try:
            return self._text(self.official(sample))
        except Exception:  # an official template refuses in any way it likes
            return None

    def ours(self, sample: Conversation) -> str:
        """Return what the compiled template prints, or what it raises."""
        try:
            return self._text(self._render(sample))
        except Exception as error:
            return f"(raises {type(error).__name__}: {error})"

    def _text(self, text: str) -> str:
        # a mirror's file may begin with line breaks of its own layout
        return text.lstrip("\n") if self.opening else text

    def _render(self, sample: Conversation) -> str:
        if self.own_opening is not None:
            return str(self.own_opening(sample))
        text: str = self.adapter.render_template(
            sample.messages,
            sample.tools,
            add_generation_prompt=sample.add_generation_prompt,
            **sample.options,
        )
        return text

    def held(self, sample: Conversation) -> list[str]:
        """Return the conditions of deviations that hold somewhere in it, and count them."""
        if self.deviations is None:
            return []
        try:
            printed = self.deviations(sample).split(",")
        except ConversationError as error:
            self._fail(f"{sample.name}: the conditions of the deviations raise: {error}")
            return []
        numbers = {int(item.split(":")[1]) for item in printed if item.strip()}
        found = [self.whens[number] for number in sorted(numbers)]
        for when in found:
            self.result.deviations[when] += 1
        return found

    def _fail(self, failure: str) -> None:
        if len(self.result.failures) < MOST_FAILURES:
            self.result.failures.append(failure)


def disagreement(sample: Conversation, wanted: str, got: str, held: Sequence[str]) -> str:
    """Return why two renderings of a conversation are not as declared, or nothing."""
    if held:
        return f"{sample.name}: equal, though {' and '.join(held)} holds" * (wanted == got)
    return "" if wanted == got else f"{sample.name}: {difference(wanted, got)}"


def _plain(sample: Conversation) -> bool:
    roles = [message.get("role") for message in sample.messages]
    texts = all(isinstance(message.get("content"), str) for message in sample.messages)
    return texts and not sample.tools and not sample.calls() and "tool" not in roles


def compiled(adapter: Any, name: str) -> Render:
    """Return a renderer of one of the adapter's other templates (deviations, opening)."""
    from .. import render
    from ..emit import jinja

    declaration = adapter.declaration
    template = render.compile_template(getattr(jinja, name)(declaration))

    def run(sample: Conversation) -> str:
        return render.render_text(
            template,
            sample.messages,
            sample.tools,
            sample.add_generation_prompt,
            declaration,
            sample.options,
        )

    return run


def with_own_ids(adapter: Any, sample: Conversation) -> Conversation:
    """Return a conversation with its call ids in the adapter's own form, all else as it is."""
    from ..render import normalise

    try:
        normal = normalise(sample.messages, adapter.declaration)
    except ConversationError:
        return sample
    messages = copied(sample.messages)
    for message, done in zip(messages, normal, strict=True):
        if "tool_call_id" in message:
            message["tool_call_id"] = done.get("tool_call_id", message["tool_call_id"])
        for call, made in zip(
            message.get("tool_calls") or [], done.get("tool_calls") or [], strict=False
        ):
            call["id"] = made.get("id", call.get("id"))
    return Conversation(
        messages, sample.tools, sample.add_generation_prompt, sample.options, sample.name
    )


def difference(wanted: str, got: str) -> str:
    """Return the first difference of two texts, shown so that it can be read.

    >>> difference("same x", "same y")
    "after 'same ' the official one has 'x', ours 'y'"
    """
    at = next(
        (n for n, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b),
        min(len(wanted), len(got)),
    )
    theirs, ours = wanted[at : at + 60], got[at : at + 60]
    return f"after {wanted[max(0, at - 40) : at]!r} the official one has {theirs!r}, ours {ours!r}"
