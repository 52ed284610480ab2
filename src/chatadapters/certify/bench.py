"""The bench: a message and its tools in; whether it is carried, and what becomes of it, out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..abilities import CLOCK, capabilities, known_options
from ..errors import ConversationError
from ..render import normalise
from ..runtime import Parser
from . import messages
from .messages import Message

if TYPE_CHECKING:
    from ..adapter import Adapter

Tools = list[Message] | None
_WORD = "zq1"


@dataclass(frozen=True)
class Outcome:
    """What becomes of a message: it is read back as ``back``, None where nothing can be printed.

    ``refusal`` is what ``render`` or the template says of it, "" where it is not refused.
    """

    wanted: Message
    back: Message | None
    refusal: str = ""

    @property
    def same(self) -> bool:
        return self.back == self.wanted


class Bench:
    """Prints messages with an adapter, reads them back, and asks whether ``render`` takes them."""

    def __init__(self, adapter: Adapter, options: dict[str, Any] | None = None) -> None:
        self.adapter = adapter
        self.able = capabilities(adapter)
        self.options = {**(reasoning_options(adapter) if options is None else options), **CLOCK}
        self.table = {**adapter.table, "before": ""}
        self.runs = 0

    def read(self, message: Message, tools: Tools = messages.TOOLS, ids: bool = False) -> Outcome:
        """Print a message and read it back; ``ids``: compare the ids of calls too."""
        self.runs += 1
        talk = messages.talk(message)
        wanted = messages.said(talk[-1])
        try:
            text = self.adapter.output(
                normalise(talk, self.adapter.declaration), tools, **self.options
            )
            text.encode()
        except ConversationError as error:
            return Outcome(wanted, None, error.reason)
        except UnicodeError:
            return Outcome(wanted, None, "what is printed is no text in UTF-8")
        got = self.parse(text, tools)
        back = messages.read(got)
        if ids:
            wanted["ids"] = [one["id"] for one in talk[-1]["tool_calls"]]
            back["ids"] = [one.id for one in got.tool_calls]
        return Outcome(wanted, back)

    def parse(self, text: str, tools: Tools = messages.TOOLS) -> Any:
        """Return the message that a whole answer is."""
        parser = Parser(self.table, tools=tools)
        parser.feed(text)
        parser.close()
        return parser.message

    def refusal(self, message: Message, tools: Tools = messages.TOOLS) -> str:
        """Return why ``render`` refuses this message, "" if it does not."""
        try:
            self.adapter.render(messages.talk(message), tools, **self.options)
        except ConversationError as error:
            return error.reason
        return ""

    def run(self, message: Message, tools: Tools = messages.TOOLS, ids: bool = False) -> Outcome:
        """Print a message, read it back, and ask ``render``."""
        found = self.read(message, tools, ids)
        if found.back is None:
            return found
        return Outcome(found.wanted, found.back, self.refusal(message, tools))

    def output(self, message: Message, tools: Tools = messages.TOOLS) -> str:
        """Return a message as an answer prints it; nothing if it does not."""
        try:
            talk = normalise(messages.talk(message), self.adapter.declaration)
            return self.adapter.output(talk, tools, **self.options)
        except ConversationError:
            return ""

    def declares(self, tools: Tools) -> str:
        """Return why the template does not declare these tools, "" if it does."""
        talk = messages.talk({})[:1]
        try:
            self.adapter.render_template(talk, tools, **self.options)
        except ConversationError as error:
            return error.reason
        return ""

    def prompt(self, talk: list[Message]) -> str | None:
        """Return the prompt of a conversation, None where the template refuses it."""
        tools = messages.TOOLS if self.able["tools"] else None
        try:
            return self.adapter.render_template(
                normalise(talk, self.adapter.declaration), tools, **self.options
            )
        except ConversationError:
            return None

    @cached_property
    def answers(self) -> list[str]:
        """Answers of every kind that the format carries, as they are printed."""
        f, g = messages.call("f"), messages.call("g", None, 1)
        said: list[Message] = [messages.content("a")]
        if self.able["reasoning"]:
            said += [messages.reasoning("b"), {"content": "a", "reasoning_content": ""}]
        if self.able["tools"]:
            said += [{"tool_calls": [one]} for one in (f, messages.call("f", {messages.KEY: "b"}))]
            said += [{"tool_calls": [f, g]}, {"content": "a", "tool_calls": [f]}]
            if self.able["reasoning"]:
                said.append({"reasoning_content": "b", "tool_calls": [f]})
        return list(dict.fromkeys(filter(None, map(self.output, said))))

    @cached_property
    def spoken(self) -> list[dict[str, Any]]:
        """The states of the parser in which it gives text or reasoning of printed answers."""
        found: list[dict[str, Any]] = []
        for answer in self.answers:
            watched = _Watched(self.table, tools=messages.TOOLS)
            watched.feed(answer)
            watched.close()
            found += (state for state in watched.spoken if state not in found)
        return found

    @cached_property
    def prints_ids(self) -> bool:
        """Whether an answer says the ids of its calls; a history alone may."""
        if not self.able["ids"]:
            return False
        said = messages.talk({"tool_calls": [{**messages.call("f"), "id": _WORD}]})
        made = normalise(said, self.adapter.declaration)[-1]
        return str(made["tool_calls"][0]["id"]) in self.output(said[-1])

    @property
    def begins_with_content(self) -> bool:
        """Whether nothing but white space stands before the content of a plain answer."""
        state = self.table["states"][0]
        exact = any(route["exact"] for route in state["anchored"])
        before = self.output(messages.content(_WORD)).partition(_WORD)[0]
        return not exact and not before.strip()


class _Watched(Parser):
    """A parser that notes in which states it gives text."""

    state: dict[str, Any] | None = None

    def __init__(self, *given: Any, **options: Any) -> None:
        self.spoken: list[dict[str, Any]] = []
        super().__init__(*given, **options)

    def _text(self, state: dict[str, Any]) -> Any:
        self.state = state
        return (yield from super()._text(state))

    def say(self, end: int, reasoning: bool = False) -> None:
        if end > self.at and self.state is not None and self.buffer[self.at : end].strip():
            self.spoken.append(self.state)
        super().say(end, reasoning)


def reasoning_options(adapter: Adapter) -> dict[str, Any]:
    """Return options under which an answer prints its reasoning: the defaults, if they do."""
    talk = messages.talk(messages.reasoning(_WORD))
    for chosen in known_options(adapter) if capabilities(adapter)["reasoning"] else ():
        try:
            if _WORD in adapter.output(talk, None, **chosen, **CLOCK):
                return chosen
        except ConversationError:  # an option that is no switch
            continue
    return {}
