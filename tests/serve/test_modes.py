"""A real engine with real weights: each adapter, every tool choice, whole and streamed.

Under auto the model is made to give a chosen answer; under the other choices it generates.
"""

import json
from collections import Counter

import pytest

from chatadapters.emit.shape import shape
from chatadapters.verify.choices import Seeded
from chatadapters.verify.laws import Refused
from tests.serve import wire as wires
from tests.serve.replies import pair, schema_problem, split_problem, together
from tests.serve.table import WAYS, calling
from tests.serve.tasks import TASKS

each_adapter = pytest.mark.parametrize("engine", calling(), indirect=True)
ROOM = 160  # tokens: enough for these tools, not for a model that goes on and on
LONGEST = 160  # tokens of a generated answer


def answers(wire, count):
    """Give answers of every kind that the format carries, and ``count`` generated ones."""
    for kind, message in wires.messages(wire).items():
        try:
            yield kind, wires.printed(wire, message, **quiet(wire))
        except Refused as error:
            raise AssertionError(f"{wire.name} refuses {kind}: {error}") from None
    choices, number = Seeded(f"engine {wire.name}"), 0
    while number < count:
        sample = wire.subject.good(choices).conversation
        answer = sample.messages[-1]
        if answer.get("reasoning_content") or (answer.get("tool_calls") and not sample.tools):
            continue
        sample.options.update(quiet(wire))
        try:
            printed = wire.subject.print(sample)
        except Refused:
            continue
        short = len(wire.encode(printed.text)) <= LONGEST
        if short and wire.carries(printed.prompt + printed.text):
            yield f"generated {number}", printed
            number += 1


def quiet(wire):
    """Return the options under which a prompt leaves no reasoning to be done, if there are any."""
    names = ("enable_thinking", "thinking")
    return {name: False for name in names if name in wire.adapter.declaration.options}


def resolved(wire):
    """Return what keeps a model from reasoning where its prompt leaves that to the model.

    One that was not trained to reason goes on until the end once it has begun.
    """
    marks = shape(wire.adapter)["reasoning"]
    prompt = wire.adapter.render(wires.HELLO, wires.TOOLS, **quiet(wire))
    if marks is None or wire.settled(prompt):
        return {}
    opening = marks["open"].strip()
    tokens = wire.tokenizer.get_vocab()
    return {
        "logit_bias": {str(id): -100 for text, id in tokens.items() if opening.startswith(text)}
    }


def ends(reply, mode):
    """Return what is wrong with how an answer ended, or None."""
    wanted = "tool_calls" if reply.calls and mode != "named" else "stop"
    wanted = "length" if mode != "auto" and is_cut(reply) else wanted
    return None if reply.finish == wanted else f"finish_reason {reply.finish!r}, not {wanted!r}"


def ids_problem(wire, reply):
    ids = [call["id"] for call in reply.calls]
    if any(not one for one in ids) or len(set(ids)) != len(ids):
        return f"ids {ids}"
    return None


@each_adapter
def test_auto_gives_back_what_the_model_says(engine, cell, request):
    wire, wrong = engine.wire, []
    tried = list(answers(wire, request.config.getoption("answers")))
    # Once with the markers' own ids, once with the markers spelled in pieces.
    tried = [(k, p, i) for k, p in tried for i in (True, False) if i or k in ("call", "content")]
    jobs = [lambda p=p, i=i: pair(engine.sdk, **engine.force(p, ids=i)) for _, p, i in tried]
    right = dict.fromkeys(WAYS, 0)
    for (kind, printed, ids), replies in zip(tried, together(jobs), strict=True):
        where = f"{kind}{'' if ids else ', markers in pieces'}: {printed.text!r}"
        tools, text = printed.conversation.tools, printed.text
        if ids and not wire.keeps_markers(tools):
            text = wire.decode(wire.encode(text), special=False)
        wanted = wire.read(text, tools, printed.prompt)
        for way, reply in zip(right, replies, strict=True):
            text = wire.decode(wire.without_end(reply.ids))
            if text != printed.text:
                wrong.append(f"{where}: the model said {text!r}")
                continue
            got = {key: reply.said()[key] for key in wanted}
            problem = ends(reply, "auto") or ids_problem(wire, reply)
            if got != wanted or problem:
                wrong.append(f"{where} is {wanted}, {way} it is {got}; {problem}")
            else:
                right[way] += 1
        if problem := split_problem(*replies):
            wrong.append(f"{where}: {problem}")
    for way, count in right.items():
        cell(wire.name, "auto", way, count, len(tried))
    assert not wrong, "\n".join(wrong[:6])


@each_adapter
def test_calls_that_must_be_made_fit_their_schema(engine, cell, request):
    wire, wrong = engine.wire, []
    options = quiet(wire)
    count = min(request.config.getoption("prompts"), len(TASKS))
    asked = [(mode, number) for mode in ("required", "named") for number in range(count)]

    def body(mode, number):
        prompt, tools, named = TASKS[number]
        choice = {"type": "function", "function": {"name": named["function"]["name"]}}
        return engine.body(
            [{"role": "user", "content": prompt}],
            tools=tools,
            tool_choice=choice if mode == "named" else mode,
            parallel_tool_calls=not is_single(number),
            temperature=0.7,
            seed=number,
            max_tokens=ROOM,
            extra_body={"chat_template_kwargs": options, **resolved(wire)},
        )

    found = together([lambda one=one: pair(engine.sdk, **body(*one)) for one in asked])
    right, cut, tried = Counter(), Counter(), Counter()
    for (mode, number), replies in zip(asked, found, strict=True):
        _, tools, named = TASKS[number]
        allowed = [named] if mode == "named" else tools
        modes = [mode, "one call"] if is_single(number) else [mode]
        for way, reply in zip(WAYS, replies, strict=True):
            problem = generated(wire, reply, tools, allowed) or ends(reply, mode)
            if is_single(number) and len(reply.calls) > 1:
                problem = problem or f"{len(reply.calls)} calls, though one was wanted"
            if problem:
                wrong.append(f"{mode}, task {number}, {way}: {problem}")
            for one in modes:
                tried[one, way] += 1
                right[one, way] += not problem
                cut[one, way] += not problem and is_cut(reply)
        # The same seed draws the same tokens unless the batch rounds otherwise.
        if replies[0].ids == replies[1].ids and (problem := split_problem(*replies)):
            wrong.append(f"{mode}, task {number}: {problem}")
    for mode in ("required", "named", "one call"):
        for way in WAYS:
            cell(wire.name, mode, way, right[mode, way], tried[mode, way], cut_of(cut[mode, way]))
    assert not wrong, "\n".join(wrong[:6])
    ended = sum(cut[mode, way] for mode in ("required", "named") for way in WAYS)
    assert ended <= len(asked), f"{ended} of {2 * len(asked)} calls were cut by max_tokens"


def is_single(number):
    """Tell whether one call is asked for: a small model calls and calls."""
    return number % 3 != 2


def cut_of(count):
    return f"({count} cut)" if count else ""


def is_cut(reply):
    """Tell whether max_tokens ended an answer: a whole one under auto does not say so."""
    return len(reply.ids) >= ROOM


def generated(wire, reply, tools, allowed):
    """Return what is wrong with an answer that had to call, or None. A cut call may be anything."""
    text = wire.decode(wire.without_end(reply.ids))
    if reply.problems:
        return f"{reply.problems[:2]} in {text!r}"
    wanted = wire.read(text.rstrip("\ufffd"), tools, wire.decode(reply.prompt_ids))
    got = {key: reply.said()[key] for key in wanted}
    if got != wanted:
        return f"{text!r} is {wanted}, the server says {got}"
    calls = reply.calls[:-1] if is_cut(reply) else reply.calls
    if not reply.calls and not is_cut(reply):
        return f"no call in {text!r}"
    values = [(call["name"], json.loads(call["arguments"])) for call in calls]
    return schema_problem(values, allowed) or ids_problem(wire, reply)


@each_adapter
def test_none_makes_no_call(engine, cell, request):
    wire, wrong = engine.wire, []
    tasks = TASKS[: request.config.getoption("prompts")]
    plain = 'No tools today: 5 < 6, "quotes" {braces}\nand 北京.'
    options = quiet(wire)
    bodies = [
        engine.body(
            [{"role": "user", "content": prompt}],
            tools=tools,
            tool_choice="none",
            max_tokens=40,
            extra_body={"chat_template_kwargs": options},
        )
        for prompt, tools, _ in tasks
    ]
    message = {"role": "assistant", "content": plain}
    forced = engine.force(wires.printed(wire, message, **options)) | {"tool_choice": "none"}
    right = dict.fromkeys(WAYS, 0)
    found = together([lambda b=b: pair(engine.sdk, **b) for b in [*bodies, forced]])
    for replies in found:
        for way, reply in zip(right, replies, strict=True):
            if reply.calls or reply.problems or reply.finish not in ("stop", "length"):
                wrong.append(f"{way}: {reply}")
            else:
                right[way] += 1
        if replies[0].ids == replies[1].ids and (problem := split_problem(*replies)):
            wrong.append(problem)
    for reply in found[-1]:
        if reply.content != plain:
            wrong.append(f"content {reply.content!r}, not {plain!r}")
    for way, count in right.items():
        cell(wire.name, "none", way, count, len(found))
    assert not wrong, "\n".join(wrong[:6])
