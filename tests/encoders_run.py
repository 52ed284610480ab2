"""A vendor's own encoder in, how the adapter's prompts compare with it out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chatadapters.errors import ConversationError
from chatadapters.verify import references
from chatadapters.verify.agreement import difference, with_own_ids
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from chatadapters.verify.laws import Subject

GENERATED = 40
ZONE = {"type": "object", "properties": {"zone": {"type": "string"}}}
NOW = {
    "type": "function",
    "function": {"name": "now", "description": "Tell the time", "parameters": ZONE},
}
BY_HAND = {  # what the reference conversations do not have
    "a question asked again": ("Again?", "Yes.", "Again?"),
    "an answer that ends in blanks": ("Really?", "Yes.  ", "Why?"),
    "an answer between line breaks": ("Really?", "\nYes.\n", "Why?"),
}


class RefusedError(Exception):
    """The encoder does not take a conversation; the text says why."""


@dataclass(frozen=True)
class Difference:
    """A documented difference between an encoder and the template (or parser) of the adapter.

    Where ``holds``, the two texts must differ, and elsewhere they must be equal.
    """

    reason: str
    holds: Callable[[Conversation], bool]


def swapped(sample: Conversation) -> bool:
    """Tell whether results come in another order than their calls."""
    order: list[object] = []
    for message in sample.messages:
        if message["role"] == "assistant":
            order = [call.get("id") for call in message.get("tool_calls") or []]
        elif message["role"] == "tool" and order and message["tool_call_id"] != order.pop(0):
            return True
    return False


ORDER = Difference(
    "results are put into the order of their calls; the template keeps theirs", swapped
)


def same(sample: Conversation) -> Conversation:
    """Return the conversation as it is."""
    return sample


@dataclass(frozen=True)
class Encoder:
    """What prints the prompts of one adapter's models, as its vendor wrote it.

    ``encode`` returns the text, and the token ids or None; it raises ``RefusedError``.
    ``suited`` puts a conversation into the shape that the encoder knows, for both sides.
    ``plainer`` takes out of a copy what the differences are about; it is compared as well.
    ``ids`` returns the token ids of a prompt's text, as a server finds them.
    ``seen`` returns what of a text is compared. ``more`` is compared besides the common ones.
    """

    adapter: str
    title: str
    encode: Callable[[Conversation], tuple[str, list[int] | None]]
    differences: tuple[Difference, ...] = ()
    suited: Callable[[Conversation], Conversation] = same
    plainer: Callable[[Conversation], Conversation] = same
    ids: Callable[[str], list[int]] | None = None
    seen: Callable[[str], str] = str
    more: tuple[Conversation, ...] = ()
    least: int = 60  # prompts that must be equal


@dataclass
class Comparison:
    """How many prompts are equal, deviate as documented, are refused; and what is wrong."""

    equal: int = 0
    ids_equal: int = 0
    refused: int = 0
    deviating: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ids = f" ({self.ids_equal} in token ids too)" if self.ids_equal else ""
        return (
            f"{self.equal} equal{ids} / {sum(self.deviating.values())} documented differences / "
            f"{self.refused} refused by the encoder"
        )


def samples(encoder: Encoder, subject: Subject) -> Iterator[Conversation]:
    """Give the reference conversations and generated ones, ids in the adapter's own form."""
    given = [
        Conversation(
            item["messages"],
            item["tools"],
            item["add_generation_prompt"],
            dict(item["kwargs"]),
            item["name"],
        )
        for item in references.conversations() or []
    ]
    for name, said in BY_HAND.items():
        roles = ("user", "assistant") * len(said)
        messages = [{"role": r, "content": text} for r, text in zip(roles, said, strict=False)]
        given.append(Conversation(messages, [NOW], name=name))
    given += encoder.more
    choices = Seeded(f"encoder {encoder.adapter}")
    for number in range(GENERATED):
        given.append(conversation(choices, subject.domain))
        given[-1].name = f"generated {number}"
    for sample in given:
        suited = encoder.suited(copy.deepcopy(with_own_ids(subject.adapter, sample)))
        yield suited
        if any(one.holds(suited) for one in encoder.differences):
            suited = encoder.plainer(copy.deepcopy(suited))
            suited.name += ", plainer"
            yield suited


def compare(encoder: Encoder, subject: Subject) -> Comparison:
    """Print the conversations with both sides and compare them byte for byte."""
    result = Comparison(deviating={one.reason: 0 for one in encoder.differences})
    for sample in samples(encoder, subject):
        try:
            printed, ids = encoder.encode(sample)
            wanted = encoder.seen(printed)
        except RefusedError:
            result.refused += 1
            continue
        held = [one.reason for one in encoder.differences if one.holds(sample)]
        try:
            got = subject.adapter.render(
                sample.messages,
                sample.tools,
                add_generation_prompt=sample.add_generation_prompt,
                **sample.options,
            )
            got = encoder.seen(got)
        except ConversationError as error:
            got = f"(refused: {error})"
        for reason in held:
            result.deviating[reason] += 1
        if held and wanted == got:
            result.failures.append(f"{sample.name}: equal, though {' and '.join(held)!r} holds")
        elif not held and wanted != got:
            result.failures.append(f"{sample.name}: {difference(wanted, got)}")
        elif not held:
            result.equal += 1
            if encoder.ids is not None and not spells(sample, subject.adapter.declaration.special):
                same_ids = encoder.ids(printed) == ids
                result.ids_equal += same_ids
                result.failures += [] if same_ids else [f"{sample.name}: other token ids"]
    least = encoder.least if references.conversations() else encoder.least // 2
    if result.equal < least:
        result.failures.append(f"only {result.equal} prompts are equal, not {least}")
    result.failures += [
        f"no conversation shows that {reason!r}"
        for reason, count in result.deviating.items()
        if not count and references.conversations()
    ]
    return result


def spells(value: object, markers: Sequence[str]) -> bool:
    """Tell whether a marker stands in a text of a conversation or of plain data.

    Text spells it like the marker itself, so a server finds other ids than the encoder gave.
    """
    match value:
        case Conversation():
            return spells([value.messages, value.tools], markers)
        case str():
            return any(marker in value for marker in markers)
        case dict():
            return any(spells(item, markers) for pair in value.items() for item in pair)
        case list() | tuple():
            return any(spells(item, markers) for item in value)
    return False
