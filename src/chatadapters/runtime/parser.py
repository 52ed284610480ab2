"""The transducer: a format's table and text deltas in; events and the assembled message out."""

from __future__ import annotations

from .calls import Caller
from .events import CallArguments, Reasoning, Text, merge
from .pairs import take_lead
from .scan import SPACE
from .values import escape

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .events import Event
    from .scan import Steps


class Parser(Caller):
    """A streaming parser of one assistant message.

    ``tools`` are the tools of the request, in the OpenAI shape: None parses calls of any name, an
    empty list allows no calls. ``prompt`` is the rendered prompt, which decides where the answer
    begins (a template may have opened the reasoning already); one that ends in no generation
    prompt, such as ``""``, stands for a whole answer; without one the answer begins as under the
    default options. ``make_id(index, name)`` makes ids where the wire carries none.
    ``unknown_tools=True`` gives calls of undeclared tools, with status ``unknown_tool``, instead of
    text.

    ``reasoned`` is the place in the input where what is not reasoning begins, white space included;
    None as long as reasoning goes on or may still come.
    """

    reasoned: int | None = None

    def __init__(
        self,
        table: dict[str, Any],
        *,
        tools: list[dict[str, Any]] | None = None,
        prompt: str | None = None,
        make_id: Callable[[int, str], str] | None = None,
        unknown_tools: bool = False,
    ) -> None:
        super().__init__(table, tools)
        self.unknown_tools = unknown_tools
        self.states = table["states"] if tools is None or tools else table["states_without_calls"]
        if make_id is not None:
            self.make_id = make_id
        self.closed = False
        self._steps = self._run()
        next(self._steps)
        before = table["before"]
        if prompt is not None:
            before = next((text for end, text in table["starts"] if prompt.endswith(end)), "")
        if before:
            self.feed(before)
            self.base = -self.at
            if self.reasoned is not None:
                self.reasoned = 0
            self.message._content.clear()
            self.message._reasoning.clear()

    @property
    def held(self) -> int:
        """How many characters of input are held back, as they may still become a marker."""
        return len(self.buffer) - self.at

    def feed(self, delta: str) -> list[Event]:
        """Take the next piece of the model's text; return the events that it settles."""
        if self.closed:
            raise ValueError("the parser is closed; make a new one for the next message")
        quick = self.quick
        if quick is not None and delta:
            for stop in quick:
                if stop in delta:
                    break
            else:
                call, start = self.quick_call, self.base
                end = start + len(delta)
                if call is None:
                    pieces = self.quick_pieces
                    pieces.append(delta)
                    if len(pieces) > pieces.most:
                        pieces.fold()
                    self.base = end
                    return [self.quick_kind(delta, (start, end))]
                # JSON goes through as it is, unless it needs repair or may end inside an escape.
                if self.quick_escape or (delta.isprintable() and delta[-1] != "\\"):
                    if self.quick_escape:
                        delta = escape(delta)
                    pieces = call._json
                    pieces.append(delta)
                    if len(pieces) > pieces.most:
                        pieces.fold()
                    self.base = end
                    return [CallArguments(call.index, delta, (start, end))]
        if delta:
            self.take(delta)
            next(self._steps)
        return self._give()

    def close(self) -> list[Event]:
        """End the input; return the last events. A second call gives nothing."""
        if self.closed:
            return []
        self.closed = self.ended = True
        for _ in self._steps:
            raise RuntimeError("a parsing routine asked for more input after the end")
        return self._give()

    def _give(self) -> list[Event]:
        events, self.events = self.events, []
        return merge(events) if len(events) > 1 else events

    # -- the states

    def _run(self) -> Steps:
        yield
        index, lead, last = 0, self.table["lead"], None
        while True:
            state = self.states[index]
            if last is not None and self.reasoned is None and not state.get("reasoning"):
                self.reasoned = self.base + self.at if last.get("reasoning") else 0
            last = state
            yield from take_lead(self, lead)
            route, lead = None, ""
            if state["anchored"]:
                route = yield from self._anchored(state)
                if route is None:
                    index = state["then"]
                    continue
            else:
                route = yield from self._text(state)
                if route is None:
                    break
            index, lead = route["goto"], route["lead"]
        while not self.ended:
            yield

    def _text(self, state: dict[str, Any]) -> Steps:
        """Give text until a marker leads on; return its route, or None at the end."""
        reasoning, cores = state["reasoning"], state["cores"]
        while True:
            place, which = self.find(cores, self.at)
            if place < 0:
                end = len(self.buffer)
                if not self.ended:
                    end = self.tail(state["variants"], state["longest"], self.at)
                self.say(end, reasoning)
                if self.ended:
                    return None
                if end == len(self.buffer):
                    self.quick_call, message = None, self.message
                    self.quick_kind = Reasoning if reasoning else Text
                    self.quick_pieces = message._reasoning if reasoning else message._content
                    self.rest(state["quick"])
                yield from self.more(self.at)
                self.quick = None
                continue
            route = state["routes"].get(which)
            if route is None:
                self.say(place, reasoning)
                self.at += len(which)
                yield from self._after_stop()
                return None
            self.say(place - self._framing(route, place), reasoning)
            offset = place + len(which) - self.at
            for one in (route, *route.get("others", ())):
                if (yield from self._follow(one, self.at + offset)):
                    return one
            self.say(self.at + offset - len(which) + route.get("again", len(which)), reasoning)

    def _framing(self, route: dict[str, Any], place: int) -> int:
        """Return how much white space before a marker is printed with it."""
        for framing in route["framings"]:
            if self.buffer.endswith(framing, self.at, place):
                return len(framing)
        return 0

    def _follow(self, route: dict[str, Any], position: int) -> Steps:
        """Go on from a route's first token, which ends at ``position``; return whether it holds."""
        if "rest" in route:
            position, size = yield from self.token(position, route["rest"])
            if size < 0:
                return False
            position += size
        position = yield from self.tokens(position, route["tokens"])
        if position < 0:
            return False
        if route["call"] is None:
            self.at = position
            return True
        return (yield from self.read_call(self.table["calls"][route["call"]], position))

    def _anchored(self, state: dict[str, Any]) -> Steps:
        """Try the routes that may begin right here; return the one that holds, or None."""
        for route in state["anchored"]:
            if route["exact"]:
                _, size = yield from self.token(self.at, route["first"])
                if size > 0:
                    self.at += size
                    return route
        if state["space"] == "gap":
            there = yield from self.drop_space()
        else:
            there = yield from self._say_space(state["widest"])
        if not there:
            return None
        gap = 0
        while self.buffer[self.at + gap] in SPACE:
            gap += 1
        for route in state["anchored"]:
            size = 0
            if route["exact"]:
                continue
            if route["first"]:
                _, size = yield from self.token(self.at + gap, route["first"])
                if size < 0:
                    continue
            framing = self._framing(route, self.at + gap) if route["first"] else 0
            self.say(self.at + gap - framing)
            gap = framing
            if (yield from self._follow(route, self.at + gap + size)):
                return route
        rest = self.buffer[self.at :]
        closers = [
            first
            for route in state["anchored"]
            if route["call"] is None
            for first in route["first"]
        ]
        if (
            self.ended
            and state["space"] == "gap"
            and any(first.startswith(rest) for first in closers)
        ):
            self.reject(len(self.buffer), "truncated")
        return None

    def _say_space(self, widest: int) -> Steps:
        """Give leading white space as text, but for what may be printed before a marker."""
        while True:
            buffer, size, end = self.buffer, len(self.buffer), self.at
            while end < size and buffer[end] in SPACE:
                end += 1
            self.say(max(self.at, end - widest))
            if end < size:
                return True
            if self.ended:
                return False
            yield from self.more(self.at)

    def _after_stop(self) -> Steps:
        """Give whatever follows a stop string as malformed."""
        while (yield from self.drop_space()):
            while not self.ended:
                self.reject(len(self.buffer), "after stop string")
                yield from self.more(self.at)
            self.reject(len(self.buffer), "after stop string")
            return
