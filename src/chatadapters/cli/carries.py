"""What a format carries: an adapter in; what is lost, each with its smallest example, out.

Nothing is taken from the declaration here: small messages are printed and read back, and what
differs is said. The general rules, in words, are ``Adapter.domain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..check import check_conversation, markers
from ..errors import ConversationError
from ..runtime import Parser
from . import small
from .example import CLOCK
from .facts import capabilities
from .small import TOOLS, Loss, Make, Message

if TYPE_CHECKING:
    from ..adapter import Adapter

Found = tuple[str, Loss | None]  # what it is, and how it is lost
_NUMBERS = {"type": "array", "items": {"type": "integer"}}
_NESTED = {"type": "object", "properties": {"b": _NUMBERS}}
_VALUES: tuple[tuple[str, Any, str, object], ...] = (  # what, type or schema, name, value
    ("null", "null", "a", None),
    ("nested arrays and objects", _NESTED, "a", {"b": [1]}),
    ("empty arrays", "array", "a", []),
    ("floats that are whole numbers", "number", "a", 1.0),
    ("integers of any size", "integer", "a", 10**25),
    ("empty strings", "string", "a", ""),
    ("strings of several lines", "string", "a", "b\nc"),
    ("spaces around strings", "string", "a", " b "),
    ("strings that look like numbers", "string", "a", "1"),
    ("the string null where null is allowed too", {"type": ["string", "null"]}, "a", "null"),
    ("numbers where the schema says no type", {}, "a", 1),
    ("names with spaces", "string", "a b", "c"),
)
_WORD = "zq1"
ARGUMENTS = "in arguments: "
REFUSED = "the template refuses it"
UNTRAINED = "it can be printed and read, but the format is not made for it"


def carries(adapter: Adapter, options: dict[str, Any]) -> tuple[list[str], list[Loss]]:
    """Return what is carried, in words, and what is not.

    ``options`` are those under which the format prints reasoning.
    """
    probe = _Probe(adapter, {**options, **CLOCK})
    found = list(probe.all())
    kept = [what for what, loss in found if loss is None]
    return kept, [loss for _, loss in found if loss is not None]


class _Probe:
    """Prints messages and reads them back."""

    def __init__(self, adapter: Adapter, options: dict[str, Any]) -> None:
        self.adapter, self.options = adapter, options
        self.able = capabilities(adapter)

    def all(self) -> Iterator[Found]:
        """Give each thing and, where it is lost, how."""
        able = self.able
        say: Message = {"content": "a"}
        one = [small.call("f", {})]
        message: Message
        if able["tools"]:
            two = [*one, small.call("g", {}, 1)]
            what, message = "several tool calls in one message", {"tool_calls": two}
            yield self.declared(what, message, {"tool_calls": one}, able["parallel_calls"])
            what, message = "content beside tool calls", {**say, "tool_calls": one}
            yield self.declared(what, message, {"tool_calls": one}, able["content_with_calls"])
        else:
            yield self.message("tool calls", {"tool_calls": one})
        message = {**say, "reasoning_content": "b"}
        yield self.declared("reasoning", message, say, able["reasoning"])
        if able["tools"]:
            if able["reasoning"]:
                message = {"reasoning_content": "b", "tool_calls": one}
                yield self.message("reasoning before tool calls", message)
            yield self.ids()
            if able["parallel_calls"]:
                yield self.results()
        yield from self.prompts()
        yield self.message("white space around content", {"content": " a "})
        if able["tools"]:
            for what, message, tools in self.arguments():
                yield ARGUMENTS + what, self.loss(ARGUMENTS + what, message, tools)
        yield from self.texts()

    def declared(self, what: str, message: Message, less: Message, able: bool) -> Found:
        """Tell of a thing that a declaration may say is not carried, though it can be printed."""
        loss = self.loss(what, message)
        if loss or able:
            return what, loss
        same = self.prompt(small.talk(message)) == self.prompt(small.talk(less))
        outcome = "it would be read back, but a prompt does not say it" if same else UNTRAINED
        return what, Loss(what, small.shown(small.plain(message)), outcome)

    def message(self, what: str, message: Message) -> Found:
        return what, self.loss(what, message)

    def loss(self, what: str, message: Message, tools: Any = None) -> Loss | None:
        wanted = small.plain(message)
        read = self.read(message, tools)
        if read == wanted:
            return None
        example = small.shown(wanted)
        if read is None:
            return Loss(what, example, REFUSED)
        return Loss(what, example, small.outcome(wanted, read, self.refused(message, tools)))

    def read(self, message: Message, tools: Any = None) -> Message | None:
        """Return what a message is read back as, None if the template refuses it."""
        try:
            text = self.adapter.output(small.talk(message), tools or TOOLS, **self.options)
        except ConversationError:
            return None
        parser = Parser({**self.adapter.table, "before": ""}, tools=tools or TOOLS)
        parser.feed(text)
        parser.close()
        return small.plain(dict(parser.message.to_openai()))

    def refused(self, message: Message, tools: Any = None) -> bool:
        talk, tools = small.talk(message), tools or TOOLS
        try:
            check_conversation(self.adapter, talk, tools, self.options, strict=False)
        except ConversationError:
            return True
        return False

    def ids(self) -> Found:
        what = "call ids"
        if self.able["ids"]:
            return what, None
        return what, Loss(
            what, '`"id": "call_1"`', "not printed: the calls of an answer get new ids"
        )

    def results(self) -> Found:
        """Tell whether a prompt says which of two calls a result answers."""
        what = "which of two calls a result answers"
        calls, found = [small.call("f", {}, 0), small.call("g", {}, 1)], []
        for first, second in ((0, 1), (1, 0)):
            said = [
                {"role": "tool", "tool_call_id": calls[n]["id"], "content": text}
                for n, text in ((first, "b"), (second, "c"))
            ]
            answer = {"role": "assistant", "content": "", "tool_calls": calls}
            found.append(self.prompt([{"role": "user", "content": "a"}, answer, *said]))
        if None not in found and found[0] == found[1]:
            example = "`f()`, `g()`, then the result of `g` before that of `f`"
            return what, Loss(what, example, "their order alone says it: keep that of the calls")
        return what, None

    def arguments(self) -> Iterator[tuple[str, Message, list[Any]]]:
        """Give what values of arguments there are: the words, a message and its tools."""
        for what, kind, name, value in _VALUES:
            schema = kind if isinstance(kind, dict) else {"type": kind}
            message = {"tool_calls": [small.call("f", {name: value})]}
            yield what, message, [small.tool({name: schema})]
        message = {"tool_calls": [small.call("f", {"b": 1, "a": 2})]}
        yield "their order", message, [small.tool({key: {"type": "integer"} for key in "ab"})]

    def prompts(self) -> Iterator[Found]:
        """Give what messages besides the answers there are."""
        user, answer = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
        for what, role, before in (
            ("a system message", "system", []),
            ("later system messages", "system", [user, answer]),
            ("messages of other roles, such as developer", "developer", []),
        ):
            text = self.prompt([*before, {"role": role, "content": _WORD}, user])
            shown = f'`{{"role": "{role}", "content": "a"}}`'
            example = f"{shown} after an answer" if before else shown
            if text is None:
                yield what, Loss(what, example, REFUSED)
            elif _WORD not in text:
                yield what, Loss(what, example, "dropped")
            else:
                yield what, None

    def prompt(self, messages: list[Message]) -> str | None:
        tools = TOOLS if self.able["tools"] else None
        try:
            return self.adapter.render_template(messages, tools, **self.options)
        except ConversationError:
            return None

    def texts(self) -> Iterator[Found]:
        """Give the shortest text of each kind that is read back as something else."""
        stops = sorted(filter(str.strip, self.adapter.declaration.stop), key=len)
        whole = self.candidates()
        kinds = [("content", small.content)]
        kinds += [("reasoning", small.reasoning)] if self.able["reasoning"] else []
        kinds += [("strings in arguments", small.argument)] if self.able["tools"] else []
        for kind, make in kinds:
            if self.same("b", make):  # else it is not the text's fault: another line says why
                lost = next((stop for stop in stops if not self.same(stop, make)), None)
                other = "other " if lost else ""
                if lost:
                    yield self.message(f"stop strings in {kind}", make(lost))
                text = next((one for one in whole if not self.same(one, make)), None)
                if text:
                    yield self.message(f"some {other}{kind}", make(self.shrunk(text, make)))

    def same(self, text: str, make: Make) -> bool:
        return self.read(make(text)) == small.plain(make(text))

    def shrunk(self, text: str, make: Make) -> str:
        """Return a text that is lost too, and is not without any one of its characters."""
        at = len(text) - 1
        while at >= 0:
            less = text[:at] + text[at + 1 :]
            if less.strip() == less and less and not self.same(less, make):
                text = less
            at = min(at, len(text)) - 1
        return text

    def candidates(self) -> list[str]:
        """Return texts that mean something to the parser, the shortest first, no stop strings."""
        table, found = self.adapter.table, set(markers(self.adapter.table))
        for part in (call["table"] for call in table["calls"]):
            ends = part.get("cdata", part).get("ends", ())
            ends = [f"{part['mark']}</a>"] if "mark" in part else ends
            found.update(a + b for a in ends for b in part.get("follow", ()))
        one, two = self.printed("f"), self.printed("f", "g")
        found.update(_beginnings(one))
        found.update(_beginnings(two[_same(one, two) :]))  # what stands between calls
        stops = self.adapter.declaration.stop
        fit = {text.strip() for text in found if not any(stop in text for stop in stops)}
        return sorted(fit - {""}, key=lambda text: (len(text), text))

    def printed(self, *names: str) -> str:
        """Return calls of these tools as an answer prints them; nothing if it does not."""
        calls = [small.call(name, {}, number) for number, name in enumerate(names)]
        try:
            return self.adapter.output(small.talk({"tool_calls": calls}), TOOLS, **self.options)
        except ConversationError:
            return ""


def _beginnings(text: str) -> list[str]:
    """Return the text up to the end of each of its words."""
    return [text[: piece.end()] for piece in re.finditer(r"\w+|\s+|[^\w\s]+", text)]


def _same(one: str, two: str) -> int:
    """Return how many characters two texts begin with alike."""
    most = min(len(one), len(two))
    return next((at for at in range(most) if one[at] != two[at]), most)
