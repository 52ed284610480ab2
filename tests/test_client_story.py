"""The programs of the story and of the docs; and what is sent, with tools and without."""

import json
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from chatadapters.client import wrap
from tests.formats import HELLO, TOOLS, loaded, printed
from tests.old_server import VLLM, OldServer, Said
from tests.tiny import call
from tools.readme import FENCED

ROOT = Path(__file__).resolve().parent.parent
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


# -- the story that this project starts from


def test_the_program_of_the_story_runs_unchanged(server):
    """Only the client is wrapped; the format and the program are those of the story."""
    tools = [
        {
            "type": "function",
            "function": {
                "name": "get_current_weather",
                "description": "Get the current weather in a given location",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "location": {
                            "type": "string",
                            "description": "The city and state, e.g. San Francisco, CA",
                        },
                        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                    },
                    "required": ["location"],
                },
            },
        }
    ]
    question = "What's the weather like in San Francisco, Tokyo, and Paris?"
    messages = [{"role": "user", "content": question}]
    with OpenAI(base_url=server.base_url, api_key="-") as made:
        client = wrap(made, "chatglm3")
        places = ("San Francisco, CA", "Tokyo", "Paris")
        one = "get_current_weather\n ```python\ntool_call(location='{}', unit='celsius')\n```"
        server.say("<|assistant|>".join(one.format(place) for place in places))
        response = client.chat.completions.create(
            model="ChatGLM3-6B", messages=messages, tools=tools, tool_choice="auto"
        )
        tool_calls = response.choices[0].message.tool_calls
        assert [json.loads(c.function.arguments)["location"] for c in tool_calls] == [*places]
        told = server.last["messages"]
        assert [message["role"] for message in told] == ["system", "user"]
        assert told[0]["content"].startswith("Answer the following questions as best as you can.")
        assert '"The city and state, e.g. San Francisco, CA"' in told[0]["content"]
        assert told[1] == messages[0]

        messages.append(response.choices[0].message)
        for tool_call in tool_calls:
            place = json.loads(tool_call.function.arguments)["location"]
            result = {"role": "tool", "tool_call_id": tool_call.id, "content": f"{place}: 10"}
            messages.append(result)
        server.say("\n It is 10 degrees everywhere.")
        response = client.chat.completions.create(
            model="ChatGLM3-6B", messages=messages, tools=tools, tool_choice="auto"
        )
        assert response.choices[0].message.content == "It is 10 degrees everywhere."
        assert response.choices[0].finish_reason == "stop"
        assert [m["role"] for m in server.last["messages"]] == [
            "system",
            "user",
            "assistant",
            "user",
        ]
        assert server.last["messages"][-1]["content"] == "\n".join(f"{p}: 10" for p in places)


# -- nothing changes without tools


def body_and_answer(create, server, **given):
    server.say(Said(["<tool_call> is ", "text"]))
    answer = create(**given)
    return server.requests[-1], answer


@pytest.mark.parametrize("mode", ["messages", "completions"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"temperature": 0, "stop": ["x"], "max_tokens": 5, "n": 1, "seed": 3},
        {"tools": []},
        {"tools": openai.NOT_GIVEN, "tool_choice": getattr(openai, "omit", None)},
        {"tool_choice": "auto"},
        {"extra_body": {"unheard_of": 1}},
        {"messages": iter([{"role": "system", "content": "S"}, *HELLO])},
    ],
    ids=lambda more: ",".join(more) or "plain",
)
def test_without_tools_the_request_is_the_same_byte_by_byte(mode, more, server, sdk):
    messages = list(more.get("messages", HELLO))
    plain = {"model": "m", **more, "messages": messages}
    again = {**plain, "messages": iter(messages)} if "messages" in more else plain
    outcomes = []
    wrapped = wrap(sdk, loaded(NAME), mode=mode)
    for create, given in (
        (sdk.chat.completions.create, plain),
        (wrapped.chat.completions.create, again),
    ):
        try:
            sent, answer = body_and_answer(create, server, **given)
            outcomes.append((sent, answer.to_dict()))
        except openai.BadRequestError as error:
            outcomes.append((server.requests[-1], error.message))
    assert outcomes[0] == outcomes[1]


def test_without_tools_the_answer_is_the_very_object():
    """The SDK's shape is enough: the client need not be the SDK's class."""
    said = {"completion": object(), "stream": object()}

    class Resource:
        def create(self, **given):
            return said["stream" if given.get("stream") else "completion"]

    class Fake:
        chat = type("Chat", (), {"completions": Resource()})()

    create = wrap(Fake(), loaded(NAME)).chat.completions.create
    assert create(model="m", messages=HELLO) is said["completion"]
    assert create(model="m", messages=HELLO, stream=True) is said["stream"]


def test_history_with_calls_is_ours_even_without_tools(server, client):
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [PARIS]},
        {"role": "tool", "tool_call_id": "call_one", "content": "21"},
    ]
    server.say(paris())
    response = client.chat.completions.create(model="m", messages=iter(history))
    assert [m["role"] for m in server.last["messages"]] == ["user", "assistant", "user"]
    assert response.choices[0].message.tool_calls is None, "no tools were given"
    assert response.choices[0].message.content.endswith("</tool_call>")


def test_the_program_of_the_docs_prints_what_they_say(server, capsys):
    found = list(FENCED.finditer((ROOT / "docs" / "client.md").read_text(encoding="utf-8")))
    program, printed_text = found[0], found[1]
    assert (program["info"], printed_text["info"]) == ("python", "text")
    answer = "get_weather\n ```python\ntool_call(city='Paris')\n```"
    server.say(answer)
    server.answers.append([Said(["\n It is", " 21 degrees."])])
    exec(program["text"].replace("http://127.0.0.1:8000/v1", server.base_url), {})
    assert capsys.readouterr().out == printed_text["text"].rstrip("\n")


# -- what is sent


def test_each_server_gets_the_keys_that_it_knows(server, sdk):
    bodies = {}
    for kind in ("vllm", "gguf", "other"):
        for mode in ("messages", "completions"):
            with OldServer(VLLM | {"preserved_tokens"}) as own:
                own.say("ok")
                made = wrap(sdk.with_options(base_url=own.base_url), NAME, mode=mode, server=kind)
                made.chat.completions.create(**ASK)
                bodies[kind, mode] = own.last
    extra = {
        key: {k: v for k, v in body.items() if k in VLLM | {"preserved_tokens"}}
        for key, body in bodies.items()
    }
    markers = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
    assert extra["vllm", "messages"] == markers
    assert extra["vllm", "completions"] == {**markers, "add_special_tokens": False}
    special = list(loaded(NAME).declaration.special)
    for mode in ("messages", "completions"):
        assert extra["gguf", mode] == {"preserved_tokens": special}
        assert extra["other", mode] == {}
    assert all(body["stop"] == ["<|im_end|>"] for body in bodies.values())


def test_the_callers_extra_body_and_stop_are_kept(server, sdk):
    client = wrap(sdk, loaded(NAME), extra_body={"skip_special_tokens": False})
    server.say("ok")
    client.chat.completions.create(**ASK, extra_body={"add_special_tokens": True}, stop="END")
    assert server.last["skip_special_tokens"] is False
    assert server.last["add_special_tokens"] is True
    assert server.last["stop"] == ["END", "<|im_end|>"]


def test_template_options_go_to_the_servers_template_and_to_the_parser(sdk):
    with OldServer(VLLM | {"chat_template_kwargs"}) as own:
        made = sdk.with_options(base_url=own.base_url)
        own.say("<tool_call> is ok", times=2)
        thinking = wrap(made, "deepseek_v31", options={"enable_thinking": True})
        own.say(Said(["Hm.</think>Yes."]), times=2)
        (choice,) = thinking.chat.completions.create(**ASK).choices
        assert own.last["chat_template_kwargs"] == {"enable_thinking": True}
        assert choice.message.to_dict()["reasoning_content"] == "Hm."
        plain = wrap(made, "deepseek_v31")
        kwargs = {"chat_template_kwargs": {"enable_thinking": True}}
        (choice,) = plain.chat.completions.create(**ASK, extra_body=kwargs).choices
        assert own.last["chat_template_kwargs"] == {"enable_thinking": True}
        assert (choice.message.content, choice.message.to_dict()["reasoning"]) == ("Yes.", "Hm.")
