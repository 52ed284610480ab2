"""One choice's answer: its text in, as it arrives; deltas in the SDK's shape out, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..runtime import (
    CallArguments,
    CallEnd,
    CallStart,
    Event,
    Malformed,
    Parser,
    Reasoning,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

REASONING = ("reasoning_content", "reasoning")  # the two names that servers give it
CALLS, DROPPED = "tool_calls", "dropped_tool_calls"


class Reader:
    """Reads one answer. Joined, its deltas say all that the text says."""

    def __init__(self, parser: Parser, begun: str, parallel: bool) -> None:
        self.parser = parser
        self.parallel = parallel
        self.called = False  # whether a call is complete
        self._pending = parser.feed(begun) if begun else []

    def feed(self, text: str) -> dict[str, Any]:
        """Take a piece of the text; return what it settles."""
        if self.parser.closed:
            return {"malformed": text} if text else {}
        events = self._pending + self.parser.feed(text)
        self._pending = []
        return self._delta(events)

    def close(self) -> dict[str, Any]:
        """Take the end of the text; return what it settles."""
        events = self._pending + self.parser.close()
        self._pending = []
        return self._delta(events)

    def read(self, text: str) -> dict[str, Any]:
        """Take the whole text; return what it says, the calls without ``index``."""
        self._pending += self.parser.feed(text)
        said = self.close()
        for key in (CALLS, DROPPED):
            for call in said.get(key, ()):
                del call["index"]
        return said

    def finish(self, reason: Any) -> Any:
        """Return the finish reason, given the server's."""
        return "tool_calls" if reason == "stop" and self.called else reason

    def _delta(self, events: Iterable[Event]) -> dict[str, Any]:
        texts: dict[str, list[str]] = {"content": [], "reasoning": [], "malformed": []}
        calls: dict[int, dict[str, Any]] = {}
        for event in events:
            match event:
                case Text(text=text):
                    texts["content"].append(text)
                case Reasoning(text=text):
                    texts["reasoning"].append(text)
                case Malformed(text=text):
                    texts["malformed"].append(text)
                case CallStart():
                    function = {"name": event.name, "arguments": ""}
                    calls[event.index] = {
                        "index": event.index,
                        "id": event.id,
                        "type": "function",
                        "function": function,
                    }
                case CallArguments():
                    call = calls.setdefault(event.index, _goes_on(event.index))
                    call["function"]["arguments"] += event.json_delta
                case CallEnd():
                    self._end(event, calls)
        for index, call in calls.items():
            if "id" in call and call["id"] is None:
                # The wire shows it behind the arguments, and the first delta must have one.
                call["id"] = self.parser.make_id(index, call["function"]["name"])
        said: dict[str, Any] = {key: "".join(found) for key, found in texts.items() if found}
        if "reasoning" in said:
            said |= dict.fromkeys(REASONING, said["reasoning"])
        for key, wanted in ((CALLS, True), (DROPPED, False)):
            found = [call for index, call in calls.items() if self._given(index) is wanted]
            said |= {key: found} if found else {}
        return said

    def _given(self, index: int) -> bool:
        return self.parallel or index == 0

    def _end(self, event: CallEnd, calls: dict[int, dict[str, Any]]) -> None:
        call = calls.get(event.index)
        if call is not None and "id" in call and call["id"] is None:
            call["id"] = event.id
        if event.status == "complete":
            self.called |= self._given(event.index)
        else:
            calls.setdefault(event.index, _goes_on(event.index))["status"] = event.status


def _goes_on(index: int) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": ""}}
