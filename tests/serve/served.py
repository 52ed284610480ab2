"""An adapter's running server: requests in, replies out, whole and streamed."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.serve import replies
from tests.serve.replies import Reply
from tests.serve.server import Server
from tests.serve.wire import HELLO, Wire


@dataclass
class Served:
    """What a test holds: the adapter's ``wire``, its ``server`` and ways to ask it."""

    wire: Wire
    server: Server

    @property
    def name(self) -> str:
        return self.wire.name

    @cached_property
    def sdk(self) -> Any:
        return replies.client(self.server.url)

    def body(self, messages: Any = None, **more: Any) -> dict[str, Any]:
        """Return a request for the SDK; keys that it does not know are for ``extra_body``."""
        found: dict[str, Any] = {"model": self.name, "messages": messages or HELLO}
        found |= {"max_tokens": 256, "seed": 1, **more}
        return found

    def pair(self, **body: Any) -> tuple[Reply, Reply]:
        """Ask once whole and once streamed."""
        return replies.pair(self.sdk, **self.body(**body))

    def force(self, printed: Any, *, ids: bool = True, **more: Any) -> dict[str, Any]:
        """Return a request that makes the model answer with a printed answer, under auto.

        ``ids``: with the markers' own ids, not spelled in pieces.
        """
        sample = printed.conversation
        if self.wire.settled(printed.prompt):
            extra: dict[str, Any] = {"structured_outputs": {"choice": [printed.text]}}
            extra |= {"logit_bias": self.wire.bias} if ids else {}
        else:  # no grammar acts before the model has begun to answer
            opening = self.wire.encode(printed.text, whole=ids) + self.wire.encode(self.wire.end)
            extra = {"vllm_xargs": {"opening": opening}}
        if sample.options:
            extra["chat_template_kwargs"] = sample.options
        tools = {"tools": sample.tools, "tool_choice": "auto"} if sample.tools else {}
        room = len(self.wire.encode(printed.text)) + 400  # a marker may be spelled in pieces
        return self.body(
            self.as_sent(sample.messages[:-1]), max_tokens=room, **tools, extra_body=extra, **more
        )

    @staticmethod
    def as_sent(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return messages as clients send them: arguments are JSON text."""
        sent = copy.deepcopy(messages)
        for message in sent:
            for asked in message.get("tool_calls") or []:
                function = asked.get("function", {})
                if isinstance(function.get("arguments"), dict):
                    function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
        return sent

    # -- what needs no engine

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Send JSON, return the status and the JSON that comes back."""
        request = urllib.request.Request(
            f"{self.server.url}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=replies.LIMIT) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def prompt(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and what the server renders: token ids and sampling parameters."""
        return self.post("/v1/chat/completions/render", body)

    def derender(self, body: dict[str, Any], prompt: list[int], ids: list[int]) -> Reply:
        """Return what the server makes of an answer's tokens, whole."""
        choice = {"index": 0, "token_ids": ids, "finish_reason": "stop"}
        status, found = self.post(
            "/v1/chat/completions/derender",
            {
                "model": self.name,
                "chat_request": body,
                "prompt_token_ids": prompt,
                "generate_response": {"choices": [choice], "prompt_token_ids": prompt},
            },
        )
        assert status == 200, found
        return replies.whole(found)

    def derender_stream(
        self, body: dict[str, Any], prompt: list[int], ids: list[int], size: int
    ) -> Reply:
        """Return the same, ``size`` tokens at a time, joined."""
        state, chunks = None, []
        for start in range(0, len(ids), size):
            last = start + size >= len(ids)
            choice = {
                "index": 0,
                "token_ids": ids[start : start + size],
                "finish_reason": "stop" if last else None,
            }
            status, found = self.post(
                "/v1/chat/completions/derender",
                {
                    "stream": True,
                    "model": self.name,
                    "chat_request": {**body, "stream": True},
                    "prompt_token_ids": prompt,
                    "generate_chunk": {"request_id": "derender", "choices": [choice]},
                    "stream_state": state,
                },
            )
            assert status == 200, found
            state = found["stream_state"]
            chunks.append(found["chunk"])
        return replies.joined(chunks)
