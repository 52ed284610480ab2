"""Tools and tool history in, plain system, user and assistant messages out.

A server's own template prints a plain message between the header and the end of its turn. What the
format prints for tools, calls and results is cut out of the adapter's own text (see ``turns``),
without headers and ends, so that such a template puts it back where the format has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .. import render
from ..check import reasoning_of, text_of
from ..errors import ConversationError
from .turns import Messages, Print, Printer, Tools, Turn

if TYPE_CHECKING:
    from ..adapter import Adapter

_KEPT = ("role", "content", "name")


class Plainer:
    """Writes conversations of one adapter with plain messages only."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.printer = Printer(adapter)

    def messages(
        self, messages: Messages, tools: Tools, options: Mapping[str, Any], request: str = ""
    ) -> Messages:
        """Return the plain messages; ``request`` is a sentence to stand behind the system text.

        Messages that say nothing of tools stay as they are. Raises ``ConversationError``.
        """
        self.adapter.render(messages, tools, **options)  # what would be misread is refused here
        return _Rewriting(self, messages, tools, options).result(request)


class _Rewriting:
    """One conversation on its way; ``given`` is as the caller has it, ``known`` is normalised."""

    def __init__(
        self, plainer: Plainer, messages: Messages, tools: Tools, options: Mapping[str, Any]
    ) -> None:
        self.printer, self.options, self.tools = plainer.printer, options, tools
        self.declaration = plainer.adapter.declaration
        self.stand_in = plainer.printer.stand_in
        self.given = messages
        self.known = render.normalise(messages, self.declaration)
        self.led = bool(messages) and self.known[0]["role"] == "system"
        self.system = self._text(self.known[0]) if self.led else ""
        shown = [
            {**message, "content": self.stand_in(index)} if self._replaced(message) else message
            for index, message in enumerate(self.known)
        ]
        self.real = self.print(self.known, tools)
        self.shown = self.print(shown, tools)
        self.untold = self.print(shown, None)
        self.system_frame = self._system_frame()
        self.markers = self._markers()

    def _text(self, message: Mapping[str, Any]) -> str:
        return text_of(message.get("content"), self.declaration.prompt.parts)

    def _replaced(self, message: Mapping[str, Any]) -> bool:
        """Whether a stand-in shows where a message's text is printed; an empty one stays empty."""
        if message["role"] == "system":
            return message is self.known[0] and self.system != ""
        return message["role"] in ("user", "tool")

    def print(self, messages: Messages, tools: Tools) -> Print:
        return self.printer.print(messages, tools, self.options)

    def head(self, printed: Print, led: bool) -> str:
        """Return what stands before the first turn that is not the leading system message's."""
        return printed.opening + (printed.turns[0].text if led else "")

    def result(self, request: str) -> Messages:
        plain = self._calls(self._results())
        systems = self._systems(request)
        if systems is not None and self.system_frame is None:
            return _in_front(plain, "\n\n".join(systems))
        if systems is not None:
            plain[: self.led] = [{"role": "system", "content": text} for text in systems]
        return plain

    # -- headers and ends of turns

    def _system_frame(self) -> tuple[str, str, str] | None:
        """Return what a leading system text stands between, or None where none is printed."""
        system = {"role": "system", "content": self.stand_in(-1)}
        try:
            printed = self.print([system, *self.known[self.led :]], None)
        except ConversationError:
            return None  # the format has no such role
        before, stand_in, after = self.head(printed, True).partition(self.stand_in(-1))
        return before, stand_in, after

    def _markers(self) -> str:
        """Return a pattern of the markers that open and close turns; content holds no others."""
        frames = "".join(self.system_frame or ()) + self.untold.opening
        for message, turn in zip(self.known, self.untold.turns, strict=True):
            if message["role"] == "user":
                frames += turn.text
            elif message["role"] == "assistant" and turn.output is not None:
                frames += turn.text.replace(turn.output, "")
        declared = (*self.declaration.special, *self.declaration.stop)
        found = {m for m in declared if m in frames} | set(self.declaration.stop)
        longest = sorted(found, key=lambda marker: (-len(marker), marker))
        return "|".join(map(re.escape, longest)) or "(?!)"

    def _header(self, text: str) -> str:
        """Return the markers, role names and white space that a text begins with."""
        one = rf"(?:{self.markers})(?:[\w.-]+(?=\n|{self.markers}))?\s*"
        found = re.match(rf"(?:{one})+", text)
        return found.group() if found else ""

    def _end(self, text: str) -> str:
        """Return the markers that a text ends with, and the white space behind each."""
        found = re.search(rf"(?:(?:{self.markers})\s*)+\Z", text)
        return found.group() if found else ""

    # -- tools, in the system text or in a user's

    def _systems(self, request: str) -> list[str] | None:
        """Return the texts of the leading system messages, or None where nothing changes."""
        texts = [self.system] if self.led else []
        told = self.head(self.shown, self.led)
        changed = told != self.head(self.untold, self.led)
        if changed:
            kept = texts if self.system_frame and not self.system_frame[1] else []
            found = self._split(self._inside(told))
            texts = [*kept, *(text.replace(self.stand_in(0), self.system) for text in found)]
        if request:
            texts[-1:] = ["\n\n".join([*texts[-1:], request])]
        return texts if changed or request else None

    def _inside(self, told: str) -> str:
        """Return the text of one system message that prints ``told``, or comes nearest to it."""
        before, _, after = self.system_frame or (self.head(self.untold, self.led), "", "")
        if self.system_frame and told.startswith(before) and told[len(before) :].endswith(after):
            return told[len(before) : len(told) - len(after)]
        inside = self._without_end(told.removeprefix(self._header(told)))
        for printed in (before.removeprefix(self._header(before)), self._without_end(after)):
            inside = inside.replace(printed, "", 1)  # the server's template prints it itself
        return inside.strip("\n")

    def _without_end(self, text: str) -> str:
        return text.removesuffix(self._end(text))

    def _split(self, text: str) -> list[str]:
        """Cut where the format begins another system turn, so that each is a message."""
        two = [self.stand_in(-1), self.stand_in(-2)]
        systems = [{"role": "system", "content": one} for one in two]
        try:
            printed = self.print([*systems, *self.known[self.led :]], None)
        except ConversationError:
            return [text]
        whole = printed.opening + printed.turns[0].text + printed.turns[1].text
        joint = whole.partition(two[0])[2].partition(two[1])[0]
        return text.split(joint) if re.search(self.markers, joint) else [text]

    def _told(self, index: int) -> dict[str, Any]:
        """Return a message, a user's with the text about tools that the format prints there."""
        message, stand_in = self.given[index], self.stand_in(index)
        if self.known[index]["role"] != "user":
            return message
        before, _, after = self.shown.turns[index].text.partition(stand_in)
        plain_before, _, plain_after = self.untold.turns[index].text.partition(stand_in)
        if (before, after) == (plain_before, plain_after):
            return message
        if before.startswith(plain_before):
            before = before[len(plain_before) :]
        else:  # the text stands before the turn
            before = before.removesuffix(plain_before)
            before = before.removeprefix(self._header(before))
        after = after.removesuffix(plain_after)
        content = message.get("content")
        if not isinstance(content, list | tuple):
            return {**message, "content": f"{before}{content or ''}{after}"}
        first, last = ([{"type": "text", "text": t}] if t else [] for t in (before, after))
        return {**message, "content": [*first, *content, *last]}

    # -- results, as a user's message

    def _results(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return (message to send, message as known), neighbouring results made one user's."""
        done: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for is_result, run in groupby(
            range(len(self.known)), key=lambda index: self.known[index]["role"] == "tool"
        ):
            indexes = list(run)
            if is_result:
                message = {"role": "user", "content": self._result_text(indexes)}
                done.append((message, message))
            else:
                done += [(self._told(index), self.known[index]) for index in indexes]
        return done

    def _result_text(self, indexes: list[int]) -> str:
        """Return what the format prints for neighbouring results, without headers and ends."""
        text = ""
        for index in indexes:
            turn = self.real.turns[index].text
            before, _, after = self.shown.turns[index].text.partition(self.stand_in(index))
            header, end = self._header(before), self._end(after)
            if turn.startswith(header):
                body = turn[len(header) :]
            else:
                body = turn.removeprefix(header.rstrip()).lstrip()
            text += ("\n" if text and header else "") + body.removesuffix(end)
        return text or self._inside_answer(indexes)

    def _inside_answer(self, indexes: list[int]) -> str:
        """Return results that the format prints inside the assistant's own turn."""
        asking = indexes[0] - 1
        if asking >= 0 and self.known[asking]["role"] == "assistant":
            before = [*self.known[:asking], {**self.known[asking], "content": ""}]
            answered = [*before, *self.known[indexes[0] : indexes[-1] + 1]]
            alone = self.print(before, self.tools).turns[asking].output or ""
            both = self.print(answered, self.tools).turns[asking].output or ""
            if both.startswith(alone) and len(both) > len(alone):
                return both[len(alone) :]
        return "\n".join(self._text(self.known[index]) for index in indexes)

    # -- calls, as the text that the model writes

    def _calls(self, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Messages:
        plain = [_plain(message) for message, _ in pairs]
        real = [known for _, known in pairs]
        spoken = [index for index, known in enumerate(real) if _speaks(known)]
        if not spoken:
            return plain
        framed = list(real)
        for index in spoken:
            framed[index] = {"role": "assistant", "content": self.stand_in(index)}
        targets, frames = self.print(real, None).turns, self.print(framed, None).turns
        for index in spoken:
            frame = frames[index].text.partition(self.stand_in(index))
            plain[index]["content"] = self._spoken(targets[index], frame)
        return plain

    def _spoken(self, target: Turn, frame: tuple[str, str, str]) -> str:
        """Return the content that a template prints as this turn, or comes nearest to it."""
        before, _, after = frame
        text = target.text
        if text.startswith(before) and text[len(before) :].endswith(after):
            return text[len(before) : len(text) - len(after)]
        if target.output is not None:
            return target.output
        return self._without_end(text.removeprefix(self._header(text)))


def _in_front(messages: Messages, text: str) -> Messages:
    """Return the messages with a text before the first user's, for formats without system texts."""
    done = list(messages)
    at = next((i for i, message in enumerate(done) if message["role"] == "user"), None)
    if at is None:
        return [{"role": "user", "content": text}, *done]
    content = done[at].get("content")
    if isinstance(content, list | tuple):
        said: object = [{"type": "text", "text": f"{text}\n\n"}, *content]
    else:
        said = f"{text}\n\n{content}" if content else text
    done[at] = {**done[at], "content": said}
    return done


def _speaks(message: Mapping[str, Any]) -> bool:
    """Whether an assistant's message holds more than its content."""
    if message["role"] != "assistant":
        return False
    return bool(message.get("tool_calls") or reasoning_of(message))


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the keys that only newer servers know."""
    if message.get("role") != "assistant":
        return message
    kept = {key: message[key] for key in _KEPT if message.get(key) is not None}
    return {**kept, "content": kept.get("content", "")}
