"""One tool call: its header is read ahead, committed when complete; then its arguments stream."""

from __future__ import annotations

from .elements import read_elements
from .fields import Fields, unpack
from .json_stream import pass_value
from .literals import read_literal
from .pairs import read_pairs
from .scan import LONGEST_NAME, Scanner
from .values import property_types, valid_json

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .events import ToolCall
    from .scan import Steps

NAME_MARKS = "_-.:/"
LONGEST_COUNT = 9


class Caller(Scanner):
    """A scanner that knows the tools and reads calls."""

    def __init__(self, table: dict[str, Any], tools: list[dict[str, Any]] | None) -> None:
        super().__init__()
        self.table = table
        self.tools: dict[str, Any] | None = None
        if tools is not None:
            functions = [tool.get("function") or tool for tool in tools]
            self.tools = {
                str(function.get("name")): function.get("parameters") for function in functions
            }
        self.longest_name = (
            max(map(len, self.tools), default=0) if self.tools is not None else LONGEST_NAME
        )
        self.marks = NAME_MARKS + "".join(self.tools or ())
        self.unknown_tools = False
        self.make_id = _ids(table["id_parts"])
        self._ids = set[str]()

    # -- the header, read ahead: nothing is consumed before it is complete

    def read_call(self, body: dict[str, Any], position: int) -> Steps:
        """Try to read a call whose opening ends at ``position``; return False where it is none."""
        name = id = None
        for step in body["header"]:
            kind = step[0]
            if kind == "name":
                if step[1]:
                    position = yield from self.skip_space(position)
                    if position < 0:
                        return False
                position, read = yield from self._name(position, step[2])
                if name is not None and read != name:
                    return False
                name = read
            elif kind == "id":
                position, read = yield from self._id(position, step[1])
                if id is not None and read != id:
                    return False
                id = read
                name = derive_name(self.table["id_parts"], id) if body["derived"] else name
            elif kind == "count":
                position = yield from self._count(position)
            elif kind == "optional":
                offset = position - self.at
                after = yield from self.tokens(position, step[1])
                position = after if after >= 0 else self.at + offset
            else:
                position = yield from self.tokens(position, step[1])
            if position < 0:
                return False
        if body["payload"] == "object":
            return (yield from self._object_call(body, position, name))
        if not name or not self.known(name):
            return False
        if body["ahead"]:
            position = yield from self.skip_space(position)
            if position < 0:
                return False
            position, size = yield from self.token(position, body["ahead"])
            if size < 0:
                return False
        if id is None and not body["has_id"]:
            id = self.make_id(len(self.message.tool_calls), name)
        call = self.start_call(name, self.unused(id, name), self.at, position)
        status = yield from self._arguments(call, body)
        yield from self._finish(call, body, status)
        return True

    def unused(self, id: str | None, name: str) -> str | None:
        """Return an id, another one where an earlier call of the message has it already.

        Models repeat ids, and results are told apart by them.
        """
        number = len(self.message.tool_calls)
        for made in range(number, 2 * number + 1):
            if id not in self._ids:
                break
            id = self.make_id(made, name)
        if id is not None:
            self._ids.add(id)
        return id

    def declared(self, name: str) -> bool:
        return self.tools is None or name in self.tools

    def known(self, name: str) -> bool:
        return self.unknown_tools or self.declared(name)

    def _name(self, position: int, stop: str) -> Steps:
        """Read the longest run of name characters without ``stop``.

        It gives up as soon as no tool's name can come of it.
        """
        marks = self.marks.replace(stop, "") if stop else self.marks
        end, most = position, LONGEST_NAME if self.unknown_tools else self.longest_name
        while True:
            buffer, size = self.buffer, len(self.buffer)
            while end < size and (buffer[end].isalnum() or buffer[end] in marks):
                end += 1
            if end - position > most:
                return -1, ""
            if end < size or self.ended:
                break
            if self.tools is not None and not self.unknown_tools:
                have = buffer[position:end]
                if not any(name.startswith(have) for name in self.tools):
                    return -1, ""
            offset = end - position
            position = yield from self.more(position)
            end = position + offset
        return (end, self.buffer[position:end]) if end > position else (-1, "")

    def _count(self, position: int) -> Steps:
        """Read the number of a call, which says nothing that its place does not say."""
        end = position
        while True:
            while end < len(self.buffer) and self.buffer[end] in "0123456789":
                end += 1
            if end - position > LONGEST_COUNT:
                return -1
            if end < len(self.buffer) or self.ended:
                return end if end > position else -1
            offset = end - position
            position = yield from self.more(position)
            end = position + offset

    def _id(self, position: int, ends: tuple[str, ...]) -> Steps:
        """Read an id, one word, up to the token after it."""
        position, place = yield from self.until(position, ends, 2 * LONGEST_NAME)
        id = self.buffer[position:place].strip() if place >= 0 else ""
        return (place, id) if id and len(id.split()) == 1 else (-1, "")

    # -- arguments, consumed as they arrive

    def _arguments(self, call: ToolCall, body: dict[str, Any]) -> Steps:
        kind = body["payload"]
        if kind == "pairs":
            types = property_types((self.tools or {}).get(call.name))
            return (yield from read_pairs(self, call, body["table"], types))
        if kind == "elements":
            schema = (self.tools or {}).get(call.name)
            return (yield from read_elements(self, call, body["table"], schema))
        if kind == "literal":
            good = yield from read_literal(self, call, body["table"])
        else:
            good = yield from self.read_json(call)
        if not good:
            return "truncated" if self.ended else "malformed"
        return ""

    def read_json(self, call: ToolCall) -> Steps:
        """Read the arguments' JSON object; null is an empty one, a string with one is unpacked."""
        if not (yield from self.drop_space()):
            return False
        char = self.buffer[self.at]
        if char == "{":
            self.quick_call = call
            end = yield from pass_value(
                self, lambda text, end: self.argue(call, text, end), self.at, quick=True
            )
            return end >= 0
        _, size = yield from self.token(self.at, ("null", '"{'))
        if size < 0:
            return False
        end = yield from pass_value(self, None, self.at)
        if end < 0:
            return False
        text = unpack(self.buffer[self.at : end])
        self.argue(call, text or "", end)
        return text is not None

    def _finish(self, call: ToolCall, body: dict[str, Any], status: str) -> Steps:
        """Consume the closing tokens, or what is left of a call that went wrong."""
        broken = status == "malformed"
        if status in ("", "wrong type"):
            status = "complete" if not status and valid_json(call.arguments) else "malformed"
            if body["close"] and not (yield from self.closing(body["close"])) and self.ended:
                self.at = len(self.buffer)
        if status == "complete" and not self.declared(call.name):
            status = "unknown_tool"
        if status == "truncated":
            self.at = len(self.buffer)
        if call.id is None:
            call.id = self.make_id(call.index, call.name)
        self.end_call(call, status)
        if broken:
            yield from self._recover(body)

    def _recover(self, body: dict[str, Any]) -> Steps:
        """Give what follows as malformed, up to a token that ends the call."""
        ends: tuple[str, ...] = body["recover"]
        longest = max(map(len, ends), default=0)
        while True:
            place, which = self.find(ends, self.at)
            if place >= 0:
                self.reject(place, "malformed call")
                if which in body["closers"]:
                    self.at += len(which)
                return
            self.reject(
                len(self.buffer) if self.ended else self.tail(ends, longest, self.at),
                "malformed call",
            )
            if self.ended:
                return
            yield from self.more(self.at)

    # -- calls written as one JSON object

    def _object_call(self, body: dict[str, Any], position: int, name: str | None) -> Steps:
        """Read ``{...}``: any key order, unknown keys; committed once the name is known.

        ``name`` is the name that stands before the object, if one does: the two must be equal.
        """
        reader = Fields(self, body["table"], body["bare"], name)
        good = yield from reader.header(position)
        if not good:
            return False
        id = reader.id
        if id is None and not body["has_id"]:
            id = self.make_id(len(self.message.tool_calls), reader.name)
        start = self.at
        begin, end = reader.arguments
        text = self.buffer[start + begin : start + end] if end else ""
        id = self.unused(id, reader.name)
        call = self.start_call(reader.name, id, start, start + reader.offset)
        status = ""
        if end:
            unpacked = unpack(text)
            self.argue(call, unpacked or "", self.at)
            status = "malformed" if unpacked is None else ""
        status = (yield from reader.body(call)) or status
        if not status and not call._json:
            self.argue(call, "{}", self.at)
        if call.id is None:
            call.id = self.unused(reader.id, call.name)
        yield from self._finish(call, body, status)
        return True


def derive_name(parts: tuple[str, ...], id: str) -> str:
    """Return the tool's name from an id of a declared form, or ""."""
    at = parts.index("{name}")
    head, tail = "".join(parts[:at]), parts[at + 1 :]
    if not id.startswith(head):
        return ""
    rest = id[len(head) :]
    for part in reversed(tail):
        if part.startswith("{"):
            shorter = rest.rstrip("0123456789")
            if shorter == rest:
                return ""
            rest = shorter
        elif rest.endswith(part):
            rest = rest[: len(rest) - len(part)]
        else:
            return ""
    return rest


def _ids(parts: tuple[str, ...]) -> Callable[[int, str], str]:
    """Return what makes ids in the declared form.

    The call's number in the message stands for every count.
    """

    def make_id(index: int, name: str) -> str:
        import os

        made = ""
        for part in parts or ("call_", "{alnum:24}"):
            if part.startswith("{alnum:"):
                made += os.urandom(64).hex()[: int(part[7:-1])]
            else:
                made += {"{name}": name, "{index}": str(index), "{ordinal}": str(index)}.get(
                    part, part
                )
        return made

    return make_id
