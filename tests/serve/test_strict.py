"""A real engine under auto with strict tools: the grammar sleeps until the model begins a call."""

import pytest

from chatadapters.verify.choices import cuts
from tests.serve import wire as wires
from tests.serve.replies import split_problem, together
from tests.serve.table import calling
from tests.serve.tasks import ALARM, TASKS, WEATHER
from tests.serve.test_modes import ROOM, generated, is_cut, quiet

each_adapter = pytest.mark.parametrize("engine", calling(), indirect=True)
SAID = "I look it up."


def begins(wire, tool, key, value):
    """Return how an answer with a call of a tool begins, up to its first argument's name."""
    asked = wires.call(tool["function"]["name"], **{key: value})
    content = SAID if wire.domain.content_with_calls else ""
    message = {"role": "assistant", "content": content, "tool_calls": [asked]}
    text = wires.printed(wire, message, [tool], **quiet(wire)).text
    return text[: text.index(key)]


@each_adapter
def test_class_13_once_the_model_begins_a_call_its_arguments_fit(engine):
    """Markers as ids and spelled in pieces: the trigger is text, whatever the tokens."""
    wire, wrong, bodies = engine.wire, [], []
    hour, city = (ALARM, "hour", 7), (WEATHER, "city", "Rome")
    for (tool, key, value), whole in ((hour, True), (city, True), (hour, False)):
        opening = wire.encode(begins(wire, tool, key, value), whole=whole)
        extra = {"vllm_xargs": {"opening": opening}, "chat_template_kwargs": quiet(wire)}
        bodies.append(
            engine.body(
                [{"role": "user", "content": TASKS[0][0]}],
                tools=[ALARM, WEATHER],
                parallel_tool_calls=False,
                temperature=0.7,
                max_tokens=ROOM,
                extra_body=extra,
            )
        )
    ended = 0
    for body, replies in zip(
        bodies, together([lambda b=b: engine.pair(**b) for b in bodies]), strict=True
    ):
        for reply in replies:
            if problem := generated(wire, reply, body["tools"], body["tools"]):
                wrong.append(problem)
            elif not reply.calls:
                wrong.append(f"no call in {wire.decode(reply.ids)!r}")
            ended += not is_cut(reply)
        same = replies[0].ids == replies[1].ids and not is_cut(replies[0])
        if same and (problem := split_problem(*replies)):
            wrong.append(problem)
    assert not wrong, "\n".join(wrong[:6])
    assert ended >= len(bodies), "most of these calls were cut by max_tokens"


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
