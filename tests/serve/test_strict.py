"""A real engine under auto with strict tools: the grammar sleeps until the model begins a call."""

from collections import Counter

import pytest

from chatadapters.verify.choices import cuts
from tests.serve import wire as wires
from tests.serve.replies import split_problem, together
from tests.serve.table import WAYS, calling
from tests.serve.tasks import ALARM, TASKS, WEATHER
from tests.serve.test_modes import ROOM, cut_of, generated, is_cut, quiet

each_adapter = pytest.mark.parametrize("engine", calling(), indirect=True)
SAID = "I look it up."
PLAIN = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def begins(wire, tool):
    """Return how an answer with a call of a tool begins, up to its first argument's name."""
    name, schema = tool["function"]["name"], tool["function"]["parameters"]["properties"]
    key, first = next(iter(schema.items()))
    value = first["enum"][0] if "enum" in first else PLAIN[first["type"]]
    asked = wires.call(name, **{key: value})
    content = SAID if wire.domain.content_with_calls else ""
    message = {"role": "assistant", "content": content, "tool_calls": [asked]}
    text = wires.printed(wire, message, [tool], **quiet(wire)).text
    return text[: text.index(key, text.index(name) + len(name))]


@each_adapter
def test_class_13_once_the_model_begins_a_call_its_arguments_fit(engine, cell, request):
    """Markers as ids and spelled in pieces: the trigger is text, whatever the tokens."""
    wire, wrong, bodies = engine.wire, [], []
    for number, (prompt, tools, named) in enumerate(TASKS[: request.config.getoption("prompts")]):
        having = [one for one in (named, *tools) if one["function"]["parameters"]["properties"]]
        opening = wire.encode(begins(wire, having[0]), whole=number % 3 != 2)
        extra = {"vllm_xargs": {"opening": opening}, "chat_template_kwargs": quiet(wire)}
        bodies.append(
            engine.body(
                [{"role": "user", "content": prompt}],
                tools=tools,
                parallel_tool_calls=False,
                temperature=0.7,
                seed=number,
                max_tokens=ROOM,
                extra_body=extra,
            )
        )
    right, cut = Counter(), Counter()
    found = together([lambda b=b: engine.pair(**b) for b in bodies])
    for body, replies in zip(bodies, found, strict=True):
        for way, reply in zip(WAYS, replies, strict=True):
            problem = generated(wire, reply, body["tools"], body["tools"])
            if len(reply.calls) != 1:
                problem = problem or f"{len(reply.calls)} calls in {wire.decode(reply.ids)!r}"
            if problem:
                wrong.append(f"{way}: {problem}")
            else:
                right[way] += 1
                cut[way] += is_cut(reply)
        same = replies[0].ids == replies[1].ids and not is_cut(replies[0])
        if same and (problem := split_problem(*replies)):
            wrong.append(problem)
    for way in WAYS:
        cell(wire.name, "strict", way, right[way], len(bodies), cut_of(cut[way]))
    assert not wrong, "\n".join(wrong[:6])
    assert cut.total() <= len(bodies), "most of these calls were cut by max_tokens"


@each_adapter
def test_class_13_prose_that_looks_like_a_trigger_stays_prose(engine):
    wire = engine.wire
    pieces = [piece for piece in cuts(wire.domain.markers) if piece.strip() and wire.carries(piece)]
    prose = f"{SAID} It says {' and '.join(pieces[:6])}, so the function of `name` is clear."
    printed = wires.printed(wire, {"role": "assistant", "content": prose}, **quiet(wire))
    opening = wire.encode(printed.text) + wire.encode(wire.end)
    body = engine.body(
        tools=[ALARM, WEATHER],
        max_tokens=len(opening) + 8,
        extra_body={"vllm_xargs": {"opening": opening}, "chat_template_kwargs": quiet(wire)},
    )
    first, second = engine.pair(**body)
    for reply in (first, second):
        text = wire.decode(wire.without_end(reply.ids))
        assert text == printed.text, "the grammar was in the way"
        assert not reply.calls
        assert reply.content == prose
    assert not split_problem(first, second)
