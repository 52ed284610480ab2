"""What a parser gives: events as they happen, and the message that they add up to."""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any

Span = tuple[int, int]


class Event:
    """Something that the model's text said.

    ``span`` is its place in the input, in characters, end excluded.
    """

    __slots__: tuple[str, ...] = ()
    type = ""
    span: Span

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain data, ``type`` first."""
        return {"type": self.type, **{key: getattr(self, key) for key in self.__slots__}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.type, self.span))

    def __repr__(self) -> str:
        fields = ", ".join(f"{k}={getattr(self, k)!r}" for k in self.__slots__)
        return f"{type(self).__name__}({fields})"


class Text(Event):
    """Content, in the order of the input."""

    __slots__ = ("text", "span")  # noqa: RUF023  (the order of the fields)
    type = "text"

    def __init__(self, text: str, span: Span) -> None:
        self.text = text
        self.span = span


class Reasoning(Event):
    """Reasoning, in the order of the input."""

    __slots__ = ("text", "span")  # noqa: RUF023  (the order of the fields)
    type = "reasoning"

    def __init__(self, text: str, span: Span) -> None:
        self.text = text
        self.span = span


class CallStart(Event):
    """A tool call is committed.

    ``id`` is None where the wire carries ids but has not shown this one yet.
    """

    __slots__ = ("index", "id", "name", "span")  # noqa: RUF023  (the order of the fields)
    type = "call_start"

    def __init__(self, index: int, id: str | None, name: str, span: Span) -> None:
        self.index = index
        self.id = id
        self.name = name
        self.span = span


class CallArguments(Event):
    """A piece of the arguments' JSON text."""

    __slots__ = ("index", "json_delta", "span")
    type = "call_arguments"

    def __init__(self, index: int, json_delta: str, span: Span) -> None:
        self.index = index
        self.json_delta = json_delta
        self.span = span


class CallEnd(Event):
    """A tool call is over.

    ``status``: complete, truncated, malformed or unknown_tool; ``span``: the whole call.
    """

    __slots__ = ("index", "id", "status", "span")  # noqa: RUF023  (the order of the fields)
    type = "call_end"

    def __init__(self, index: int, id: str, status: str, span: Span) -> None:
        self.index = index
        self.id = id
        self.status = status
        self.span = span


class Malformed(Event):
    """Text that is neither content nor a call: after a stop string, or in a call gone wrong."""

    __slots__ = ("text", "reason", "span")  # noqa: RUF023  (the order of the fields)
    type = "malformed"

    def __init__(self, text: str, reason: str, span: Span) -> None:
        self.text = text
        self.reason = reason
        self.span = span


def merge(events: list[Event]) -> list[Event]:
    """Return the events, neighbours of one kind with no gap between them made one."""
    merged: list[Event] = []
    run: list[Event] = []
    for event in (*events, None):
        if run and event is not None and _goes_on(run[-1], event):
            run.append(event)
            continue
        if run:
            merged.append(run[0] if len(run) == 1 else _one(run))
        run = [event] if event is not None else []
    return merged


def _goes_on(event: Event, other: Event) -> bool:
    if type(event) is not type(other) or event.span[1] != other.span[0]:
        return False
    if isinstance(event, CallArguments) and isinstance(other, CallArguments):
        return event.index == other.index
    return isinstance(event, (Text, Reasoning))


def _one(run: list[Event]) -> Event:
    first, span = run[0], (run[0].span[0], run[-1].span[1])
    if isinstance(first, CallArguments):
        pieces = [event.json_delta for event in run if isinstance(event, CallArguments)]
        return CallArguments(first.index, "".join(pieces), span)
    text = "".join([event.text for event in run if isinstance(event, (Text, Reasoning))])
    return Reasoning(text, span) if isinstance(first, Reasoning) else Text(text, span)


class Pieces(list[str]):
    """A growing text; its latest pieces are joined now and then, to keep memory near its size."""

    __slots__ = ("most",)
    _NEW = 128

    def __init__(self) -> None:
        self.most = self._NEW

    def write(self, piece: str) -> None:
        self.append(piece)
        if len(self) > self.most:
            self.fold()

    def fold(self) -> None:
        start = self.most - self._NEW
        self[start:] = ["".join(self[start:])]
        self.most += 1

    def text(self) -> str:
        return "".join(self)


class ToolCall:
    """One tool call of a message.

    ``arguments`` is JSON text, cut short where ``status`` is truncated.
    """

    __slots__ = ("_json", "id", "index", "name", "span", "status")

    def __init__(self, index: int, id: str | None, name: str) -> None:
        self.index = index
        self.id = id
        self.name = name
        self.status = "truncated"
        self.span: Span = (0, 0)
        self._json = Pieces()

    @property
    def arguments(self) -> str:
        return self._json.text()

    def value(self) -> dict[str, Any]:
        """Return the arguments as a mapping.

        Raises ``ValueError`` where the JSON text is cut short or broken.
        """
        import json

        value = json.loads(self.arguments)
        if not isinstance(value, dict):
            raise ValueError(f"the arguments are not an object: {self.arguments!r}")
        return value

    def __repr__(self) -> str:
        return f"ToolCall({self.id!r}, {self.name!r}, {self.arguments!r}, {self.status!r})"


class Message:
    """An assistant message as parsed so far."""

    __slots__ = ("_content", "_reasoning", "tool_calls")

    def __init__(self) -> None:
        self.tool_calls: list[ToolCall] = []
        self._content = Pieces()
        self._reasoning = Pieces()

    @property
    def content(self) -> str:
        return self._content.text()

    @property
    def reasoning(self) -> str:
        return self._reasoning.text()

    def to_openai(self) -> dict[str, Any]:
        """Return the OpenAI shape: ``content`` null if empty, ``arguments`` as a JSON string.

        ``reasoning_content`` and ``tool_calls`` are present only where there are any.
        """
        message: dict[str, Any] = {"role": "assistant", "content": self.content or None}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in self.tool_calls
            ]
        return message

    def __repr__(self) -> str:
        return (
            f"Message(content={self.content!r}, reasoning={self.reasoning!r}, "
            f"tool_calls={self.tool_calls!r})"
        )
