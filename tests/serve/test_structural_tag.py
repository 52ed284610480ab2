"""Structural tags of whole answers, in xgrammar: what is printed is accepted, and no more."""

from __future__ import annotations

import json

import pytest
import xgrammar as xgr

import chatadapters
from tests.serve.table import calling

NAMES = calling()
HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
    for name in ("get_weather", "get_tides")
]
GOOD, BAD = {"city": 'Paris, "naïve"', "days": 2}, {"city": "Paris", "days": "two"}
COMPILER = xgr.GrammarCompiler(
    xgr.TokenizerInfo([bytes([n]) for n in range(256)] + [b"</s>"], stop_token_ids=[256])
)


def accepts(adapter, text, **request):
    tag = adapter.emit("structural_tag", tools=TOOLS, **request)
    matcher = xgr.GrammarMatcher(
        COMPILER.compile_structural_tag(tag), terminate_without_stop_token=False
    )
    return matcher.accept_string(text) and matcher.accept_token(256)


def answer(adapter, calls, content="", reasoning="", **options):
    message = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call{n:05}",
                "type": "function",
                "function": {"name": name, "arguments": given},
            }
            for n, (name, given) in enumerate(calls)
        ]
    if reasoning:
        message["reasoning_content"] = reasoning
    return adapter.output([*HELLO, message], TOOLS, **options)


def strict(on):
    return [{"type": "function", "function": {**tool["function"], "strict": on}} for tool in TOOLS]


def case(name):
    adapter = chatadapters.load(name)
    limits = adapter.declaration.limits
    thinks = {"reasoning": "Hm, let me see."} if limits.reasoning else {}
    return adapter, limits, thinks


@pytest.mark.parametrize("name", NAMES)
def test_required_takes_one_call_and_several(name):
    adapter, limits, thinks = case(name)
    for count in (1, 2, 3):
        if limits.calls is not None and count > limits.calls:
            break
        calls = [("get_weather", GOOD), ("get_tides", GOOD), ("get_weather", GOOD)][:count]
        text = answer(adapter, calls, **thinks)
        assert accepts(adapter, text, tool_choice="required", prompt="")
        one = accepts(adapter, text, tool_choice="required", prompt="", parallel_tool_calls=False)
        assert one == (count == 1)


@pytest.mark.parametrize("name", NAMES)
def test_required_takes_no_text_without_a_call_and_no_wrong_arguments(name):
    adapter, _, thinks = case(name)
    assert not accepts(adapter, "Hello there.", tool_choice="required", prompt="")
    bad = answer(adapter, [("get_weather", BAD)], **thinks)
    assert not accepts(adapter, bad, tool_choice="required", prompt="")
    missing = answer(adapter, [("get_weather", {"city": "Paris"})], **thinks)
    assert not accepts(adapter, missing, tool_choice="required", prompt="")


@pytest.mark.parametrize("name", NAMES)
def test_a_named_tool_is_the_only_one_and_called_once(name):
    adapter, limits, thinks = case(name)
    named = {"type": "function", "function": {"name": "get_tides"}}
    one = answer(adapter, [("get_tides", GOOD)], **thinks)
    assert accepts(adapter, one, tool_choice=named, prompt="")
    other = answer(adapter, [("get_weather", GOOD)], **thinks)
    assert not accepts(adapter, other, tool_choice=named, prompt="")
    if limits.calls is None:
        two = answer(adapter, [("get_tides", GOOD)] * 2, **thinks)
        assert not accepts(adapter, two, tool_choice=named, prompt="")


@pytest.mark.parametrize("name", NAMES)
def test_auto_takes_text_and_strict_calls_and_lets_loose_ones_be(name):
    adapter, limits, thinks = case(name)
    texts = [answer(adapter, [], content="Hello there.\nIt is 21 degrees {today}.", **thinks)]
    texts.append(answer(adapter, [("get_weather", GOOD)], **thinks))
    if limits.content_with_calls:
        texts.append(answer(adapter, [("get_weather", GOOD)], content="I look.", **thinks))
    if limits.calls is None:
        texts.append(answer(adapter, [("get_weather", GOOD), ("get_tides", GOOD)], **thinks))
    for text in texts:
        assert accepts(adapter, text, prompt="")
    wrong = answer(adapter, [("get_weather", {"city": "Paris"})], **thinks)
    for on in (True, False):
        tag = adapter.emit("structural_tag", tools=strict(on), prompt="")
        matcher = xgr.GrammarMatcher(COMPILER.compile_structural_tag(tag))
        assert matcher.accept_string(wrong) == (not on)


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_decides_how_much_reasoning_is_left(name):
    adapter, _, thinks = case(name)
    if not thinks:
        tag = adapter.emit("structural_tag", tools=TOOLS, tool_choice="required")
        assert tag == adapter.emit(
            "structural_tag", tools=TOOLS, tool_choice="required", reasoning=False
        )
        return
    whole = answer(adapter, [("get_weather", GOOD)], **thinks)
    for prompt, read in adapter.table["starts"]:
        if whole.startswith(read):
            left = whole[len(read) :]
            assert accepts(adapter, left, tool_choice="required", prompt=prompt)


def test_every_tag_is_plain_json_with_the_nodes_that_servers_edit():
    for name in NAMES:
        tag = json.loads(chatadapters.load(name).emit("structural_tag", tools=TOOLS))
        text = json.dumps(tag)
        assert tag["type"] == "structural_tag"
        assert "tags_with_separator" in text or "triggered_tags" in text
