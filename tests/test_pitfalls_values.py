"""Failure classes of values: what stands in the arguments of a call comes back, with its type."""

import json

import pytest

from chatadapters.check import markers
from tests.formats import CALLING, HELLO, NAMES, TOOLS, TYPED, loaded, printed, read, refused
from tests.tiny import NAMED_CALLS, adapter, call, say, tool

VALUES = {
    "zip": ("string", "02134"),
    "digits": ("string", "2134"),
    "word": ("string", "true"),
    "nothing": ("string", "None"),
    "empty": ("string", ""),
    "spaced": ("string", "  a \n\n b  "),
    "quotes": ("string", 'it\'s "so" \\n \\\\ `x` {{ y }} {% z %}'),
    "listed": ("string", "[1, 2]"),
    "int": ("integer", 2134),
    "negative": ("integer", -1),
    "whole": ("number", 1.0),
    "small": ("number", 1e-7),
    "big": ("number", 1e21),
    "yes": ("boolean", True),
    "no": ("boolean", False),
    "void": ("null", None),
    "maybe": (["integer", "null"], None),
    "perhaps": (["integer", "null"], 0),
    "list": ("array", []),
    "nested": ("array", [1, "1", None, True, [1.5, {"a": "b"}]]),
    "object": ("object", {}),
    "deep": ("object", {"a": {"b": [{"c": None}]}, "e": ""}),
}
SCHEMA = [tool("store", **{key: {"type": kind} for key, (kind, _) in VALUES.items()})]


def back(answer):
    (one,) = read(answer)[1].tool_calls
    return one


# -- class 5: arguments as a string and as an object


@pytest.mark.parametrize("name", CALLING)
def test_class_05_arguments_as_a_string_and_as_an_object_give_the_same_prompt(name):
    value = {"query": 'say "hi"\n', "filter": {"é": [1, None]}}
    spellings = (value, json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2))
    results = [{"role": "tool", "tool_call_id": "call_abc", "content": "done"}]
    prompts = set()
    for spelled in spellings:
        one = {
            **call("search", None, id="call_abc"),
            "function": {"name": "search", "arguments": spelled},
        }
        answer = {"role": "assistant", "content": None, "tool_calls": [one]}
        prompts.add(loaded(name).render([*HELLO, answer, *results], TOOLS))
    assert len(prompts) == 1


@pytest.mark.parametrize("name", CALLING)
def test_class_05_no_arguments_may_be_null_empty_or_missing(name):
    prompts = set()
    for function in (
        {"arguments": None},
        {"arguments": ""},
        {"arguments": "{}"},
        {"arguments": {}},
        {},
    ):
        one = {"id": "call_abc", "type": "function", "function": {"name": "ping", **function}}
        answer = {"role": "assistant", "content": None, "tool_calls": [one]}
        prompts.add(loaded(name).render([*HELLO, answer], TOOLS, add_generation_prompt=False))
    assert len(prompts) == 1


@pytest.mark.parametrize("name", CALLING)
def test_class_05_what_was_read_can_be_rendered_again_and_is_encoded_once(name):
    answer = printed(name, "", call("search", {"query": "a", "tags": ["b"]}))
    message = read(answer)[1].to_openai()
    encoded = message["tool_calls"][0]["function"]["arguments"]
    assert isinstance(encoded, str) and json.loads(encoded) == {"query": "a", "tags": ["b"]}
    rendered = loaded(name).render([*HELLO, message], TOOLS, add_generation_prompt=False)
    assert answer.text in rendered and '\\"query\\"' not in rendered


# -- class 6: types


@pytest.mark.parametrize("key", VALUES)
@pytest.mark.parametrize("name", CALLING)
def test_class_06_every_value_comes_back_with_its_type(name, key):
    value = VALUES[key][1]
    one = back(printed(name, "", call("store", {key: value}), tools=SCHEMA))
    assert one.status == "complete"
    assert json.dumps(one.value()[key]) == json.dumps(value)


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize(
    ("key", "text"), [("int", "three"), ("yes", "maybe"), ("list", "1, 2"), ("object", "{")]
)
def test_class_06_a_value_that_its_type_cannot_read_is_kept_in_a_malformed_call(name, key, text):
    answer = printed(name, "", call("store", {"zip": "TEXT"}), tools=SCHEMA)
    wrong = answer.text.replace("zip", key).replace("TEXT", text)
    one = back(type(answer)(answer.conversation, wrong, answer.prompt, answer.make))
    assert one.status == "malformed" and one.value() == {key: text}


# -- class 7: markers inside values


def inside(name):
    """Return the markers of a format and whether a value may hold each of them."""
    table = loaded(name).table
    delimiters = [
        d for c in table["calls"] for d, escapes in c["table"].get("quotes", ()) if not escapes
    ]
    return [(m, not any(d in m for d in delimiters)) for m in sorted(markers(table))]


@pytest.mark.parametrize("name", CALLING)
def test_class_07_closer_inside_value(name):
    for marker, carried in inside(name):
        for text in (f"a {marker} b", f"{marker}b", f"a\n{marker}\n{marker}\nb"):
            arguments = {"query": text, "filter": {"deep": [text]}}
            if not carried:
                assert refused(name, "", call("search", arguments)), marker
                continue
            answer = printed(name, "", call("search", arguments))
            assert back(answer).value() == arguments
            for at in range(1, len(answer.text)):
                pieces = answer.text[:at], answer.text[at:]
                assert [one.value() for one in read(answer, *pieces)[1].tool_calls] == [arguments]


@pytest.mark.parametrize("name", TYPED)
def test_class_07_a_closer_with_what_may_follow_it_is_refused(name):
    (table,) = [one["table"] for one in loaded(name).table["calls"]]
    for end in table["ends"]:
        for follows in table["follow"]:
            for space in ("", "\n", "  "):
                text = f"a{end}{space}{follows}b"
                assert refused(name, "", call("search", {"query": text})), text


# -- class 30: other scripts


@pytest.mark.parametrize("name", NAMES)
def test_class_30_nothing_is_escaped_that_need_not_be(name):
    text = "naïve 北京 🙂 Привет"
    tools = [tool("search", query={"type": "string", "description": text})]
    tools[0]["function"]["description"] = text
    calls = [call("search", {"query": text})] if name in CALLING else []
    answers = [
        {"role": "assistant", "content": None if calls else text, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "", "content": text},
    ]
    messages = [{"role": "user", "content": text}, *answers[: 2 if calls else 1]]
    prompt = loaded(name).render(messages, tools if calls else None, add_generation_prompt=False)
    assert "\\u" not in prompt and "\\x" not in prompt
    assert prompt.count(text) >= (5 if calls else 2)
    if calls:
        assert back(printed(name, "", *calls)).value() == {"query": text}
        assert text in back(printed(name, "", *calls)).arguments


def test_class_30_escaping_is_an_option_of_the_format():
    made = adapter(NAMED_CALLS.replace("arguments | json", "arguments | json(ascii=true)"))
    text = made.output(say("", call("f", {"a": "é🙂"})))
    assert text == '<call>f<args>{"a": "\\u00e9\\ud83d\\ude42"}</call>'
    assert made.parse(text).tool_calls[0].value() == {"a": "é🙂"}
