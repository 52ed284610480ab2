"""The client that stands in for the SDK's: attributes go through, chat completions are ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from types import MethodType
from typing import Any

from ..errors import ConversationError
from . import request
from .reply import Reply
from .request import Plan, Settings
from .stream import AsyncChatStream, ChatStream


class _Proxy:
    """An object whose attributes are another's, but for those that the class has."""

    def __init__(self, inner: Any, settings: Settings, **more: Any) -> None:
        self.__dict__.update(_inner=inner, _settings=settings, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __repr__(self) -> str:
        name = self._settings.adapter.name
        return f"<{type(self).__name__} for {name} over {self._inner!r}>"


class Completions(_Proxy):
    """``client.chat.completions``. ``_client`` is the SDK's client, ``_prefix`` how it is reached:
    ``""``, or one of the two properties that give raw responses.
    """

    def create(self, **given: Any) -> Any:
        """Do what the SDK's ``create`` does, with tools.

        A request without tools, calls and results is handed through, and so is its answer. Raises
        ``ConversationError`` for what the format would misread, before anything is sent.
        """
        given = request.listed(given)
        if not request.concerns(given):
            return self._raw(self._inner).create(**given)
        plan = request.plan(self._settings, given)
        texts = self._settings.mode == "completions"
        resource = self._client.completions if texts else self._inner
        return _answer(self._raw(resource).create(**plan.request), plan)

    def parse(self, **given: Any) -> Any:
        """Hand the SDK's ``parse`` through, which parses JSON answers. It takes no tools here."""
        given = request.listed(given)
        if request.concerns(given):
            raise ConversationError("`parse` sends tools to the server: use `create` with them")
        return self._raw(self._inner).parse(**given)

    @property
    def stream(self) -> Callable[..., Any]:
        """The SDK's ``stream``, which builds on ``create``."""
        return MethodType(type(self._inner).stream, self)

    @property
    def with_raw_response(self) -> Completions:
        return self._prefixed("with_raw_response")

    @property
    def with_streaming_response(self) -> Completions:
        return self._prefixed("with_streaming_response")

    def _prefixed(self, prefix: str) -> Completions:
        return Completions(self._inner, self._settings, _client=self._client, _prefix=prefix)

    def _raw(self, resource: Any) -> Any:
        return getattr(resource, self._prefix) if self._prefix else resource


class Chat(_Proxy):
    """``client.chat``."""

    @cached_property
    def completions(self) -> Completions:
        return Completions(
            self._client.chat.completions,
            self._settings,
            _client=self._client,
            _prefix=self._prefix,
        )

    @property
    def with_raw_response(self) -> Chat:
        return _chat(self._client, self._settings, "with_raw_response")

    @property
    def with_streaming_response(self) -> Chat:
        return _chat(self._client, self._settings, "with_streaming_response")


class Client(_Proxy):
    """The SDK's client, sync or async, whose ``chat.completions`` carries tools."""

    @cached_property
    def chat(self) -> Chat:
        return _chat(self._inner, self._settings, "")

    @property
    def with_raw_response(self) -> _View:
        return self._view("with_raw_response")

    @property
    def with_streaming_response(self) -> _View:
        return self._view("with_streaming_response")

    def _view(self, prefix: str) -> _View:
        made = getattr(self._inner, prefix)
        return _View(made, self._settings, chat=_chat(self._inner, self._settings, prefix))

    def with_options(self, **options: Any) -> Client:
        """Return a wrapped client with other options."""
        return Client(self._inner.with_options(**options), self._settings)

    def copy(self, **options: Any) -> Client:
        """Return a wrapped client with other options."""
        return Client(self._inner.copy(**options), self._settings)

    def __enter__(self) -> Client:
        self._inner.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return self._inner.__exit__(*raised)

    async def __aenter__(self) -> Client:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._inner.__aexit__(*raised)


class _View(_Proxy):
    """``client.with_raw_response`` and the like: all resources, and our ``chat``."""


def _chat(client: Any, settings: Settings, prefix: str) -> Chat:
    return Chat(client.chat, settings, _client=client, _prefix=prefix)


class RawReply(_Proxy):
    """A raw response whose ``parse()`` gives the answer with calls; its body is the server's."""

    def parse(self, **how: Any) -> Any:
        parsed = self._inner.parse(**how)
        return parsed if how else _answer(parsed, self._plan)


class Opening(_Proxy):
    """What ``with_streaming_response`` gives: a context manager of a raw response."""

    def __enter__(self) -> Any:
        return _answer(self._inner.__enter__(), self._plan)

    def __exit__(self, *raised: Any) -> Any:
        return self._inner.__exit__(*raised)

    async def __aenter__(self) -> Any:
        return _answer(await self._inner.__aenter__(), self._plan)

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._inner.__aexit__(*raised)


def _answer(given: Any, plan: Plan) -> Any:
    """Return what stands in for anything that ``create`` gives."""
    if inspect.isawaitable(given):
        return _later(given, plan)
    if hasattr(given, "choices"):
        return Reply(plan).whole(given)
    if hasattr(given, "__aiter__"):
        return AsyncChatStream(given, Reply(plan))
    if hasattr(given, "__iter__"):
        return ChatStream(given, Reply(plan))
    stands_in = RawReply if hasattr(given, "parse") else Opening
    return stands_in(given, plan.settings, _plan=plan)


async def _later(given: Any, plan: Plan) -> Any:
    return _answer(await given, plan)
