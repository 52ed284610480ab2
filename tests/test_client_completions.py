"""A chat as a prompt to /v1/completions: what is sent, and what it has no name for."""

import pytest
from openai import OpenAI

from chatadapters.client import wrap
from chatadapters.errors import ConversationError
from tests.formats import CALLING, HELLO, TOOLS, loaded
from tests.old_server import OldServer, Said

NAME = "qwen3"
ASK = {"model": "m", "messages": HELLO, "tools": TOOLS}


@pytest.fixture(scope="module")
def server():
    with OldServer() as made:
        yield made


@pytest.fixture(scope="module")
def sdk(server):
    with OpenAI(base_url=server.base_url, api_key="-", max_retries=0, timeout=20) as made:
        yield made


def creator(sdk, name, mode="completions", **more):
    return wrap(sdk, loaded(name), mode=mode, **more).chat.completions.create


def test_the_rendered_prompt_is_sent(server, sdk):
    for name in CALLING:
        server.say("ok")
        creator(sdk, name)(**ASK)
        assert server.requests[-1][0] == "/v1/completions"
        assert server.last["prompt"] == loaded(name).render(HELLO, TOOLS)
        assert server.last["stop"] == list(loaded(name).declaration.stop)


def test_parameters_of_a_chat_are_translated(server, sdk):
    create = creator(sdk, NAME)
    kept = {"temperature": 0, "top_p": 0.5, "n": 1, "seed": 7, "presence_penalty": 0.0}
    kept |= {"frequency_penalty": 0.1, "logit_bias": {"5": 1}, "user": "ann"}
    dropped = {"metadata": {"a": "b"}, "store": False, "service_tier": "auto"}
    dropped |= {"response_format": {"type": "text"}, "logprobs": False, "top_logprobs": None}
    server.say("ok")
    create(**ASK, **kept, **dropped, max_completion_tokens=77)
    assert server.last["max_tokens"] == 77
    assert {key: server.last[key] for key in kept} == kept
    assert not server.last.keys() & {*dropped, "max_completion_tokens", "messages", "tools"}


def test_without_a_limit_a_request_has_one_that_is_not_the_servers_sixteen(server, sdk):
    for more, wanted in (({}, 1024), ({"max_tokens": 9}, 9), ({"max_tokens": None}, 1024)):
        server.say("ok")
        creator(sdk, NAME)(**ASK, **more)
        assert server.last["max_tokens"] == wanted
    server.say("ok")
    creator(sdk, NAME, max_tokens=50)(**ASK)
    assert server.last["max_tokens"] == 50


@pytest.mark.parametrize(
    "more",
    [
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"modalities": ["audio"]},
        {"top_logprobs": 3},
        {"extra_body": {"continue_final_message": True}},
        {"extra_body": {"chat_template": "x"}},
    ],
    ids=lambda more: ",".join(more),
)
def test_what_completions_cannot_carry_is_refused_and_named(more, server, sdk):
    server.say("unused")
    with pytest.raises(ConversationError, match=next(iter(more))):
        creator(sdk, NAME)(**ASK, **more)
    assert not server.requests


def test_images_are_refused_and_placed(server, sdk):
    server.say("unused")
    image = {"type": "image_url", "image_url": {"url": "x"}}
    content = [{"type": "text", "text": "What is it?"}, image]
    with pytest.raises(ConversationError, match=r"messages\[0\].content\[1\]: .*text only"):
        creator(sdk, NAME)(**{**ASK, "messages": [{"role": "user", "content": content}]})
    assert not server.requests


def test_logprobs_of_a_completion_come_in_the_shape_of_a_chats(server, sdk):
    probs = {"tokens": ["é", "x"], "token_logprobs": [-0.5, None], "text_offset": [0, 1]}
    probs["top_logprobs"] = [{"é": -0.5, "e": -1.5}, None]
    server.say(Said(["éx"], logprobs=probs), times=2)
    create = creator(sdk, NAME)
    given = {**ASK, "logprobs": True, "top_logprobs": 2}
    whole = create(**given).choices[0].logprobs
    assert server.last["logprobs"] == 2 and "top_logprobs" not in server.last
    streamed = [c.choices[0].logprobs for c in create(**given, stream=True)]
    for one in (whole, next(filter(None, streamed))):
        first, second = one.content
        assert (first.token, first.bytes, first.logprob) == ("é", [0xC3, 0xA9], -0.5)
        assert [(top.token, top.logprob) for top in first.top_logprobs] == [
            ("é", -0.5),
            ("e", -1.5),
        ]
        assert second.top_logprobs == []
    server.say("ok")
    create(**ASK, logprobs=True)
    assert server.last["logprobs"] == 0


@pytest.mark.parametrize("name", CALLING)
def test_class_19_the_first_token_is_added_once(name, server, sdk):
    """Either the prompt has it and the server is told so, or the server adds it."""
    first = loaded(name).declaration.tokens.get("bos_token", "")
    whole = loaded(name).render(HELLO, TOOLS)
    with OldServer({"skip_special_tokens", "preserved_tokens"}) as own:
        plain = sdk.with_options(base_url=own.base_url)
        for kind in ("gguf", "other"):
            own.say("ok")
            creator(plain, name, server=kind)(**ASK)
            assert first + own.last["prompt"] == whole
            assert not first or not own.last["prompt"].startswith(first)
    server.say("ok")
    creator(sdk, name)(**ASK)
    assert server.last["prompt"] == whole
    assert server.last["add_special_tokens"] is False
