"""tool_choice and parallel_tool_calls."""

import json

import pytest
from openai import OpenAI

from chatadapters.client import wrap
from chatadapters.errors import ConversationError
from tests.formats import CALLING, HELLO, PARALLEL, THINKING, TOOLS, loaded, printed
from tests.old_server import OldServer, Said, joined
from tests.tiny import call

NAME = "qwen3"
PARIS = call("get_weather", {"city": "Paris", "days": 3}, id="call_one")
ASK = {"model": "m", "messages": HELLO, "tools": TOOLS}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
MODES = ("messages", "completions")


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


def both(create, server, said, **given):
    """Return the message of a whole answer and of a stream; both must say the same."""
    server.say(*said, times=2)
    choice = create(**given).choices[0]
    found = joined(list(create(**given, stream=True)))[0]
    calls = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()]
    assert calls == [
        (one["name"], one["arguments"])
        for index, one in found["calls"].items()
        if index < len(calls)
    ]
    assert (choice.message.content or "") == found.get("content", "")
    assert choice.finish_reason == found["finish"]
    return choice


# -- none


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLING)
def test_class_08_with_none_the_tools_are_told_and_no_call_is_made(name, mode, server, sdk):
    text = printed(name, "", PARIS).text
    create = creator(sdk, name, mode)
    choice = both(create, server, [Said([text[:9], text[9:]])], **ASK, tool_choice="none")
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert "get_weather" in choice.message.content and "Paris" in choice.message.content
    assert "The weather of a city" in json.dumps(server.last)


# -- required and named: the answer is begun for the model


def forced(create, server, answer, **given):
    """Let the server write the rest of an answer, as the prompt begins it; return both."""
    server.say("")
    create(**given)
    sent = server.last["prompt"]
    text = answer.prompt + answer.text
    assert text.startswith(sent), "the prompt holds the beginning of the answer"
    rest = text[len(sent) :]
    pieces = [rest[:3], rest[3:11], rest[11:]]
    return both(create, server, [Said(pieces)], **given), sent[len(answer.prompt) :]


@pytest.mark.parametrize("name", CALLING)
def test_class_11_a_named_tool_is_called_whatever_the_model_writes_first(name, server, sdk):
    answer = printed(name, "", PARIS)
    choice, begun = forced(creator(sdk, name), server, answer, **ASK, tool_choice=NAMED)
    assert "get_weather" in begun
    (one,) = choice.message.tool_calls
    assert one.function.name == "get_weather"
    assert json.loads(one.function.arguments) == {"city": "Paris", "days": 3}
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None


@pytest.mark.parametrize("name", CALLING)
def test_class_11_with_required_a_call_is_begun(name, server, sdk):
    answer = printed(name, "", PARIS)
    create = creator(sdk, name)
    if name == "chatglm3":  # a call begins with the tool's name: there is nothing to begin with
        server.say(answer.text)
        choice = create(**ASK, tool_choice="required").choices[0]
        wanted = "Answer with a call of one of these tools: get_weather, search, ping."
        assert wanted in server.last["prompt"]
    else:
        choice, begun = forced(create, server, answer, **ASK, tool_choice="required")
        assert begun and "get_weather" not in begun
    assert json.loads(choice.message.tool_calls[0].function.arguments)["city"] == "Paris"


@pytest.mark.parametrize("name", CALLING)
def test_class_11_required_with_one_tool_names_it(name, server, sdk):
    answer = printed(name, "", PARIS, tools=TOOLS[:1])
    ask = {**ASK, "tools": TOOLS[:1], "tool_choice": "required"}
    _, begun = forced(creator(sdk, name), server, answer, **ask)
    assert "get_weather" in begun


@pytest.mark.parametrize("name", THINKING)
def test_class_11_a_forced_call_works_where_the_prompt_opens_the_reasoning(name, server, sdk):
    for option in loaded(name).declaration.options:
        create = creator(sdk, name, options={option: True})
        server.say("")
        create(**ASK, tool_choice=NAMED)
        begun = server.last["prompt"].removeprefix(
            loaded(name).render(HELLO, TOOLS, **{option: True})
        )
        answered = [*HELLO, {"role": "assistant", "tool_calls": [PARIS]}]
        rest = loaded(name).output(answered, TOOLS, **{option: True}).partition(begun)[2]
        assert "Paris" in rest and "get_weather" in begun
        choice = both(create, server, [Said([rest])], **ASK, tool_choice=NAMED)
        assert choice.message.tool_calls[0].function.name == "get_weather"
        assert choice.message.content is None
        assert not choice.message.to_dict().get("reasoning_content")


def test_class_11_where_the_prompt_opens_a_reasoning_that_no_call_closes_a_sentence_asks(
    server, sdk
):
    """After a result, this format's prompt begins the answer's reasoning."""
    history = [*HELLO, {"role": "assistant", "tool_calls": [PARIS]}]
    history.append({"role": "tool", "tool_call_id": "call_one", "content": "21"})
    server.say("")
    creator(sdk, "gemma4", options={"enable_thinking": True})(
        **{**ASK, "messages": history}, tool_choice=NAMED
    )
    assert server.last["prompt"].endswith("<|channel>thought\n")
    assert "Answer with a call of the tool get_weather." in server.last["prompt"]


@pytest.mark.parametrize("name", CALLING)
def test_where_no_prompt_is_ours_a_sentence_asks_for_the_call(name, server, sdk):
    answer = printed(name, "", PARIS)
    create = creator(sdk, name, "messages")
    for given, wanted in (
        ("required", "Answer with a call of one of these tools: get_weather, search, ping."),
        (NAMED, "Answer with a call of the tool get_weather."),
    ):
        choice = both(create, server, [Said([answer.text])], **ASK, tool_choice=given)
        assert server.last["messages"][0]["role"] == "system"
        systems = [m["content"] for m in server.last["messages"] if m["role"] == "system"]
        assert systems[-1].endswith(wanted)
        assert choice.message.tool_calls[0].function.name == "get_weather"
        server.say("I would rather not.")
        choice = create(**ASK, tool_choice=given).choices[0]
        assert (choice.message.content, choice.finish_reason) == ("I would rather not.", "stop")
        assert choice.message.tool_calls is None


def test_a_named_choice_makes_no_other_call(server, sdk):
    text = printed(NAME, "", call("ping", {}), PARIS).text
    create = creator(sdk, NAME, "messages")
    choice = both(create, server, [Said([text])], **ASK, tool_choice=NAMED)
    assert [one.function.name for one in choice.message.tool_calls] == ["get_weather"]
    assert "ping" in choice.message.content


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("always", r"tool_choice: 'always' is none of 'auto', 'none', 'required'"),
        ({"type": "function", "function": {"name": "get_wether"}}, "did you mean 'get_weather'"),
        ({"type": "allowed_tools", "allowed_tools": {}}, r"tool_choice: .*allowed_tools"),
    ],
)
def test_a_choice_that_is_none_is_refused(given, said, server, sdk):
    server.say("unused")
    with pytest.raises(ConversationError, match=said):
        creator(sdk, NAME)(**ASK, tool_choice=given)
    history = [{"role": "tool", "content": "x"}, *HELLO]
    with pytest.raises(ConversationError, match="'required' needs tools"):
        creator(sdk, NAME)(model="m", messages=history, tool_choice="required")
    assert not server.requests


# -- parallel_tool_calls


@pytest.mark.parametrize("name", PARALLEL)
def test_without_parallel_calls_the_first_is_given_and_no_other_is_lost(name, server, sdk):
    ping = call("ping", {}, id="call_two")
    text = printed(name, "", PARIS, ping, PARIS | {"id": "call_three"}).text
    create = creator(sdk, name, "messages")
    pieces = [text[:20], text[20:50], text[50:]]
    choice = both(create, server, [Said(pieces)], **ASK, parallel_tool_calls=False)
    assert [one.function.name for one in choice.message.tool_calls] == ["get_weather"]
    dropped = choice.message.to_dict()["dropped_tool_calls"]
    assert [one["function"]["name"] for one in dropped] == ["ping", "get_weather"]
    assert json.loads(dropped[1]["function"]["arguments"]) == {"city": "Paris", "days": 3}
    server.say(Said(pieces))
    found = joined(list(create(**ASK, parallel_tool_calls=False, stream=True)))[0]
    assert [one["name"] for one in found["calls"].values()] == [
        "get_weather",
        "ping",
        "get_weather",
    ]
    server.say(Said(pieces))
    chunks = list(create(**ASK, parallel_tool_calls=False, stream=True))
    given = [part for c in chunks for part in c.choices[0].delta.tool_calls or ()]
    assert {part.index for part in given} == {0}


def test_a_broken_first_call_is_no_reason_to_call_though_a_dropped_one_is_complete(server, sdk):
    broken = '<tool_call>\n{"name": "ping", "arguments": {x}}\n</tool_call>\n'
    text = broken + printed(NAME, "", PARIS).text.rpartition("</think>\n\n")[2]
    server.say(Said([text]))
    choice = creator(sdk, NAME, "messages")(**ASK, parallel_tool_calls=False).choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.to_dict()["dropped_tool_calls"][0]["function"]["name"] == "get_weather"
