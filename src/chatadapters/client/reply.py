"""What comes back: a server's response objects in, the SDK's chat objects with calls out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import ChatAdaptersError
from .answer import CALLS, REASONING, Reader
from .request import Plan


class Reply:
    """One response on its way: a whole one, or the chunks of a stream.

    Everything that is not the answer's text goes through as it is.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.texts = plan.settings.mode == "completions"
        self._readers: dict[int, Reader] = {}
        self._begun: set[int] = set()
        self._last: Any = None

    def whole(self, response: Any) -> Any:
        """Return a ``ChatCompletion``."""
        if self.texts:
            response = _chat_of(response, "ChatCompletion", "chat.completion", self._message)
        if not response.choices:
            return response
        choices = [self._choice(choice) for choice in response.choices]
        return _changed(response, choices=choices)

    def chunk(self, chunk: Any) -> Any:
        """Return a ``ChatCompletionChunk``, or None where the chunk settles nothing."""
        if self.texts:
            kind = "chat.completion.chunk"
            chunk = _chat_of(chunk, "ChatCompletionChunk", kind, self._first_delta)
        if not chunk.choices:
            return chunk
        self._last = chunk
        choices = [self._part(choice) for choice in chunk.choices]
        if not getattr(chunk, "usage", None) and not any(map(_says, choices)):
            return None
        return _changed(chunk, choices=choices)

    def rest(self) -> Any:
        """Return the chunk with what a stream that broke off still held back, or None."""
        choices = []
        for index, reader in self._readers.items():
            if said := reader.close():
                choices.append({"index": index, "delta": said, "finish_reason": None})
        if not choices:
            return None
        kept = {key: getattr(self._last, key) for key in ("id", "created", "model", "object")}
        return type(self._last).construct(**kept, choices=choices)

    # -- choices

    def _choice(self, choice: Any) -> Any:
        message = _data(choice.message)
        if message.get(CALLS):
            return choice  # the server has read the calls itself
        reasoning = _reasoning(message)
        reader = self.plan.reader(bool(reasoning))
        text = message.get("content")
        said = reader.read(text or "")
        content = said.pop("content", "")
        silent = text is None or CALLS in said or any(key in said for key in REASONING)
        message |= {**said, **_joined(reasoning, said)}
        message["content"] = content or (None if silent else "")
        return _changed(
            choice,
            message=type(choice.message).construct(**message),
            finish_reason=reader.finish(choice.finish_reason),
        )

    def _part(self, choice: Any) -> Any:
        given = choice.delta or types().chat_completion_chunk.ChoiceDelta.construct()
        delta = _data(given)
        reasoning = _reasoning(delta)
        reader = self._readers.get(choice.index)
        if reader is None:
            if not (delta.get("content") or reasoning or choice.finish_reason):
                return choice
            reader = self._readers[choice.index] = self.plan.reader(bool(reasoning))
        text = delta.pop("content", None)
        said = reader.feed(text or "")
        if choice.finish_reason is not None:
            said = _both(said, reader.close())
        if text == "" and "content" not in said:
            delta["content"] = ""
        delta |= {**said, **_joined(reasoning, said)}
        made = type(given).construct(**delta)
        return _changed(choice, delta=made, finish_reason=reader.finish(choice.finish_reason))

    # -- /v1/completions

    def _message(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": choice.get("text")}}

    def _first_delta(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        first = choice["index"] not in self._begun
        self._begun.add(choice["index"])
        role = {"role": "assistant"} if first else {}
        return {"delta": {**role, "content": choice.get("text")}}


def types() -> Any:
    """Return the module of the SDK's chat types. Raises ``ChatAdaptersError`` without the SDK."""
    try:
        return import_module("openai.types.chat")
    except ImportError as error:
        raise ChatAdaptersError(
            f"the client needs the openai package ({error}): pip install 'chatadapters[openai]'"
        ) from error


def _chat_of(response: Any, name: str, kind: str, said: Any) -> Any:
    """Return the chat object of this class that says what a completion says."""
    data = _data(response)
    choices = []
    for given in data.get("choices") or ():
        choice = {key: value for key, value in given.items() if key != "text"}
        choice |= said(given)
        if choice.get("logprobs"):
            choice["logprobs"] = _logprobs(choice["logprobs"])
        choices.append(choice)
    made = getattr(types(), name).construct(**{**data, "object": kind, "choices": choices})
    request_id = getattr(response, "_request_id", None)
    if request_id is not None:
        made._request_id = request_id
    return made


def _logprobs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the logprobs of a completion in the shape of a chat."""
    tokens, chosen = given.get("tokens") or [], given.get("token_logprobs") or []
    tops = given.get("top_logprobs") or [None] * len(tokens)
    content = [
        {**_token(token, logprob), "top_logprobs": [_token(*one) for one in (top or {}).items()]}
        for token, logprob, top in zip(tokens, chosen, tops, strict=True)
    ]
    return {"content": content, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob}


def _says(choice: Any) -> bool:
    """Say whether a choice of a chunk says anything."""
    if choice.finish_reason is not None or getattr(choice, "logprobs", None) is not None:
        return True
    return bool(choice.delta) and any(_data(choice.delta).values())


def _reasoning(message: Mapping[str, Any]) -> str:
    """Return the reasoning that the server took out itself."""
    return next((str(message[key]) for key in REASONING if message.get(key)), "")


def _joined(reasoning: str, said: Mapping[str, Any]) -> dict[str, str]:
    """Return the server's reasoning with ours behind it, under both names."""
    return dict.fromkeys(REASONING, reasoning + said.get(REASONING[0], "")) if reasoning else {}


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two deltas as one."""
    joined = {**one, **other}
    for key in one.keys() & other.keys():
        joined[key] = one[key] + other[key]
    return joined


def _data(model: Any) -> dict[str, Any]:
    """Return what the server sent of an object, as plain data."""
    return dict(model.model_dump(exclude_unset=True))


def _changed(model: Any, **fields: Any) -> Any:
    """Return an object with other fields, all else kept."""
    return model.model_copy(update=fields)
