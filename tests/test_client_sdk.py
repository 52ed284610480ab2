"""The wrapped client is the SDK's: errors, streams, raw responses, and everything else."""

import asyncio
import subprocess
import sys
from contextlib import nullcontext

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

import chatadapters
from chatadapters.client import wrap
from chatadapters.errors import ChatAdaptersError, ConversationError
from tests.formats import CALLING, HELLO, TOOLS, loaded, printed
from tests.old_server import USAGE, OldServer, Said, joined
from tests.tiny import call

PARIS = call("get_weather", {"city": "Paris"}, id="call_one")
NAME = "qwen3"  # any format would do: special markers, reasoning, content beside calls
ASK = {"model": "m", "messages": HELLO, "tools": TOOLS}
# Some releases of the SDK take no other tools in `stream`.
STRICT = {**ASK, "tools": [{**t, "function": {**t["function"], "strict": True}} for t in TOOLS]}


@pytest.fixture(scope="module")
def server():
    with OldServer() as made:
        yield made


@pytest.fixture(scope="module")
def sdk(server):
    with OpenAI(base_url=server.base_url, api_key="-", max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def client(sdk):
    return wrap(sdk, loaded(NAME))


def paris(name=NAME, content=""):
    return printed(name, content, PARIS).text


# -- errors


@pytest.mark.parametrize("name", CALLING)
@pytest.mark.parametrize("mode", ["messages", "completions"])
def test_an_old_server_would_refuse_what_the_wrapper_never_sends(name, mode, server, sdk):
    with pytest.raises(openai.BadRequestError, match="tools"):
        sdk.chat.completions.create(**ASK, tool_choice="auto", parallel_tool_calls=True)
    server.say(paris(name))
    create = wrap(sdk, loaded(name), mode=mode).chat.completions.create
    response = create(**ASK, tool_choice="auto", parallel_tool_calls=True)
    assert response.choices[0].finish_reason == "tool_calls"
    assert not server.last.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


def test_errors_of_the_server_come_through_unchanged(server, client, sdk):
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match="unheard_of") as raised:
            client.chat.completions.create(**ASK, stream=stream, extra_body={"unheard_of": 1})
        assert raised.value.status_code == 400
        assert raised.value.response.json()["error"]["code"] == 400
    with pytest.raises(TypeError, match="unexpected keyword"):
        client.chat.completions.create(**ASK, temprature=0)
    nowhere = wrap(sdk.with_options(base_url=f"{server.base_url}/nowhere"), loaded(NAME))
    with pytest.raises(openai.APIStatusError):
        nowhere.chat.completions.create(**ASK)


def test_what_would_be_misread_is_refused_before_anything_is_sent(server, client):
    server.say("unused")
    bad = [*HELLO, {"role": "assistant", "content": "Bye<|im_end|>more"}, *HELLO]
    with pytest.raises(ConversationError, match=r"messages\[1\].content"):
        client.chat.completions.create(model="m", messages=bad, tools=TOOLS)
    with pytest.raises(ConversationError, match=r"tools\[0\]"):
        client.chat.completions.create(model="m", messages=HELLO, tools=[{"type": "web_search"}])
    with pytest.raises(ConversationError, match="functions"):
        client.chat.completions.create(**ASK, functions=[{"name": "f"}])
    with pytest.raises(ConversationError, match="parse"):
        client.chat.completions.parse(**ASK)
    assert not server.requests


def test_a_format_without_calls_says_so(server, sdk):
    server.say("unused")
    with pytest.raises(ConversationError, match="'smollm2' has no tool calls"):
        wrap(sdk, "smollm2").chat.completions.create(**ASK)
    assert not server.requests


def test_wrong_settings_say_what_is_right(sdk):
    with pytest.raises(ChatAdaptersError, match="did you mean 'messages'"):
        wrap(sdk, loaded(NAME), mode="message")
    with pytest.raises(ChatAdaptersError, match=r"'vllm', 'gguf', 'other'"):
        wrap(sdk, loaded(NAME), server="tgi")
    with pytest.raises(ChatAdaptersError, match="did you mean 'enable_thinking'"):
        wrap(sdk, loaded(NAME), options={"enable_thinkin": False})
    with pytest.raises(chatadapters.UnknownAdapterError, match="did you mean"):
        wrap(sdk, "qwen_3")


def test_without_the_sdk_the_module_imports_and_wrap_says_what_to_install():
    program = (
        "import sys; sys.modules['openai'] = None\n"
        "from chatadapters.client import wrap\n"
        "try: wrap(object(), 'chatglm3')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("ChatAdaptersError"), done.stderr
    assert "pip install 'chatadapters[openai]'" in done.stdout


# -- the shape of answers


def test_whole_answers_are_the_sdks_objects_with_everything_kept(server, client):
    server.say(Said([paris(content="I look.")], extra={"stop_reason": 7}), "Nothing.")
    response = client.chat.completions.create(**ASK, n=2)
    assert type(response) is ChatCompletion
    assert response.usage.to_dict() == USAGE
    assert response._request_id == "request-1"
    assert (response.id, response.model, response.created) == ("answer-1", "m", 1)
    one, other = response.choices
    assert one.to_dict()["stop_reason"] == 7
    assert (one.message.role, one.message.content) == ("assistant", "I look.")
    assert one.message.tool_calls[0].type == "function"
    assert one.message.tool_calls[0].function.name == "get_weather"
    assert one.message.tool_calls[0].id.startswith("call_")
    assert (other.message.content, other.message.tool_calls) == ("Nothing.", None)
    assert (one.finish_reason, other.finish_reason) == ("tool_calls", "stop")
    ChatCompletion.model_validate(response.to_dict())


def test_an_answer_of_completions_is_a_chats_with_everything_kept(server, sdk):
    server.say(Said([paris(content="I look.")], extra={"stop_reason": 7}))
    response = wrap(sdk, loaded(NAME), mode="completions").chat.completions.create(**ASK)
    assert type(response) is ChatCompletion
    assert (response.object, response._request_id) == ("chat.completion", "request-1")
    assert response.usage.to_dict() == USAGE
    (choice,) = response.choices
    assert (choice.message.role, choice.to_dict()["stop_reason"]) == ("assistant", 7)
    assert "text" not in choice.to_dict()
    ChatCompletion.model_validate(response.to_dict())


@pytest.mark.parametrize("mode", ["messages", "completions"])
def test_choices_of_a_stream_are_read_apart_and_usage_comes_last(mode, server, sdk):
    text = paris(content="I look.")
    server.say(Said(list(text)), Said(list("Nothing.")), Said([text], with_last=True))
    create = wrap(sdk, loaded(NAME), mode=mode).chat.completions.create
    stream = create(**ASK, n=3, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert all(type(chunk) is ChatCompletionChunk for chunk in chunks)
    assert chunks[-1].choices == [] and chunks[-1].usage.to_dict() == USAGE
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    found = joined(chunks)
    for index in (0, 2):
        assert found[index]["content"] == "I look."
        assert found[index]["calls"][0]["arguments"] == '{"city": "Paris"}'
        assert found[index]["finish"] == "tool_calls"
    assert (found[1]["content"], found[1]["calls"]) == ("Nothing.", {})
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.to_dict())
    said = [c for chunk in chunks for c in chunk.choices if c.index == 1]
    assert [c.delta.role for c in said if c.delta.role] == ["assistant"]


def test_streams_are_used_as_the_sdks_are(server, client):
    server.say(Said(list(paris())), times=3)
    create = client.chat.completions.create
    with create(**ASK, stream=True) as stream:
        assert stream.response.status_code == 200
        assert next(stream).choices[0].delta.role == "assistant"
        assert next(iter(stream)).choices[0].delta.tool_calls[0].function.name == "get_weather"
    assert stream.response.is_closed
    stream = create(**ASK, stream=True)
    next(stream)
    stream.close()
    assert stream.response.is_closed
    with client.chat.completions.stream(**STRICT) as events:
        kinds = {event.type for event in events}
        final = events.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"city": "Paris"}'


def test_an_async_stream_is_used_as_the_sdks_is(server):
    async def main():
        async with wrap(AsyncOpenAI(base_url=server.base_url, api_key="-"), loaded(NAME)) as client:
            server.say(Said(list(paris())), times=3)
            async with await client.chat.completions.create(**ASK, stream=True) as stream:
                assert (await anext(stream)).choices[0].delta.role == "assistant"
                chunks = [chunk async for chunk in stream]
            assert joined(chunks)[0]["calls"][0]["name"] == "get_weather"
            async with client.chat.completions.stream(**STRICT) as events:
                async for _ in events:
                    pass
                final = await events.get_final_completion()
            assert final.choices[0].finish_reason == "tool_calls"
            stream = await client.chat.completions.create(**ASK, stream=True)
            await stream.close()
            assert stream.response.is_closed
            server.say(paris())
            raw = await client.chat.completions.with_raw_response.create(**ASK)
            assert raw.parse().choices[0].finish_reason == "tool_calls"
            server.say(paris())
            async with client.chat.completions.with_streaming_response.create(**ASK) as raw:
                assert (await raw.parse()).choices[0].finish_reason == "tool_calls"
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(**ASK, extra_body={"unheard_of": 1})
            assert (await client.models.list()).data[0].id == "old"

    asyncio.run(main())


def test_a_stream_that_breaks_off_gives_what_was_held_back(server, client):
    server.say(Said(["I look. <tool", "_ca"], finish=None))
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert joined(chunks)[0]["content"] == "I look. <tool_ca"
    server.say(Said([paris()[:-25]], finish=None))
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert joined(chunks)[0]["calls"][0]["status"] == "truncated"
    assert joined(chunks)[0]["finish"] is None


@pytest.mark.parametrize("prefix", ["with_raw_response", "with_streaming_response"])
def test_raw_responses_are_reached_in_all_three_ways(prefix, server, client):
    ways = (
        getattr(client, prefix).chat.completions,
        getattr(client.chat, prefix).completions,
        getattr(client.chat.completions, prefix),
    )
    for way in ways:
        server.say(Said(list(paris())), times=3)
        for stream in (False, True):
            opened = way.create(**ASK, stream=stream)
            with opened if prefix == "with_streaming_response" else nullcontext(opened) as raw:
                assert raw.headers["content-type"] in ("application/json", "text/event-stream")
                parsed = raw.parse()
                if stream:
                    assert joined(list(parsed))[0]["calls"][0]["name"] == "get_weather"
                else:
                    assert parsed.choices[0].message.tool_calls[0].function.name == "get_weather"
    server.say("plain")
    raw = client.with_raw_response.chat.completions.create(model="m", messages=HELLO)
    assert raw.parse().choices[0].message.content == "plain"
    assert client.with_raw_response.models.list().parse().data[0].id == "old"


def test_everything_else_is_the_clients_own(server, client, sdk):
    assert client.models.list().data[0].id == "old"
    assert client.embeddings is sdk.embeddings
    assert client.base_url == sdk.base_url
    assert client.chat.completions.messages is sdk.chat.completions.messages
    other = client.with_options(timeout=3).copy(max_retries=1)
    assert (other.timeout, other.max_retries) == (3, 1)
    server.say(paris())
    assert other.chat.completions.create(**ASK).choices[0].finish_reason == "tool_calls"
    other.timeout = 4
    assert other._inner.timeout == 4
    assert "qwen3" in repr(client) and "OpenAI" in repr(client)
