"""Streams: the SDK's streams of a server's chunks in, streams of chat chunks with calls out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from .reply import Reply


class _Stream:
    """What both kinds share; everything else (``response``, ...) is the SDK's own stream's."""

    def __init__(self, stream: Any, reply: Reply) -> None:
        self._stream = stream
        self._reply = reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._stream!r}>"


class ChatStream(_Stream):
    """A stream of ``ChatCompletionChunk``: iterate it, use it with ``with``, or ``close()`` it."""

    def __init__(self, stream: Any, reply: Reply) -> None:
        super().__init__(stream, reply)
        self._chunks = self._run()

    def __iter__(self) -> Iterator[Any]:
        return self._chunks

    def __next__(self) -> Any:
        return next(self._chunks)

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the response and release the connection."""
        self._stream.close()

    def _run(self) -> Iterator[Any]:
        for chunk in self._stream:
            if (made := self._reply.chunk(chunk)) is not None:
                yield made
        if (made := self._reply.rest()) is not None:
            yield made


class AsyncChatStream(_Stream):
    """An asynchronous stream of ``ChatCompletionChunk``."""

    def __init__(self, stream: Any, reply: Reply) -> None:
        super().__init__(stream, reply)
        self._chunks = self._run()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._chunks

    async def __anext__(self) -> Any:
        return await self._chunks.__anext__()

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the response and release the connection."""
        await self._stream.close()

    async def _run(self) -> AsyncIterator[Any]:
        async for chunk in self._stream:
            if (made := self._reply.chunk(chunk)) is not None:
                yield made
        if (made := self._reply.rest()) is not None:
            yield made
