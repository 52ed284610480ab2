"""How an answer is begun for the model, so that it is a call."""

import pytest

from chatadapters.client.force import beginning
from tests.formats import CALLING, HELLO, THINKING, TOOLS, loaded
from tests.tiny import call


def begun(name, called, **options):
    prompt = loaded(name).render(HELLO, TOOLS, **options)
    return beginning(loaded(name), HELLO, TOOLS, options, prompt, called), prompt


@pytest.mark.parametrize("name", CALLING)
def test_a_begun_call_ends_before_its_arguments(name):
    for called, arguments in (("get_weather", {"city": "Paris"}), ("ping", {})):
        start, prompt = begun(name, called)
        messages = [*HELLO, {"role": "assistant", "tool_calls": [call(called, arguments)]}]
        text = loaded(name).output(messages, TOOLS)
        said = next(rest for end, rest in loaded(name).table["starts"] if prompt.endswith(end))
        text = text.removeprefix(said)
        assert text.startswith(start)
        assert called in start
        assert "Paris" in text[len(start) :] or not arguments
        assert "city" not in start


@pytest.mark.parametrize(
    ("name", "called", "end"),
    [
        ("qwen3", "ping", '{"name": "ping", "arguments":'),
        ("qwen3", "", '<tool_call>\n{"name":'),
        ("glm45", "ping", "<tool_call>ping\n"),
        ("qwen3_coder", "ping", "<tool_call>\n<function=ping>\n"),
        ("qwen3_coder", "", "<tool_call>\n<function="),
        ("gemma4", "ping", "<|tool_call>call:ping{"),
        ("chatglm3", "ping", "ping\n ```python\ntool_call("),
        ("chatglm3", "", ""),
    ],
)
def test_a_begun_call_divides_no_marker_and_closes_the_name(name, called, end):
    """Spaces, quotes and braces are left to the model, as one token with what follows them."""
    start, _ = begun(name, called)
    assert start.endswith(end)
    assert start or not end


@pytest.mark.parametrize("name", CALLING)
def test_a_begun_call_of_any_tool_ends_before_the_name(name):
    start, _ = begun(name, "")
    one, other = begun(name, "get_weather")[0], begun(name, "ping")[0]
    assert one.startswith(start) and other.startswith(start)
    assert one[len(start) :].lstrip(' "').startswith("get_weather")
    assert other[len(start) :].lstrip(' "').startswith("ping")


@pytest.mark.parametrize("name", THINKING)
def test_a_begun_call_closes_the_reasoning_that_the_prompt_opened(name):
    for options in ({}, *({key: True} for key in loaded(name).declaration.options)):
        start, prompt = begun(name, "ping", **options)
        parser = loaded(name).parser(tools=TOOLS, prompt=prompt)
        parser.feed(start)
        assert not parser.message.reasoning
        assert start
