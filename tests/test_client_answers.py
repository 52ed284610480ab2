"""What servers answer: reasoning, logprobs, odd chunks, broken calls."""

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from chatadapters.client import wrap
from chatadapters.client.reply import Reply
from chatadapters.client.request import Settings, plan
from tests.formats import HELLO, THINKING, TOOLS, loaded, printed
from tests.old_server import USAGE, OldServer, Said, joined
from tests.tiny import call

PARIS = call("get_weather", {"city": "Paris"}, id="call_one")
NAME = "qwen3"  # any format would do: special markers, reasoning, content beside calls
ASK = {"model": "m", "messages": HELLO, "tools": TOOLS}


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


# -- reasoning, logprobs, and what goes wrong


@pytest.mark.parametrize("name", THINKING)
def test_class_10_reasoning_that_the_server_took_out_itself_is_not_read_again(name, server, sdk):
    for options in ({}, {"enable_thinking": True}):
        if not options.keys() <= loaded(name).declaration.options.keys():
            continue
        create = wrap(sdk, loaded(name), options=options, extra_body={}).chat.completions.create
        server.say(Said(["It is ", "so."], reasoning=["Is ", "it?"]), times=2)
        (choice,) = create(**ASK).choices
        message = choice.message.to_dict()
        assert (message["content"], message["reasoning_content"]) == ("It is so.", "Is it?")
        assert message["reasoning"] == "Is it?"
        found = joined(list(create(**ASK, stream=True)))[0]
        assert (found["content"], found["reasoning_content"]) == ("It is so.", "Is it?")


def test_logprobs_of_a_chat_come_through(server, client):
    probs = {"content": [{"token": "x", "bytes": [120], "logprob": -0.5, "top_logprobs": []}]}
    server.say(Said(["<tool_call>\n", *list(paris()[12:])], logprobs=probs), times=2)
    (choice,) = client.chat.completions.create(**ASK, logprobs=True).choices
    assert choice.logprobs.content[0].logprob == -0.5
    chunks = list(client.chat.completions.create(**ASK, logprobs=True, stream=True))
    given = [c for chunk in chunks for c in chunk.choices if c.logprobs]
    assert len(given) == len(paris()) - 11, "one for each token, whether its text is held or not"


def test_what_a_broken_call_leaves_over_is_not_lost(server, client):
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": Paris}}\n</tool_call> Bye.'
    server.say(Said(list(text)), times=2)
    (choice,) = client.chat.completions.create(**ASK).choices
    message = choice.message.to_dict()
    assert choice.finish_reason == "stop", "no call is complete"
    assert message["tool_calls"][0]["status"] == "malformed"
    assert "Paris}}" in message["tool_calls"][0]["function"]["arguments"] + message["malformed"]
    assert message["content"].strip() == "Bye."
    found = joined(list(client.chat.completions.create(**ASK, stream=True)))[0]
    assert found["malformed"] == message["malformed"]
    assert found["calls"][0]["status"] == "malformed"
    server.say(Said(list(f"{paris()}<|im_end|>more text")), times=2)
    (choice,) = client.chat.completions.create(**ASK).choices
    assert choice.message.to_dict()["malformed"] == "more text"
    assert choice.finish_reason == "tool_calls"
    found = joined(list(client.chat.completions.create(**ASK, stream=True)))[0]
    assert found["malformed"] == "more text"


def test_chunks_of_every_shape_are_taken():
    """Null contents and deltas, empty lists, a late end: what servers have been seen to send."""
    text = paris()
    deltas = [
        {"role": "assistant", "content": None},
        {"role": None, "content": "", "tool_calls": []},
        {"content": text[:9], "tool_calls": None},
        None,
        {"content": text[9:]},
        {"content": None},
    ]
    reply = Reply(plan(Settings(loaded(NAME)), dict(ASK)))
    frame = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    ends = [None] * (len(deltas) - 1) + ["stop"]
    chunks = [
        {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in zip(deltas, ends, strict=True)
    ]
    chunks += [{**frame, "choices": [{"index": 0, "delta": {"content": "!"}}]}]
    chunks += [{**frame, "choices": None}, {**frame, "choices": [], "usage": USAGE}]
    made = [reply.chunk(ChatCompletionChunk.construct(**chunk)) for chunk in chunks]
    assert made[-1].usage.to_dict() == USAGE
    found = joined([chunk for chunk in made if chunk is not None and chunk.choices])
    assert found[0]["calls"][0]["arguments"] == '{"city": "Paris"}'
    assert (found[0]["finish"], found[0]["malformed"]) == ("tool_calls", "!")
    assert reply.rest() is None
    empty = ChatCompletion.construct(id="x", choices=None)
    assert reply.whole(empty) is empty
