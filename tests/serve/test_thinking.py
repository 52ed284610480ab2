"""A real engine and reasoning: it comes apart from the content, and grammars begin after it."""

import pytest

import chatadapters
from chatadapters.verify.domain import domain
from chatadapters.verify.laws import Unreachable
from tests.serve import wire as wires
from tests.serve.replies import schema_problem, split_problem, together
from tests.serve.table import calling
from tests.serve.tasks import TASKS

THINKING = [name for name in calling() if domain(chatadapters.load(name)).reasoning]
THOUGHT = 'They ask "hello".\n\nI answer: {"a": 1} — Zürich'
BUDGET = 12  # tokens of reasoning
each_adapter = pytest.mark.parametrize("engine", THINKING, indirect=True)


def thoughtful(wire, message):
    """Return an answer with reasoning, after a prompt to which it can be the answer."""
    for options in ({}, *({name: True} for name in wire.adapter.declaration.options)):
        try:
            return wires.printed(wire, {**message, "reasoning_content": THOUGHT}, **options)
        except Unreachable:
            continue
    raise AssertionError(f"{wire.name}: no prompt lets the model reason")


@each_adapter
def test_reasoning_content_and_calls_come_apart(engine):
    """The model writes the whole answer itself; no grammar is in the way."""
    wire, wrong = engine.wire, []
    answers = [(k, thoughtful(wire, m)) for k, m in wires.messages(wire).items()]

    def job(printed):
        body = engine.force(printed)
        ids = wire.encode(printed.text)
        body["extra_body"] = {k: v for k, v in body["extra_body"].items() if k.startswith("chat")}
        body["extra_body"]["vllm_xargs"] = {"opening": ids + wire.encode(wire.end)}
        return engine.pair(**body)

    for (kind, printed), replies in zip(
        answers, together([lambda p=p: job(p) for _, p in answers]), strict=True
    ):
        wanted = wire.read(printed.text, printed.conversation.tools, printed.prompt)
        assert wanted["reasoning"] == THOUGHT
        for reply in replies:
            got = {key: reply.said()[key] for key in wanted}
            if got != wanted:
                wrong.append(f"{kind}: {printed.text!r} is {wanted}, the server says {got}")
        if problem := split_problem(*replies):
            wrong.append(f"{kind}: {problem} of {printed.text!r}")
    assert not wrong, "\n".join(wrong[:6])


def framing(wire):
    """Return a prompt's options, what opens the reasoning in the answer, and what closes it."""
    content = "Yes."
    printed = thoughtful(wire, {"role": "assistant", "content": content})
    opening, _, rest = printed.text.partition(THOUGHT)
    return printed.conversation.options, opening, rest.removesuffix(content)


def thinking_body(engine, opening, options, **more):
    """Return a request whose answer begins with real reasoning, ended by its budget."""
    extra = {
        "thinking_token_budget": BUDGET,
        "min_tokens": BUDGET + 10,  # so that the model does not end its turn while it thinks
        "chat_template_kwargs": options,
    }
    if opening:
        extra["vllm_xargs"] = {"opening": engine.wire.encode(opening)}
    return engine.body(extra_body={**extra, **more.pop("extra", {})}, **more)


@each_adapter
@pytest.mark.parametrize("mode", ["required", "named"])
def test_class_11_a_call_that_must_be_made_comes_after_the_reasoning(engine, mode):
    wire, wrong = engine.wire, []
    options, opening, _ = framing(wire)
    tasks = TASKS[:2]
    bodies = []
    for prompt, tools, named in tasks:
        choice = {"type": "function", "function": {"name": named["function"]["name"]}}
        bodies.append(
            thinking_body(
                engine,
                opening,
                options,
                messages=[{"role": "user", "content": prompt}],
                tools=tools,
                tool_choice=choice if mode == "named" else mode,
            )
        )
    found = together([lambda b=b: engine.pair(**b) for b in bodies])
    for (_, tools, named), replies in zip(tasks, found, strict=True):
        for reply in replies:
            text = wire.decode(reply.ids)
            if not (reply.reasoning or "").strip():
                wrong.append(f"no reasoning in {text!r}")
            elif reply.problems or not reply.calls:
                wrong.append(f"no call in {text!r}: {reply}")
            elif reply.finish != "length":
                allowed = [named] if mode == "named" else tools
                if problem := schema_problem(reply.values(), allowed):
                    wrong.append(f"{problem} in {text!r}")
        if replies[0].ids == replies[1].ids and (problem := split_problem(*replies)):
            wrong.append(problem)
    assert not wrong, "\n".join(wrong[:6])


@each_adapter
def test_a_chosen_answer_after_real_reasoning(engine):
    wire, wrong = engine.wire, []
    options, opening, closing = framing(wire)
    marker = closing.strip()
    bodies, wanted = [], []
    for kind, message in wires.messages(wire).items():
        printed = thoughtful(wire, message)
        rest = printed.text.partition(THOUGHT)[2].partition(marker)[2]
        bodies.append(
            thinking_body(
                engine,
                opening,
                options,
                tools=wires.TOOLS,
                tool_choice="auto",
                max_tokens=len(wire.encode(rest)) + 400,
                extra={"structured_outputs": {"choice": [rest]}},
            )
        )
        read = wire.read(printed.text, printed.conversation.tools, printed.prompt)
        wanted.append((kind, {key: read[key] for key in ("content", "calls")}))
    found = together([lambda b=b: engine.pair(**b) for b in bodies])
    for (kind, answer), replies in zip(wanted, found, strict=True):
        for reply in replies:
            got = {key: reply.said()[key] for key in answer}
            if got != answer or not (reply.reasoning or "").strip():
                text = wire.decode(reply.ids)
                wrong.append(f"{kind}: {text!r} is {answer}, the server says {got}")
        if replies[0].ids == replies[1].ids and (problem := split_problem(*replies)):
            wrong.append(f"{kind}: {problem}")
    assert not wrong, "\n".join(wrong[:6])
