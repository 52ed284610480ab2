"""The laws of one adapter: a sample in, what breaks the law (or None) out; and loops over many."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .. import fragments
from ..errors import ConversationError
from .checks import Conservation, garbage, joined, mutated, partition, run, same, same_id
from .choices import Choices, Seeded
from .conversations import Conversation, answer
from .domain import Domain, domain, literals

MOST_FAILURES = 5
MOST_TRIES = 8  # of an answer that its prompt can have


@dataclass
class LawResult:
    """How many samples a law was tried on, and where it does not hold."""

    name: str
    checked: int = 0
    failures: list[str] = field(default_factory=list)
    refused: int = 0
    note: str = ""

    @property
    def ok(self) -> bool:
        return not self.failures and (self.checked > 0 or bool(self.note))

    def add(self, failure: str | None) -> None:
        self.checked += 1
        if failure is not None and len(self.failures) < MOST_FAILURES:
            self.failures.append(failure)


class Refused(Exception):
    """The adapter says that it would misread this message, or a law does not speak about it."""


class Unreachable(Refused):
    """No answer to this prompt is this message: the prompt already says how the answer begins."""


@dataclass
class Printed:
    """An answer as the adapter prints it, and a way to make parsers for it."""

    conversation: Conversation
    text: str
    prompt: str
    make: Callable[[], Any]


class Subject:
    """An adapter with what its laws need, worked out once."""

    def __init__(self, adapter: Any) -> None:
        self.adapter = adapter
        self.domain: Domain = domain(adapter)
        self.conservation = Conservation(adapter, self.domain)
        declaration = adapter.declaration
        said = "".join(fragments.texts(declaration).values())
        said += "".join(token for name, token in declaration.tokens.items() if name in said)
        self.ends = not declaration.stop or any(stop in said for stop in declaration.stop)

    def print(self, sample: Conversation) -> Printed:
        """Print the last message of a conversation. Raises ``Refused``."""
        adapter, options = self.adapter, sample.options
        try:
            adapter.render(sample.messages, sample.tools, add_generation_prompt=False, **options)
            messages = normalised(adapter, sample.messages)
            text = adapter.output(messages, sample.tools, **options)
            prompt = adapter.render_template(messages[:-1], sample.tools, **options)
        except ConversationError as error:
            raise Refused(str(error)) from None
        begun = self.begun(prompt)
        if not text.startswith(begun):
            raise Unreachable(f"the answer {text!r} does not begin with {begun!r}")
        make = self.parsers(sample.tools, prompt)
        return Printed(sample, text[len(begun) :], prompt, make)

    def merges(self, sample: Conversation) -> bool:
        """Whether a text ends in a marker's beginning, and a literal begins with the rest of it."""
        said = [message for message in sample.messages if message["role"] == "assistant"]
        texts = [one.get(key) or "" for one in said for key in ("content", "reasoning_content")]
        after = tuple(literals(self.adapter))
        return any(
            text.endswith(marker[:size]) and any(one.startswith(marker[size:]) for one in after)
            for marker in self.domain.markers
            for size in range(1, len(marker))
            for text in texts
        )

    def parsers(self, tools: list[Any] | None, prompt: str | None = None) -> Callable[[], Any]:
        """Return a maker of parsers that make the same ids every time."""
        return partial(self.adapter.parser, tools=tools, prompt=prompt, make_id=same_id)

    def begun(self, prompt: str) -> str:
        """Return what of the answer already stands at the end of a prompt: an opened tag."""
        return str(self.adapter.begun(prompt))

    def good(self, choices: Choices) -> Printed:
        """Return a printed answer that the adapter does not refuse."""
        for _ in range(1000):  # most answers may be out of reach of the prompt
            try:
                return self.print(answer(choices, self.domain))
            except Refused:
                continue
        raise AssertionError(f"{self.adapter.name} refuses every generated answer")


def inverse(subject: Subject, printed: Printed, pieces: list[str] | None = None) -> str | None:
    """Law 1: what is printed is read back, with types, order, and ids where they are carried."""
    message = printed.conversation.messages[-1]
    _, got = run(printed.make, pieces or [printed.text])
    wanted = message.get("reasoning_content") or ""
    if got.content != message["content"]:
        return _say("content", message["content"], got.content, printed.text)
    if got.reasoning != wanted:
        return _say("reasoning", wanted, got.reasoning, printed.text)
    calls = [
        (c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or []
    ]
    names = [call.name for call in got.tool_calls]
    if names != [name for name, _ in calls]:
        return _say("names", [name for name, _ in calls], names, printed.text)
    for (_, arguments), call in zip(calls, got.tool_calls, strict=True):
        try:
            value = call.value()
        except ValueError as error:
            return f"arguments {call.arguments!r} cannot be read: {error} in {printed.text!r}"
        if not same(value, arguments) or call.status != "complete":
            return _say("arguments", arguments, f"{value!r} ({call.status})", printed.text)
    if subject.domain.ids:
        ids = [
            call["id"]
            for call in normalised(subject.adapter, printed.conversation.messages)[-1].get(
                "tool_calls", []
            )
        ]
        if ids != [call.id for call in got.tool_calls]:
            return _say("ids", ids, [call.id for call in got.tool_calls], printed.text)
    return None


def split(subject: Subject, make: Callable[[], Any], text: str, choices: Choices) -> str | None:
    """Law 2: pieces of any size give the same joined events as the whole text."""
    whole = joined(run(make, [text])[0])
    tries = [list(text), partition(choices, text), partition(choices, text)]
    if len(text) <= 80:
        tries += [[text[:at], text[at:]] for at in range(1, len(text))]
    for pieces in tries:
        got = joined(run(make, pieces)[0])
        if got != whole:
            at = next(
                (n for n, (a, b) in enumerate(zip(whole, got, strict=False)) if a != b),
                min(len(whole), len(got)),
            )
            pair = f"{got[at : at + 2]}, the whole gives {whole[at : at + 2]}"
            return f"pieces {pieces!r} give {pair} (event {at})"
    return None


def conservation(subject: Subject, make: Callable[[], Any], text: str) -> str | None:
    """Law 3: nothing of any text is lost, repeated or invented, and nothing raises."""
    try:
        events, message = run(make, [text])
    except Exception as error:  # the law says that no exception of any kind comes out
        return f"{type(error).__name__}: {error} on {text!r}"
    problem = subject.conservation.problem(text, events, message)
    return f"{problem} in {text!r}" if problem else None


def turn(subject: Subject, printed: Printed) -> str | None:
    """Law 5: the rendered conversation is the prompt, the printed answer and the end of the turn.

    Only where the rendering begins with the prompt: many official templates rewrite history.
    """
    sample, adapter = printed.conversation, subject.adapter
    whole = _rendered(adapter, sample.messages, sample)
    unsaid = [*sample.messages[:-1], {**sample.messages[-1], "reasoning_content": ""}]
    if sample.messages[-1].get("reasoning_content") and _rendered(adapter, unsaid, sample) == whole:
        raise Refused("the template drops the reasoning")
    if not whole.startswith(printed.prompt):
        raise Refused("the template rewrites history")
    if not whole.startswith(printed.prompt + printed.text):
        start = len(printed.prompt)
        return f"after the prompt comes {whole[start:]!r}, printed was {printed.text!r}"
    end = whole[len(printed.prompt) + len(printed.text) :]
    if not _end_of_turn(adapter).fullmatch(end):
        return f"after the answer {printed.text!r} comes {end!r}, which is no end of a turn"
    return _read_on(subject, printed)


def _read_on(subject: Subject, printed: Printed) -> str | None:
    """Say what a parser takes for the answer's that the template prints after it, if anything.

    What a template prints after an answer is no part of it where a marker begins there: that
    marker must be a stop string. Some templates never print one of theirs.
    """
    sample, adapter = printed.conversation, subject.adapter
    declaration = adapter.declaration
    try:
        whole = _rendered(adapter, [*sample.messages, *_following(sample)], sample)
    except ConversationError:
        return None
    said = printed.prompt + printed.text
    rest = whole[len(said) :]
    words = (*declaration.special, *declaration.stop, *declaration.tokens.values())
    mark = max((word for word in words if rest.lstrip().startswith(word)), key=len, default="")
    if not whole.startswith(said) or not mark or not subject.ends:
        return None
    if mark not in declaration.stop and any(mark in text for text in literals(adapter)):
        return None  # it begins another part of an answer
    alone, on = (_read(printed, text) for text in (printed.text, printed.text + rest))
    if alone == on:
        return None
    return f"{rest!r:.80} after the answer {printed.text!r} is read on: {on!r}"


def _read(printed: Printed, text: str) -> tuple[str, list[tuple[str, str, str]]]:
    message = run(printed.make, [text])[1]
    calls = [(call.name, call.arguments, call.status) for call in message.tool_calls]
    return message.content.rstrip(), calls


def _following(sample: Conversation) -> list[dict[str, Any]]:
    calls = sample.messages[-1].get("tool_calls") or []
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in calls]
    return results or [{"role": "user", "content": "Next, please."}]


def _rendered(adapter: Any, messages: list[dict[str, Any]], sample: Conversation) -> str:
    text: str = adapter.render_template(
        normalised(adapter, messages), sample.tools, add_generation_prompt=False, **sample.options
    )
    return text


def _end_of_turn(adapter: Any) -> re.Pattern[str]:
    after = adapter.declaration.prompt.assistant.rpartition("output")[2]
    words = [
        *adapter.declaration.stop,
        *adapter.declaration.tokens.values(),
        *adapter.declaration.special,
    ]
    words += [piece for piece in re.split(r"\{[{%].*?[%}]\}", after) if piece]
    words += [word for word in re.findall(r"""["'](.*?)["']""", after) if word]
    return re.compile(
        f"(?:{'|'.join(map(re.escape, sorted(filter(None, words), key=len, reverse=True)))}|\\s)*"
    )


def normalised(adapter: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with ids in the adapter's own form and arguments as mappings."""
    from ..render import normalise

    done: list[dict[str, Any]] = normalise(messages, adapter.declaration)
    return done


def _say(what: str, wanted: object, got: object, text: str) -> str:
    return f"{what} {wanted!r} came back as {got!r} from {text!r}"


def _to_a_user(sample: Conversation) -> bool:
    return len(sample.messages) > 1 and sample.messages[-2]["role"] == "user"


def check_all(subject: Subject, seed: int, count: int) -> list[LawResult]:
    """Try every law that needs nothing but the adapter on ``count`` seeded samples."""
    from .grammars import grammars
    from .linear import ADVERSARIAL, linear, openers
    from .standalone import standalone

    choices = Seeded(f"{subject.adapter.name} {seed}")
    results = {
        name: LawResult(name) for name in ("inverse", "split", "conservation", "turn", "linear")
    }
    texts: list[Printed] = []
    reached = {True: 0, False: 0}  # of the answers to users' turns
    for number in range(count):
        exotic = number % 3 == 2
        try:
            for _ in range(MOST_TRIES):
                sample = answer(choices, subject.domain, exotic=exotic)
                try:
                    printed = subject.print(sample)
                    break
                except Unreachable:
                    reached[False] += _to_a_user(sample)
            else:
                continue
        except Refused as error:
            results["inverse"].refused += 1
            if not exotic and not subject.merges(sample):
                results["inverse"].add(
                    f"refused, though nothing in it looks like a marker: {error}"
                )
            continue
        texts.append(printed)
        reached[True] += _to_a_user(sample)
        results["inverse"].add(inverse(subject, printed))
        results["split"].add(split(subject, printed.make, printed.text, choices))
        try:
            if not exotic:  # official templates cut whole markers out of past answers
                results["turn"].add(turn(subject, printed))
        except Refused:
            results["turn"].refused += 1
        other = texts[choices.integer(0, len(texts) - 1)].text
        bad = (
            mutated(choices, printed.text, other, subject.domain),
            garbage(choices, subject.domain),
        )
        for text in (printed.text, *bad):
            results["conservation"].add(conservation(subject, printed.make, text))
        results["split"].add(split(subject, printed.make, bad[0], choices))
    if reached[False] and not reached[True]:
        results["inverse"].add(
            f"none of {reached[False]} answers to a user begins as the generation prompt says"
        )
    if not results["turn"].checked:
        results["turn"].note = "the template rewrites every last turn"
    for opener in openers(subject, choices):
        for kind in ADVERSARIAL:
            results["linear"].add(linear(subject, opener, kind))
    of_grammars = grammars(subject, texts, choices, count)
    return [*results.values(), of_grammars, standalone(subject, texts, choices)]
