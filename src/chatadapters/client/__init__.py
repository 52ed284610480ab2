"""Tool calls through servers that know none: the OpenAI SDK's client in, one with tools out.

It needs ``pip install 'chatadapters[openai]'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, TypeVar, cast

from ..adapter import Adapter
from ..registry import read
from .proxy import Client
from .reply import types
from .request import Settings

__all__ = ["Client", "wrap"]

SDK = TypeVar("SDK")


def wrap(
    client: SDK,
    adapter: str | PathLike[str] | Adapter,
    *,
    mode: Literal["messages", "completions"] = "messages",
    options: Mapping[str, Any] | None = None,
    server: Literal["vllm", "gguf", "other"] = "vllm",
    extra_body: Mapping[str, Any] | None = None,
    max_tokens: int = 1024,
) -> SDK:
    """Return a client whose ``chat.completions.create`` takes tools, whatever the server knows.

    ``client`` is an ``OpenAI`` or ``AsyncOpenAI``, or an object of their shape; ``adapter`` is a
    name, a model id, the path of a declaration, or an adapter.

    ``mode="messages"`` writes tools, calls and results into plain messages, for a server that
    applies its own chat template; ``"completions"`` sends the rendered prompt to
    ``/v1/completions``. ``options`` are the template's, such as ``enable_thinking``. ``server``
    decides which keys beyond OpenAI's are sent; ``extra_body`` takes their place. ``max_tokens``
    is for requests to ``/v1/completions`` that say nothing, as servers then stop very early.

    For example ``wrap(OpenAI(base_url="http://127.0.0.1:8000/v1"), "chatglm3")``.

    Raises ``UnknownAdapterError``, and ``ChatAdaptersError`` without the openai package.
    """
    types()
    found = adapter if isinstance(adapter, Adapter) else Adapter(read(adapter))
    settings = Settings(found, mode, dict(options or {}), server, extra_body, max_tokens)
    return cast(SDK, Client(client, settings))
