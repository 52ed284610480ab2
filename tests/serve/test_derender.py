"""Engine-less server: the tokens of printed answers give the message back, whole and streamed."""

import pytest

from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import Refused, Unreachable
from tests.serve import wire as wires
from tests.serve.replies import split_problem
from tests.serve.wire import HELLO, NAMES, TOOLS

THOUGHT = 'They say "hello".\nSo do I: {"a": 1}'
SIZES = (1, 3, 1000)  # tokens in a delta: one, some, all
each_adapter = pytest.mark.parametrize("render", NAMES, indirect=True)


def thoughtful(wire):
    """Give answers with reasoning before them, where the prompt allows any."""
    if not wire.domain.reasoning:
        return
    options = [{}, *({name: True} for name in wire.adapter.declaration.options)]
    for kind, message in wires.messages(wire).items():
        for chosen in options:
            try:
                yield kind, wires.printed(wire, {**message, "reasoning_content": THOUGHT}, **chosen)
            except Unreachable:
                continue
            break


def answers(wire):
    """Give answers of every kind that the format carries, and generated ones."""
    for kind, message in wires.messages(wire).items():
        try:
            yield kind, wires.printed(wire, message)
        except Refused as error:
            raise AssertionError(f"{wire.name} refuses {kind}: {error}") from None
    for kind, printed in thoughtful(wire):
        yield f"reasoning, {kind}", printed
    choices = Seeded(f"derender {wire.name}")
    for number in range(8):
        printed = wire.subject.good(choices)
        if wire.carries(printed.prompt + printed.text):
            yield f"generated {number}", printed


def request(served, printed):
    sample = printed.conversation
    body = {"model": served.name, "messages": served.as_sent(sample.messages[:-1])}
    choice = "none" if served.wire.domain.calls == 0 else "auto"
    body |= {"tools": sample.tools, "tool_choice": choice} if sample.tools else {}
    return body | ({"chat_template_kwargs": sample.options} if sample.options else {})


@each_adapter
def test_the_tokens_of_a_printed_answer_give_the_message_back(render):
    wire, wrong, kinds = render.wire, [], []
    for kind, printed in answers(wire):
        body = request(render, printed)
        status, found = render.prompt(body)
        assert status == 200, found
        prompt = found["token_ids"]
        stop = wire.tokenizer.token_to_id(wire.adapter.declaration.stop[0])
        ids = [*wire.encode(printed.text), stop]
        whole = render.derender(body, prompt, ids)
        wanted = wire.read(printed.text, printed.conversation.tools, printed.prompt)
        if (got := {key: whole.said()[key] for key in wanted}) != wanted:
            wrong.append(f"{kind}: {printed.text!r} is {wanted}, the server says {got}")
        whole.finish = "tool_calls" if whole.calls else "stop"  # whole, it is left as it was given
        for size in SIZES if len(ids) < 80 else SIZES[1:]:
            streamed = render.derender_stream(body, prompt, ids, size)
            if problem := split_problem(whole, streamed):
                wrong.append(f"{kind}, {size} tokens at a time: {problem} of {printed.text!r}")
        kinds.append(kind)
    assert not wrong, "\n".join(wrong[:8])
    assert set(wires.messages(wire)) <= set(kinds)


@each_adapter
def test_class_11_required_and_named_reach_the_engine_as_a_grammar(render):
    """The engine-less server shows what it would send to the engine."""
    wire = render.wire
    if wire.domain.calls == 0:
        return
    body = {"model": wire.name, "messages": HELLO, "tools": TOOLS}
    named = {"type": "function", "function": {"name": "ping"}}
    for choice in ("required", named):
        status, found = render.prompt({**body, "tool_choice": choice})
        assert status == 200, found
        grammar = found["sampling_params"].get("structured_outputs") or {}
        assert "structural_tag" in grammar, f"{choice}: {found['sampling_params']}"
    for choice in ("auto", "none"):
        status, found = render.prompt({**body, "tool_choice": choice})
        assert status == 200, found
        assert not found["sampling_params"].get("structured_outputs"), choice


@each_adapter
def test_markers_stay_in_the_text_that_the_parser_reads(render):
    """vLLM drops special tokens from the text unless told otherwise."""
    wire = render.wire
    if wire.domain.calls == 0:
        return
    _, found = render.prompt({"model": wire.name, "messages": HELLO, "tools": TOOLS})
    assert found["sampling_params"]["skip_special_tokens"] is False
