"""The SDK through the wrapper against an old server: every format, whole and streamed."""

import asyncio
import json
import random

import pytest
from openai import AsyncOpenAI, OpenAI

from chatadapters.client import wrap
from chatadapters.verify.checks import garbage
from chatadapters.verify.choices import Seeded
from tests.formats import (
    BESIDE,
    CALLING,
    HELLO,
    IDS,
    PARALLEL,
    THINKING,
    TOOLS,
    loaded,
    printed,
    thought,
)
from tests.old_server import OldServer, Said, joined
from tests.strategies import subject
from tests.tiny import call

NASTY = {
    "query": 'São "Paulo" isn\'t \\n\n\n<b>東京</b> {{ x }}',
    "limit": None,
    "filter": {"a": [1, {"b": None}], "q": 'x "y"', "ok": True},
    "tags": ["é", "", '"'],
}
MODES = ("messages", "completions")


@pytest.fixture(scope="module")
def server():
    with OldServer() as made:
        yield made


@pytest.fixture(scope="module")
def sdk(server):
    with OpenAI(base_url=server.base_url, api_key="-", max_retries=0, timeout=20) as made:
        yield made


def answers(name):
    """Return printed answers of every kind that a format carries."""
    nasty = call("search", NASTY, id="call_one")
    rome = call("get_weather", {"city": "Rome", "metric": False, "days": 3}, id="call_two")
    ping = call("ping", {}, id="call_three")
    found = [printed(name, "Hello, how can I help?"), printed(name, "", nasty)]
    found.append(printed(name, "", ping))
    if name in PARALLEL:
        found.append(printed(name, "", rome, nasty, {**rome, "id": "call_four"}, ping))
    if name in BESIDE:
        found.append(printed(name, 'I look "it" up.\n\n- 東京', nasty))
    if name in THINKING:
        found.append(thought(name, "", nasty, reasoning="Is it?\n\nIt is: 東京."))
        found.append(thought(name, "Yes.", reasoning="Is it?"))
    return found


def expected(answer):
    """Return what an answer says."""
    message = answer.conversation.messages[-1]
    functions = [one["function"] for one in message.get("tool_calls", ())]
    return {
        "content": message["content"] or None,
        "reasoning": message.get("reasoning_content"),
        "calls": [(function["name"], function["arguments"]) for function in functions],
        "finish": "tool_calls" if functions else "stop",
    }


def said(choice):
    message = choice.message
    assert message.to_dict().get("reasoning") == message.to_dict().get("reasoning_content")
    calls = [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or ()]
    return {
        "content": message.content or None,
        "reasoning": message.to_dict().get("reasoning_content"),
        "calls": calls,
        "finish": choice.finish_reason,
    }


def streamed(chunks):
    one = joined(chunks)[0]
    assert one.get("reasoning") == one.get("reasoning_content")
    assert one["role"] == "assistant"
    assert not one.keys() & {"malformed"}
    assert [*one["calls"]] == [*range(len(one["calls"]))]
    calls = [(c["name"], json.loads(c["arguments"])) for c in one["calls"].values()]
    return {
        "content": one.get("content"),
        "reasoning": one.get("reasoning_content"),
        "calls": calls,
        "finish": one["finish"],
    }


def cut(text, seed="", share=8):
    """Return the pieces of a text, cut at random places."""
    draw = random.Random(text + seed)
    places = sorted(draw.randrange(1, len(text)) for _ in range(len(text) // share))
    return [text[a:b] for a, b in zip([0, *places], [*places, None], strict=True)]


def wrapped(sdk, name, mode, answer):
    """Return a client with the options under which an answer was printed."""
    return wrap(sdk, loaded(name), mode=mode, options=answer.conversation.options, extra_body={})


def request(answer):
    return {"model": "m", "messages": answer.conversation.messages[:-1], "tools": TOOLS}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLING)
def test_class_02_an_answer_whole_and_streamed_is_what_was_printed(name, mode, server, sdk):
    for answer in answers(name):
        client = wrapped(sdk, name, mode, answer)
        create = client.chat.completions.create
        server.say(Said([answer.text]))
        response = create(**request(answer))
        assert said(response.choices[0]) == expected(answer), answer.text
        short = [list(answer.text)] if len(answer.text) < 100 else []
        for number, pieces in enumerate(([answer.text], cut(answer.text), *short)):
            server.say(Said(pieces, with_last=number == 1))
            with create(**request(answer), stream=True) as stream:
                assert streamed(list(stream)) == expected(answer), pieces
        assert {path for path, _ in server.requests} == {
            "/v1/chat/completions" if mode == "messages" else "/v1/completions"
        }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLING)
def test_async_clients_get_the_same(name, mode, server):
    async def main():
        async with AsyncOpenAI(base_url=server.base_url, api_key="-", max_retries=0) as sdk:
            for answer in answers(name)[1:]:
                create = wrapped(sdk, name, mode, answer).chat.completions.create
                server.say(Said(cut(answer.text, mode)), times=2)
                response = await create(**request(answer))
                assert said(response.choices[0]) == expected(answer)
                async with await create(**request(answer), stream=True) as stream:
                    chunks = [chunk async for chunk in stream]
                assert streamed(chunks) == expected(answer)

    asyncio.run(main())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLING)
def test_a_stop_string_that_the_server_leaves_in_changes_nothing(name, mode, server, sdk):
    client = wrap(sdk, loaded(name), mode=mode)
    for answer in answers(name)[:3]:
        for stop in subject(name).adapter.declaration.stop:
            text = answer.text + stop
            server.say(Said(cut(text)), times=2)
            response = client.chat.completions.create(**request(answer))
            assert said(response.choices[0]) == expected(answer)
            stream = client.chat.completions.create(**request(answer), stream=True)
            assert streamed(list(stream)) == expected(answer)


@pytest.mark.parametrize("name", CALLING)
def test_class_26_a_call_cut_off_by_max_tokens_keeps_what_was_received(name, server, sdk):
    client = wrap(sdk, loaded(name))
    answer = printed(name, "", call("search", NASTY, id="call_one"))
    end = answer.text.index("Paulo") + 3
    server.say(Said([answer.text[:end]], finish="length"), Said(cut(answer.text[:end]), "length"))
    response = client.chat.completions.create(**request(answer), n=2)
    for choice in response.choices:
        assert choice.finish_reason == "length"
        (one,) = choice.message.tool_calls
        assert one.function.arguments.endswith("Pau")
        assert one.to_dict()["status"] == "truncated"
    server.say(Said(cut(answer.text[:end]), finish="length"))
    stream = client.chat.completions.create(**request(answer), stream=True)
    one = joined(list(stream))[0]
    assert one["finish"] == "length"
    assert one["calls"][0]["status"] == "truncated"
    assert (
        one["calls"][0]["arguments"] == response.choices[0].message.tool_calls[0].function.arguments
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLING)
def test_class_23_an_id_is_the_same_in_the_answer_and_in_the_next_request(name, mode, server, sdk):
    client = wrap(sdk, loaded(name), mode=mode)
    ids = ("abcdefgh1", "abcdefgh2")[: 2 if name in PARALLEL else 1]
    calls = [call("get_weather", {"city": "Paris"}, id=one) for one in ids]
    answer = printed(name, "", *calls)
    for stream in (False, True):
        server.say(Said(cut(answer.text)))
        got = client.chat.completions.create(**request(answer), stream=stream)
        if stream:
            found = joined(list(got))[0]["calls"].values()
            given = [(one["id"], one["name"], one["arguments"]) for one in found]
        else:
            found = got.choices[0].message.tool_calls
            given = [(one.id, one.function.name, one.function.arguments) for one in found]
        assert len({one[0] for one in given}) == len(given)
        history = [
            {"id": id, "type": "function", "function": {"name": called, "arguments": arguments}}
            for id, called, arguments in given
        ]
        results = [
            {"role": "tool", "tool_call_id": id, "content": f"{n} degrees"}
            for n, (id, _, _) in enumerate(given)
        ]
        server.say("Fine.")
        messages = [*HELLO, {"role": "assistant", "tool_calls": history}, *reversed(results)]
        client.chat.completions.create(model="m", messages=messages, tools=TOOLS)
        if name in IDS:
            sent = json.dumps(server.last, ensure_ascii=False)
            for id, _, _ in given:
                assert sent.count(id) == 2, "once with the call, once with its result"


@pytest.mark.parametrize("name", PARALLEL)
def test_class_04_calls_of_one_tool_with_equal_arguments_stay_apart(name, server, sdk):
    ping = [call("ping", {}, id=f"call_{n}") for n in range(4)]
    answer = printed(name, "", *ping)
    server.say(Said([answer.text]), times=2)
    client = wrap(sdk, loaded(name))
    (choice,) = client.chat.completions.create(**request(answer)).choices
    assert [one.function.name for one in choice.message.tool_calls] == ["ping"] * 4
    chunks = list(client.chat.completions.create(**request(answer), stream=True))
    assert sorted(joined(chunks)[0]["calls"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", CALLING)
def test_class_08_a_call_of_a_tool_that_was_not_given_is_text(name, server, sdk):
    answer = printed(name, "", call("get_weather", {"city": "Paris"}, id="call_one"))
    server.say(Said(cut(answer.text)), times=2)
    client, ask = wrap(sdk, loaded(name)), {"model": "m", "messages": HELLO, "tools": TOOLS[1:]}
    (choice,) = client.chat.completions.create(**ask).choices
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    text = choice.message.content or ""
    assert "get_weather" in text and "Paris" in text
    one = joined(list(client.chat.completions.create(**ask, stream=True)))[0]
    assert one.get("content") == text and not one["calls"]


@pytest.mark.parametrize("name", CALLING)
def test_class_09_garbage_comes_through_byte_by_byte(name, server, sdk):
    client, ask = wrap(sdk, loaded(name)), {"model": "m", "messages": HELLO, "tools": TOOLS}
    for number in range(6):
        text = garbage(Seeded(f"{name} {number}"), subject(name).domain)
        parsed = subject(name).adapter.parse(text, tools=TOOLS, prompt=None)
        server.say(Said([text]), Said(cut(text)))
        for choice in client.chat.completions.create(**ask, n=2).choices:
            assert (choice.message.content or "") == parsed.content
            calls = choice.message.tool_calls or []
            assert [c.function.arguments for c in calls] == [c.arguments for c in parsed.tool_calls]
