"""A stub of an old server: OpenAI's two completion endpoints, and 400 for anything about tools.

A test says what the next answers are; the stub notes what it was sent.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPENAI = {"model", "temperature", "top_p", "n", "stream", "stream_options", "stop", "max_tokens"}
OPENAI |= {"presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "seed", "user"}
KNOWN = {
    "/v1/chat/completions": OPENAI | {"messages", "top_logprobs", "response_format"},
    "/v1/completions": OPENAI | {"prompt"},
}
VLLM = {"skip_special_tokens", "spaces_between_special_tokens", "add_special_tokens"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


@dataclass
class Said:
    """One choice of an answer: its text in pieces, one for each chunk of a stream."""

    pieces: list[str]
    finish: str | None = "stop"
    reasoning: list[str] = field(default_factory=list)  # taken out by the server, comes first
    logprobs: Any = None  # of every piece
    with_last: bool = False  # the finish reason comes with the last piece, not behind it
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class OldServer:
    """The stub; use it with ``with``. ``keys`` are the keys beyond OpenAI's that it knows."""

    def __init__(self, keys: set[str] = VLLM) -> None:
        self.keys = keys
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[list[Said]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> OldServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def say(self, *choices: Said | str, times: int = 1) -> None:
        """Set the next answers; a text is a choice in one piece. Forget the last requests."""
        said = [Said([one]) if isinstance(one, str) else one for one in choices]
        self.answers = [said] * times
        self.requests.clear()

    @property
    def last(self) -> dict[str, Any]:
        return self.requests[-1][1]

    def refusal(self, path: str, body: dict[str, Any]) -> str:
        """Return why a request is refused, or ""."""
        if path not in KNOWN:
            return f"no such endpoint: {path}"
        unknown = sorted(body.keys() - KNOWN[path] - self.keys)
        if unknown:
            return f"extra fields not permitted: {', '.join(unknown)}"
        for message in body.get("messages", ()):
            if message.get("role") not in ("system", "user", "assistant"):
                return f"unknown role: {message.get('role')!r}"
            if message.keys() - {"role", "content", "name"}:
                return f"extra fields not permitted in a message: {sorted(message)}"
            if not isinstance(message.get("content"), str | list):
                return f"content must be a text: {message.get('content')!r}"
        return ""


def _handler(server: OldServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._json(200, {"object": "list", "data": [{"id": "old", "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, body))
            refused = server.refusal(self.path, body)
            if refused:
                error = {"message": refused, "type": "BadRequestError", "code": 400}
                return self._json(400, {"error": error})
            said, chat = server.answers.pop(0), "chat" in self.path
            if not body.get("stream"):
                return self._json(200, _whole(body, said, chat))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            lines = [json.dumps(chunk) for chunk in _chunks(body, said, chat)]
            self.wfile.write("".join(f"data: {x}\n\n" for x in [*lines, "[DONE]"]).encode())

        def _json(self, status: int, data: dict[str, Any]) -> None:
            raw = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("x-request-id", "request-1")
            self.end_headers()
            self.wfile.write(raw)

    return Handler


def _frame(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "answer-1", "object": kind, "created": 1, "model": body["model"]}


def _whole(body: dict[str, Any], said: list[Said], chat: bool) -> dict[str, Any]:
    choices = []
    for index, one in enumerate(said):
        choice = {"index": index, "finish_reason": one.finish, "logprobs": one.logprobs}
        if chat:
            message = {"role": "assistant", "content": one.text}
            message |= {"reasoning_content": "".join(one.reasoning)} if one.reasoning else {}
            choices.append({**choice, "message": message, **one.extra})
        else:
            choices.append({**choice, "text": one.text, **one.extra})
    kind = "chat.completion" if chat else "text_completion"
    return {**_frame(body, kind), "choices": choices, "usage": USAGE}


def _chunks(body: dict[str, Any], said: list[Said], chat: bool) -> list[dict[str, Any]]:
    """Return the chunks of a stream; the pieces of several choices take turns."""
    frame = _frame(body, "chat.completion.chunk" if chat else "text_completion")
    chunks: list[dict[str, Any]] = []

    def add(index: int, delta: dict[str, Any], finish: str | None = None, **more: Any) -> None:
        choice = {"index": index, "finish_reason": finish, "logprobs": None, **more}
        choice |= {"delta": delta} if chat else {"text": delta.get("content", "")}
        chunks.append({**frame, "choices": [choice]})

    for index in range(len(said)):
        add(index, {"role": "assistant", "content": ""})
    for index, one in enumerate(said):
        for piece in one.reasoning:
            add(index, {"reasoning_content": piece})
    for turn in range(max(len(one.pieces) for one in said)):
        for index, one in enumerate(said):
            if turn < len(one.pieces):
                last = turn == len(one.pieces) - 1
                finish = one.finish if last and one.with_last else None
                add(index, {"content": one.pieces[turn]}, finish, logprobs=one.logprobs)
    for index, one in enumerate(said):
        if one.finish is not None and not one.with_last:
            add(index, {}, one.finish, **one.extra)
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**frame, "choices": [], "usage": USAGE})
    return chunks


def joined(chunks: list[Any]) -> dict[int, dict[str, Any]]:
    """Return what a user of the SDK makes of a stream: by choice, the parts put together."""
    found: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            one = found.setdefault(choice.index, {"calls": {}, "finish": None})
            if choice.finish_reason is not None:
                assert one["finish"] is None, "two finish reasons"
                one["finish"] = choice.finish_reason
            delta = choice.delta.to_dict()
            for key in ("role", "content", "reasoning_content", "reasoning", "malformed"):
                if delta.get(key):
                    one[key] = one.get(key, "") + delta[key]
            for key in ("tool_calls", "dropped_tool_calls"):
                for part in delta.get(key) or ():
                    _add(one["calls"], part)
    return found


def _add(calls: dict[int, dict[str, Any]], part: dict[str, Any]) -> None:
    function = part.get("function", {})
    if part["index"] not in calls:  # the first delta of a call has all but its arguments
        assert part["type"] == "function" and part["id"] and function["name"]
        calls[part["index"]] = {"id": part["id"], "name": function["name"], "arguments": ""}
    else:
        assert "id" not in part and "name" not in function
    calls[part["index"]]["arguments"] += function.get("arguments", "")
    calls[part["index"]] |= {"status": part["status"]} if "status" in part else {}
