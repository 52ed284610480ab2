"""The plugin's parsers, driven as vLLM's serving layer drives them, without an engine."""

from __future__ import annotations

import random

import pytest
import xgrammar
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser.abstract_parser import DelegatingParser
from vllm.reasoning.abs_reasoning_parsers import ReasoningParserManager
from vllm.tool_parsers.abstract_tool_parser import ToolParserManager

import chatadapters
from chatadapters.plugin import register
from tests.serve.table import calling

register()
NAMES = calling()
THINKING = [name for name in NAMES if chatadapters.load(name).declaration.limits.reasoning]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "days": {"type": "integer"}, "more": {}},
            },
        },
    }
    for name in ("get_weather", "write_file")
]
SWITCHES = ({}, {"enable_thinking": True}, {"enable_thinking": False})
HARD = {"text": 'a "quoted" line\nand a\ttab, ünïcödé \\ {}', "days": -3, "more": {"a": [1, None]}}


class Letters:
    """A tokenizer with one token for each character, and one for each special marker."""

    eos_token_id = 0x10FFFF

    def __init__(self, markers=()):
        self.markers = {marker: 0x100000 + n for n, marker in enumerate(markers)}
        self.texts = {id: marker for marker, id in self.markers.items()}

    def get_vocab(self):
        return self.markers

    def encode(self, text):
        ids, at = [], 0
        while at < len(text):
            marker = max((m for m in self.markers if text.startswith(m, at)), key=len, default="")
            ids.append(self.markers[marker] if marker else ord(text[at]))
            at += len(marker) or 1
        return ids

    def decode(self, ids, skip_special_tokens=True, **_):
        return "".join(self.texts.get(id) or chr(id) for id in ids if id != self.eos_token_id)


def made(adapter, tokenizer, reasoning=True, options=None):
    class Made(DelegatingParser):
        tool_parser_cls = ToolParserManager.get_tool_parser(f"adapters_{adapter.name}")
        reasoning_parser_cls = (
            ReasoningParserManager.get_reasoning_parser(f"adapters_{adapter.name}")
            if reasoning
            else None
        )

    return Made(tokenizer, request().tools, chat_template_kwargs=options or {})


def accepts(tag, text):
    """Tell whether a structural tag takes a text as a whole answer."""
    matcher = xgrammar.GrammarMatcher(COMPILER.compile_structural_tag(tag))
    return matcher.accept_string(text) and matcher.accept_token(256)


COMPILER = xgrammar.GrammarCompiler(
    xgrammar.TokenizerInfo([bytes([n]) for n in range(256)] + [b"</s>"], stop_token_ids=[256])
)


def request(**more):
    return ChatCompletionRequest(
        model="m", messages=[{"role": "user", "content": "Hi"}], tools=TOOLS, **more
    )


def messages(adapter):
    limits = adapter.declaration.limits
    calls = [
        {
            "id": f"call{n:05}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for n, (name, arguments) in enumerate(
            [("get_weather", {"days": 1}), ("write_file", HARD), ("get_weather", {})]
        )
    ]
    found = [{"content": "Hello there.\n\nHow are you?"}]
    for count in (1, 2, 3):
        if limits.calls is None or count <= limits.calls:
            found.append({"content": "", "tool_calls": calls[-count:]})
            if limits.content_with_calls:
                found.append({"content": "I look.", "tool_calls": calls[:count]})
    if limits.reasoning:
        found += [{**one, "reasoning_content": "Let me\n\nthink <hard>."} for one in found]
    return [{"role": "assistant", **one} for one in found]


def cut(ids, how, seed=0):
    if how == "all":
        return [ids]
    if isinstance(how, int):
        return [ids[n : n + how] for n in range(0, len(ids), how)]
    rng, pieces = random.Random(seed), []
    while ids:
        size = rng.randint(1, 12)
        pieces.append(ids[:size])
        ids = ids[size:]
    return pieces


def streamed(parser, tokenizer, pieces, prompt, wanted):
    content, reasoning, calls = "", "", []
    for number, ids in enumerate(pieces):
        delta = parser.parse_delta(
            tokenizer.decode(ids), ids, wanted, tokenizer.encode(prompt),
            finished=number == len(pieces) - 1,
        )  # fmt: skip
        if delta is None:
            continue
        content += delta.content or ""
        reasoning += delta.reasoning or ""
        for call in delta.tool_calls:
            if call.index == len(calls):
                assert call.id and call.type == "function"
                calls.append([call.function.name, ""])
            calls[call.index][1] += call.function.arguments or ""
    return reasoning, content, [tuple(call) for call in calls]


def expected(adapter, text, prompt):
    message = adapter.parse(text, tools=TOOLS, prompt=prompt)
    calls = [(call.name, call.arguments) for call in message.tool_calls]
    return message.reasoning, message.content, calls


@pytest.mark.parametrize("markers", [True, False], ids=["markers", "letters"])
@pytest.mark.parametrize("name", NAMES)
def test_streams_and_whole_answers_are_what_the_parser_reads(name, markers):
    adapter = chatadapters.load(name)
    tokenizer = Letters(adapter.declaration.special if markers else ())
    for options in SWITCHES if name in THINKING else ({},):
        prompt = adapter.render([{"role": "user", "content": "Hi"}], TOOLS, **options)
        read = next((rest for end, rest in adapter.table["starts"] if prompt.endswith(end)), "")
        for message in messages(adapter):
            text = adapter.output([{"role": "user", "content": "Hi"}, message], TOOLS, **options)
            if not text.startswith(read):
                continue
            text = text[len(read) :]
            wanted = request()
            want = expected(adapter, text, prompt)
            for how in (1, 3, "all", "random"):
                parser = made(adapter, tokenizer)
                got = streamed(parser, tokenizer, cut(tokenizer.encode(text), how), prompt, wanted)
                assert got == want, (options, text, how)
            parser = made(adapter, tokenizer)
            parser.is_reasoning_end(tokenizer.encode(prompt))
            reasoning, content, calls = parser.parse(text, wanted, enable_auto_tools=True)
            found = [(call.name, call.arguments) for call in calls or ()]
            # The server gives null for white space beside calls.
            kept = want[1] if want[1].strip() or not want[2] else ""
            assert (reasoning or "", content or "", found) == (want[0], kept, want[2])


@pytest.mark.parametrize("name", THINKING)
def test_reasoning_ends_in_the_engine_where_it_ends_in_the_text(name):
    adapter = chatadapters.load(name)
    tokenizer = Letters()
    prompt = adapter.render([{"role": "user", "content": "Hi"}], TOOLS, enable_thinking=True)
    reader = ReasoningParserManager.get_reasoning_parser(f"adapters_{name}")
    read = next((rest for end, rest in adapter.table["starts"] if prompt.endswith(end)), "")
    message = {"role": "assistant", "content": "Yes.", "reasoning_content": "Why </thi not?"}
    whole = adapter.output(
        [{"role": "user", "content": "Hi"}, message], TOOLS, enable_thinking=True
    )
    text = whole[len(read) :]
    parser, ids = reader(tokenizer), tokenizer.encode(prompt)
    close = parser.reasoning_end_str
    ended = None
    for at in range(len(text)):
        if parser.is_reasoning_end_streaming(
            ids + tokenizer.encode(text[: at + 1]), tokenizer.encode(text[at])
        ):
            ended = at + 1
            break
    assert ended == text.index(close) + len(close)
    assert not reader(tokenizer).is_reasoning_end_streaming(
        ids + tokenizer.encode(text[:3]), tokenizer.encode(text[:3])
    )
    plain = reader(tokenizer)
    if not read:
        assert plain.is_reasoning_end_streaming(ids + tokenizer.encode("Sure"), [ord("e")])


@pytest.mark.parametrize("after", ["user", "tool"])
@pytest.mark.parametrize("name", THINKING)
def test_a_forced_call_can_begin_with_the_first_token_unless_the_prompt_began_to_reason(
    name, after
):
    adapter, hello = chatadapters.load(name), {"role": "user", "content": "Hi"}
    call = {"id": "call00000", "type": "function"}
    call["function"] = {"name": "get_weather", "arguments": "{}"}
    told = [
        hello,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call00000", "content": "21"},
    ]
    asked = {**call, "function": {"name": "get_weather", "arguments": {"days": 1}}}
    answer = {"role": "assistant", "content": "", "tool_calls": [asked]}
    tokenizer = Letters(adapter.declaration.special)
    for options in SWITCHES:
        conversation = [hello] if after == "user" else told
        prompt = adapter.render(conversation, TOOLS, **options)
        read = next((rest for end, rest in adapter.table["starts"] if prompt.endswith(end)), "")
        parser = made(adapter, tokenizer, options=options)
        wanted = parser.adjust_request(
            ChatCompletionRequest(
                model="m", messages=conversation, tools=TOOLS, tool_choice="required"
            )
        )
        now = wanted.resolve_reasoning_ended(parser, tokenizer.encode(prompt))
        assert now == (adapter.parser(tools=TOOLS, prompt=prompt).reasoned is not None or not read)
        tag = wanted.structured_outputs.structural_tag
        plain = adapter.output([hello, answer], TOOLS)
        if now and after == "user" and plain.startswith(read):
            assert accepts(tag, plain[len(read) :])
        thought = adapter.output([hello, {**answer, "reasoning_content": "Why?"}], TOOLS)
        assert "Why?" in thought
        assert accepts(tag, thought) == (not read)
        assert not accepts(tag, "Hello")
        if now and not read:
            assert not accepts(tag, thought.replace(parser.reasoning_parser.reasoning_end_str, ""))
        # A client's own grammar goes on to begin after the reasoning.
        free = request(structured_outputs={"choice": ["Yes."]}, tool_choice="auto")
        free = made(adapter, tokenizer, options=options).adjust_request(free)
        assert free.resolve_reasoning_ended(parser, tokenizer.encode(prompt)) == (
            adapter.parser(tools=TOOLS, prompt=prompt).reasoned is not None
        )


@pytest.mark.parametrize("name", NAMES)
def test_auto_has_a_grammar_only_where_something_is_to_be_enforced(name):
    """Servers before 0.32 ask under every auto, and put the answer over the client's grammar."""
    adapter = chatadapters.load(name)
    maker = ToolParserManager.get_tool_parser(f"adapters_{name}")
    strict = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]
    for tools, more, enforced in (
        (TOOLS, {}, False),
        (TOOLS, {"parallel_tool_calls": False}, True),
        (strict, {}, True),
    ):
        asked = ChatCompletionRequest(
            model="m", messages=[{"role": "user", "content": "Hi"}], tools=tools, **more
        )
        parser = maker(Letters(adapter.declaration.special), asked.tools)
        assert (parser.get_structural_tag(asked) is not None) == enforced
