"""The grammars of each target in engines' own matchers, on a real tokenizer; no server is started.

The tokenizer is SmolLM2's, with the adapter's markers as special tokens.
"""

from __future__ import annotations

import json
import random
from functools import cache, cached_property

import jsonschema
import llguidance
import numpy
import pytest
import transformers
import xgrammar

import chatadapters
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import answer
from chatadapters.verify.laws import Refused
from tests.serve.wire import Wire

PRINTED, DRAWN, LONGEST = 6, 8, 400
SMALL = {
    "type": "object",
    "properties": {
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "exact": {"type": "boolean"},
        "tag": {"type": "string", "pattern": "^[a-z]{1,3}$"},
    },
    "required": ["unit", "days"],
}
SMALL_TOOLS = [
    {"type": "function", "function": {"name": name, "description": "See.", "parameters": SMALL}}
    for name in ("get_weather", "get_tides")
]


class Engines:
    """The matchers of an adapter's grammars."""

    def __init__(self, wire):
        self.wire = wire
        self.text = wire.tokenizer.to_str()
        self.size = wire.tokenizer.get_vocab_size(with_added_tokens=True)
        self.end = wire.tokenizer.token_to_id(wire.end)
        added = json.loads(self.text)["added_tokens"]
        self.special = {one["content"]: one["id"] for one in added if one["special"]}

    @cached_property
    def for_llguidance(self):
        return llguidance.LLTokenizer(self.text, n_vocab=self.size, eos_token=self.end)

    @cached_property
    def compiler(self):
        made = transformers.PreTrainedTokenizerFast(tokenizer_object=self.wire.tokenizer)
        info = xgrammar.TokenizerInfo.from_huggingface(
            made, vocab_size=self.size, stop_token_ids=[self.end]
        )
        return xgrammar.GrammarCompiler(info, max_threads=2)

    def lark(self, **request):
        text = self.wire.adapter.emit("lark", special_tokens=self.special, **request)
        matcher = llguidance.LLMatcher(self.for_llguidance, text, log_level=0)
        assert not matcher.is_error(), matcher.get_error()
        return matcher

    def takes(self, target, ids, **request):
        """Return whether a target's matcher takes these tokens as a whole answer."""
        if target == "lark":
            matcher = self.lark(**request)
            return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()
        text = self.wire.adapter.emit(target, **request)
        compiled = (
            self.compiler.compile_grammar(text)
            if target == "gbnf"
            else self.compiler.compile_structural_tag(text)
        )
        matcher = xgrammar.GrammarMatcher(compiled, terminate_without_stop_token=False)
        return all(map(matcher.accept_token, ids)) and matcher.accept_token(self.end)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    work = tmp_path_factory.mktemp("grammars")
    return cache(lambda name: Engines(Wire(name, work)))


def printed(wire):
    choices, found = Seeded(f"engines {wire.name}"), []
    for _ in range(2000):
        try:
            one = wire.subject.print(answer(choices, wire.domain))
        except Refused:
            continue
        said = one.conversation.messages[-1]
        values = [call["function"]["arguments"] for call in said.get("tool_calls") or ()]
        texts = [said.get("content"), said.get("reasoning_content"), *values]
        given = json.dumps(texts, ensure_ascii=False)
        plain = not any(marker in given for marker in wire.domain.markers)
        if one.conversation.tools and plain and wire.carries(one.text):
            found.append(one)
        if len(found) == PRINTED:
            break
    assert len(found) == PRINTED
    assert any(one.conversation.messages[-1].get("tool_calls") for one in found)
    return found


@pytest.mark.parametrize("target", ["lark", "gbnf", "structural_tag"])
def test_law_6_an_engine_takes_every_printed_answer(target, calling_adapter, engines):
    made = engines(calling_adapter)
    for one in printed(made.wire):
        said = one.conversation.messages[-1]
        forced = bool(said.get("tool_calls")) and not said["content"]
        tools = [
            {**tool, "function": {**tool["function"], "strict": False}}
            for tool in one.conversation.tools
        ]
        choice = "required" if forced else "auto"
        ids = made.wire.encode(one.text)
        request = {"tools": tools, "tool_choice": choice, "prompt": one.prompt}
        assert made.takes(target, ids, **request), (choice, one.text)


def test_every_structural_tag_is_one_that_xgrammar_takes():
    tools = [
        {**tool, "function": {**tool["function"], "description": "", "strict": True}}
        for tool in SMALL_TOOLS
    ]
    wrong = []
    for name in chatadapters.names():
        adapter = chatadapters.load(name)
        for choice in ("auto", "required") if adapter.declaration.limits.calls != 0 else ():
            text = adapter.emit("structural_tag", tools=tools, tool_choice=choice)
            try:
                xgrammar.Grammar.from_structural_tag(xgrammar.StructuralTag.from_json(text))
            except RuntimeError as error:
                wrong.append(f"{name}, {choice}: {error}")
    assert not wrong, wrong


OPTIONAL = {
    "type": "object",
    "properties": {"first": {"type": "integer"}, "free": {"type": "object"}, "flag": {}},
}


@pytest.mark.parametrize("target", ["lark", "gbnf", "structural_tag"])
def test_what_may_be_left_out_is_left_out_before_what_calls_itself(target, engines):
    """llguidance's lexer never goes back: it must not begin an optional part that is not there."""
    made = engines("qwen3")
    tools = [{"type": "function", "function": {"name": "f", "parameters": OPTIONAL}}]
    for given in ({"free": {"a": [1]}}, {"first": 1, "flag": None}, {"flag": {}}, {}, {"first": 2}):
        call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": given}}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
        text = made.wire.adapter.output([{"role": "user", "content": "Hi"}, message], tools)
        request = {"tools": tools, "tool_choice": "required", "prompt": ""}
        assert made.takes(target, made.wire.encode(text), **request), text


def test_law_6_a_random_model_under_a_token_mask_makes_calls_that_fit(calling_adapter, engines):
    """Each next token is any one that llguidance's mask allows: weights without sense."""
    made = engines(calling_adapter)
    wire, draw = made.wire, random.Random(f"weights of {calling_adapter}")
    prompt = wire.adapter.render_template([{"role": "user", "content": "Hello"}], SMALL_TOOLS)
    request = {"tools": SMALL_TOOLS, "tool_choice": "required", "prompt": prompt}
    request |= {"parallel_tool_calls": False, "reasoning": False}
    for _ in range(DRAWN):
        matcher, ids = made.lark(**request), list[int]()
        while len(ids) < LONGEST:
            mask = matcher.compute_bitmask()
            bits = numpy.unpackbits(numpy.frombuffer(mask, numpy.uint8), bitorder="little")
            (allowed,) = bits[: made.size].nonzero()
            assert len(allowed), (wire.decode(ids), matcher.get_error())
            token = int(draw.choice(allowed))
            if token == made.end:
                break
            assert matcher.consume_token(token), matcher.get_error()
            ids.append(token)
            if matcher.is_stopped():
                break
        text = wire.decode(ids)
        read = wire.adapter.shape["after"] if wire.adapter.shape["reasoning"] else ""
        message = wire.adapter.parse(f"{read}{text}", tools=SMALL_TOOLS, prompt="")
        (call,) = message.tool_calls
        assert call.status == "complete", text
        jsonschema.validate(call.value(), SMALL)
