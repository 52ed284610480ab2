"""Conversations: choices and an adapter's bounds in, OpenAI messages, tools and options out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .choices import Choices, cuts, text, without
from .domain import Domain
from .schemas import Json, call_arguments, tool_set


@dataclass
class Conversation:
    """A conversation as a client sends it."""

    messages: list[Json]
    tools: list[Json] | None = None
    add_generation_prompt: bool = True
    options: Json = field(default_factory=dict)
    name: str = "generated"

    def calls(self) -> list[Json]:
        """Return every tool call of the conversation."""
        return [call for message in self.messages for call in message.get("tool_calls") or []]


class _Builder:
    """Builds one conversation; ``official`` keeps to what typical official templates take."""

    def __init__(self, choices: Choices, domain: Domain, official: bool) -> None:
        self.choices, self.domain, self.official = choices, domain, official
        self.messages: list[Json] = []
        self.cuts = cuts(domain.markers)
        self.ids = 0
        self.agentic = domain.calls != 0 and choices.chance(0.68)
        with_tools = (
            self.agentic if official or domain.typed else self.agentic and choices.chance(0.95)
        )
        with_tools = with_tools or (domain.calls != 0 and choices.chance(0.08))
        self.tools = tool_set(choices, domain) if with_tools else None
        self.thinking = domain.reasoning and choices.chance(0.62)

    def say(self, *, whole: bool = False, spicy: float = 0.2, least: int = 0) -> str:
        lookalikes = (*self.cuts, *self.domain.markers) if whole else self.cuts
        said = text(self.choices, lookalikes, spicy=spicy)
        return said if len(said) >= least else "Tell me more."

    def own(self, name: str, *, exact: bool, exotic: bool) -> str:
        """Return a text of the assistant's; ``exact``: as the output fragment leaves it."""
        wild = exotic and self.choices.chance(0.6)
        said = self.say(whole=wild, spicy=0.5 if wild else 0.2)
        said = without(said, self.domain.inline if exotic else self.domain.markers)
        return self.domain.trimmed(name, said) if exact or self.choices.chance(0.9) else said

    def user(self) -> None:
        self.messages.append(
            {"role": "user", "content": self.say(whole=self.choices.chance(0.1), least=1)}
        )

    def assistant(
        self, *, with_calls: bool | None = None, exact: bool = False, exotic: bool = False
    ) -> None:
        choices, domain = self.choices, self.domain
        calls = self.agentic and choices.chance(0.85) if with_calls is None else with_calls
        message: Json = {"role": "assistant", "content": ""}
        if not calls or (domain.content_with_calls and choices.chance(0.6)):
            message["content"] = self.own("content", exact=exact, exotic=exotic)
            if not calls and not exact:
                message["content"] = message["content"] or "Done."
        if self.thinking and choices.chance(0.8):
            said = self.own("reasoning", exact=exact, exotic=exotic)
            message["reasoning_content"] = said if said.strip() else "Let me think."
        if calls:
            message["tool_calls"] = [self.call(exotic) for _ in range(self._count())]
        self.messages.append(message)

    def _count(self) -> int:
        most = self.domain.calls if self.domain.calls is not None else 4
        return self.choices.integer(2, most) if most > 1 and self.choices.chance(0.5) else 1

    def call(self, exotic: bool) -> Json:
        tool = self.choices.pick(self.tools) if self.tools else None
        name = tool["function"]["name"] if tool else self.choices.pick(("get_weather", "f"))
        arguments = call_arguments(
            self.choices, self.domain, tool, exotic=exotic and self.choices.chance(0.6)
        )
        if tool is None and not self.domain.typed:
            arguments = {"city": "Zürich", "n": 1}
        self.ids += 1
        call = {
            "id": f"call_{self.ids:04d}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        return call

    def results(self) -> None:
        for call in self.messages[-1]["tool_calls"]:
            result = {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": self.say(whole=self.choices.chance(0.1)),
            }
            if self.choices.chance(0.5):
                result["name"] = call["function"]["name"]
            self.messages.append(result)

    def turns(self) -> None:
        choices = self.choices
        if choices.chance(0.5):
            self.messages.append({"role": "system", "content": self.say(least=1)})
        for turn in range(choices.integer(1, 3)):
            if turn and not self.official and choices.chance(0.04):
                self.messages.append({"role": "system", "content": self.say(least=1)})
            self.user()
            if not self.official and choices.chance(0.05):
                continue
            for _ in range(choices.integer(0, 2) if self.agentic else 0):
                self.assistant(with_calls=True)
                self.results()
            self.assistant(with_calls=False)


def conversation(choices: Choices, domain: Domain, *, official: bool = True) -> Conversation:
    """Return a conversation that ends after a user, a tool result, an answer or a call."""
    builder = _Builder(choices, domain, official)
    builder.turns()
    messages = builder.messages
    match choices.pick(("user", "tool", "assistant", "call", "call")):
        case "user" if messages[-1]["role"] != "user":
            builder.user()
        case "tool" if builder.agentic:
            _ask(builder)
            builder.assistant(with_calls=True)
            builder.results()
        case "call" if builder.agentic:
            _ask(builder)
            builder.assistant(with_calls=True)
        case _:
            if messages[-1]["role"] == "user":
                builder.assistant(with_calls=False)
    answered = messages[-1]["role"] == "assistant"
    return Conversation(
        messages,
        builder.tools,
        choices.chance(0.1 if answered else 0.85),
        _options(choices, domain),
    )


def answer(choices: Choices, domain: Domain, *, exotic: bool | None = None) -> Conversation:
    """Return a conversation whose last message is an answer that the wire carries, often nasty.

    ``exotic``: whole markers may stand anywhere, so an adapter may refuse it; else it must not.
    """
    wild = choices.chance(0.4) if exotic is None else exotic
    builder = _Builder(choices, domain, not wild)
    if choices.chance(0.3):
        builder.turns()
    _ask(builder)
    if choices.chance(0.2) and builder.agentic:
        builder.assistant(with_calls=True)
        builder.results()
    builder.assistant(exact=True, exotic=wild)
    return Conversation(builder.messages, builder.tools, False, _options(choices, domain))


def _ask(builder: _Builder) -> None:
    if not builder.messages or builder.messages[-1]["role"] != "user":
        builder.user()


def _options(choices: Choices, domain: Domain) -> Json:
    return {name: choices.chance(0.5) for name, _ in domain.options if choices.chance(0.5)}


SHARES = (
    "calls", "parallel", "content_beside_calls", "reasoning", "quotes", "line_breaks", "lookalikes",
    "empty_arguments", "nested",
)  # fmt: skip
REQUIRED = {"calls": 0.4, "parallel": 0.2, "content_beside_calls": 0.3, "reasoning": 0.3}


def required(domain: Domain) -> dict[str, float]:
    """Return the least share of each kind in a generated set, as far as the wire carries it."""
    carried = {
        "calls": domain.calls != 0,
        "parallel": domain.calls is None or domain.calls > 1,
        "content_beside_calls": domain.calls != 0 and domain.content_with_calls,
        "reasoning": domain.reasoning,
    }
    return {name: share for name, share in REQUIRED.items() if carried[name]}


def shares(conversations: Iterable[Conversation], domain: Domain) -> dict[str, float]:
    """Return which part of the conversations has calls, reasoning, quotes, ..., from 0 to 1."""
    counts = dict.fromkeys(SHARES, 0)
    total = 0
    lookalikes = (*cuts(domain.markers), *domain.markers)
    for item in conversations:
        total += 1
        texts = list(_texts(item.messages))
        beside = [m for m in item.messages if m.get("tool_calls") and m.get("content")]
        values = [call["function"]["arguments"] for call in item.calls()]
        facts = (
            bool(values),
            any(len(m.get("tool_calls") or ()) > 1 for m in item.messages),
            bool(beside),
            any(m.get("reasoning_content") for m in item.messages),
            any("'" in t or '"' in t for t in texts),
            any("\n" in t for t in texts),
            any(piece in t for t in texts for piece in lookalikes),
            any(value == {} for value in values),
            any(
                isinstance(v, (dict, list))
                for value in values
                if isinstance(value, dict)
                for v in value.values()
            ),
        )
        for name, fact in zip(SHARES, facts, strict=True):
            counts[name] += fact
    return {name: round(count / total, 3) if total else 0.0 for name, count in counts.items()}


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
