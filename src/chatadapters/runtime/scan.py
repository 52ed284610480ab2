"""The buffer under every parser: deltas in; markers found, tokens matched and events given out.

Parsing routines are generators that ``yield`` when they need more input. While a routine only looks
ahead, ``at`` stays where it is and everything from there on is held; what a routine has consumed it
never sees again. A position is an index into ``buffer``; it moves when input arrives, so every wait
goes through ``more``.
"""

from __future__ import annotations

from .events import (
    CallArguments,
    CallEnd,
    CallStart,
    Event,
    Malformed,
    Message,
    Reasoning,
    Text,
    ToolCall,
)

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    Steps = Generator[None, None, Any]
    Tokens = tuple[tuple[str, ...], ...]

# White space between two structural markers that may still turn out to be text is held up to this
# many characters.
MOST_SPACE = 64
LONGEST_KEY = 256
LONGEST_NAME = 128
# Arguments that come before the name in a JSON object are held up to this many characters, then
# given as content.
MOST_HELD = 65536
SPACE = " \t\r\n"


class Scanner:
    """Buffer, position, events and message of one parse."""

    def __init__(self) -> None:
        self.buffer = ""
        self.at = 0
        self.base = 0
        self.ended = False
        self.events: list[Event] = []
        self.message = Message()
        self._found: dict[str, int] = {}
        # While set, a delta without any of these strings goes out whole; see Parser.feed.
        self.quick: tuple[str, ...] | None = None
        self.quick_call: ToolCall | None = None
        self.quick_kind: type[Text] | type[Reasoning] = Text
        self.quick_pieces = self.message._content
        self.quick_escape = False

    # -- input

    def take(self, delta: str) -> None:
        if self.at < len(self.buffer):
            self.buffer = self.buffer[self.at :] + delta
        else:
            self.buffer = delta
        self.base += self.at
        self.at = 0
        self._found.clear()

    def more(self, position: int) -> Steps:
        """Wait for input; return where ``position`` is now."""
        offset = position - self.at
        yield
        return self.at + offset

    def rest(self, unless: tuple[str, ...], escape: bool = False) -> int:
        """Let deltas without any of these strings go out whole until the next wait is over.

        Return the position. Argument deltas are escaped for JSON on the way if ``escape``.
        """
        self.base += self.at
        self.buffer = ""
        self.at = 0
        self.quick = unless
        self.quick_escape = escape
        return 0

    # -- output

    def span(self, start: int, end: int) -> tuple[int, int]:
        return (self.base + start, self.base + end)

    def say(self, end: int, reasoning: bool = False) -> None:
        """Give the buffer up to ``end`` as content or reasoning."""
        if end <= self.at:
            return
        text = self.buffer[self.at : end]
        span = (self.base + self.at, self.base + end)
        self.at = end
        (self.message._reasoning if reasoning else self.message._content).write(text)
        self.events.append(Reasoning(text, span) if reasoning else Text(text, span))

    def reject(self, end: int, reason: str) -> None:
        """Give the buffer up to ``end`` as malformed."""
        if end > self.at:
            self.events.append(
                Malformed(self.buffer[self.at : end], reason, self.span(self.at, end))
            )
            self.at = end

    def start_call(self, name: str, id: str | None, start: int, end: int) -> ToolCall:
        call = ToolCall(len(self.message.tool_calls), id, name)
        call.span = self.span(start, end)
        self.message.tool_calls.append(call)
        self.events.append(CallStart(call.index, id, name, call.span))
        self.at = end
        return call

    def argue(self, call: ToolCall, json_delta: str, end: int) -> None:
        """Give a piece of argument JSON that was read from the buffer up to ``end``."""
        if json_delta:
            call._json.write(json_delta)
            self.events.append(CallArguments(call.index, json_delta, self.span(self.at, end)))
        self.at = end

    def end_call(self, call: ToolCall, status: str) -> None:
        call.status = status
        call.span = (call.span[0], self.base + self.at)
        self.events.append(CallEnd(call.index, call.id or "", status, call.span))

    # -- looking

    def find(self, needles: tuple[str, ...], start: int) -> tuple[int, str]:
        """Return the first place of any needle from ``start`` on, and which; or ``(-1, "")``."""
        best, which = len(self.buffer), ""
        found = self._found
        for needle in needles:
            place = found.get(needle, -1)
            if place < start:
                place = self.buffer.find(needle, start)
                found[needle] = place = len(self.buffer) if place < 0 else place
            if place < best or (place == best and len(needle) > len(which) and which):
                best, which = place, needle
        return (best, which) if which else (-1, "")

    def until(self, position: int, needles: tuple[str, ...], most: int) -> Steps:
        """Return (position, place of the first needle).

        The place is -1 after ``most`` characters without one.
        """
        enough = most + max(map(len, needles))
        while True:
            place, _ = self.find(needles, position)
            if place >= 0 or self.ended or len(self.buffer) - position >= enough:
                return position, place if place - position <= most else -1
            position = yield from self.more(position)

    def tail(self, needles: tuple[str, ...], longest: int, start: int) -> int:
        """Return where the end of the buffer begins that may still become one of the needles."""
        buffer, size = self.buffer, len(self.buffer)
        for place in range(max(start, size - longest + 1), size):
            rest = buffer[place:]
            for needle in needles:
                if needle.startswith(rest):
                    return place
        return size

    def skip_space(self, position: int, most: int = MOST_SPACE) -> Steps:
        """Return the place of the next character that is not space, or -1 after ``most`` of it."""
        count = 0
        while True:
            buffer, size = self.buffer, len(self.buffer)
            while position < size and buffer[position] in SPACE:
                position += 1
                count += 1
                if count > most:
                    return -1
            if position < size or self.ended:
                return position
            position = yield from self.more(position)

    def drop_space(self) -> Steps:
        """Consume white space; return whether anything stands after it."""
        while True:
            buffer, size, position = self.buffer, len(self.buffer), self.at
            while position < size and buffer[position] in SPACE:
                position += 1
            self.at = position
            if position < size:
                return True
            if self.ended:
                return False
            yield

    def token(self, position: int, spellings: tuple[str, ...]) -> Steps:
        """Match one token: return (position, its length or -1)."""
        while True:
            wait = False
            for spelling in spellings:
                have = self.buffer[position : position + len(spelling)]
                if have == spelling:
                    return position, len(spelling)
                wait = wait or spelling.startswith(have)
            if not wait or self.ended:
                return position, -1
            position = yield from self.more(position)

    def tokens(self, position: int, tokens: Tokens) -> Steps:
        """Match tokens with any white space before each: return the place after them, or -1."""
        for spellings in tokens:
            position = yield from self.skip_space(position)
            if position < 0:
                return -1
            position, size = yield from self.token(position, spellings)
            if size < 0:
                return -1
            position += size
        return position

    def closing(self, tokens: Tokens) -> Steps:
        """Consume the closing tokens that are there, white space too; return whether all were."""
        for spellings in tokens:
            if not (yield from self.drop_space()):
                return False
            position, size = yield from self.token(self.at, spellings)
            if size < 0:
                return False
            self.at = position + size
        return True
