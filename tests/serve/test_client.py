"""The client wrapper, against the same model served without any tool flags."""

import json
import os
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from chatadapters import client
from tests.serve import replies
from tests.serve import wire as wires
from tests.serve.proxy import proxy
from tests.serve.table import calling
from tests.serve.test_modes import quiet
from tests.serve.test_story import CITIES, SAID, forced
from tests.serve.wire import ROOT, TOOLS, Wire

MODES = ("messages", "completions")
plain_server = pytest.mark.parametrize("plain", ["plain"], indirect=True)
WRAPPED = Path(__file__).with_name("story_wrapped.py")


@pytest.fixture(scope="module")
def wire_of(tmp_path_factory):
    """Return an adapter's wire; nothing of it is served here."""
    work = tmp_path_factory.mktemp("client")
    known = {}
    return lambda name: known.setdefault(name, Wire(name, work))


@plain_server
def test_the_server_refuses_tools_by_itself(plain):
    with pytest.raises(openai.BadRequestError):
        replies.client(plain.url).chat.completions.create(
            model="plain", messages=wires.HELLO, tools=TOOLS, tool_choice="auto", max_tokens=1
        )


def kinds(wire):
    """Give two answers of a format: one with odd values, one with as many calls as it carries."""
    found = wires.messages(wire)
    yield found["nasty"]
    yield found.get("several calls", found["call"])


@plain_server
@pytest.mark.parametrize("mode", MODES)
def test_wrapped_the_sdk_gives_back_what_the_model_says(plain, wire_of, mode, note):
    """All adapters at once: to this server they are one model."""
    wrong, jobs, answers = [], [], []
    for name in calling():
        wire = wire_of(name)
        options = quiet(wire)
        sdk = client.wrap(replies.client(plain.url), name, mode=mode, options=options)
        for message in kinds(wire):
            printed = wires.printed(wire, message, **options)
            body = {
                "model": "plain",
                "messages": wires.HELLO,
                "tools": TOOLS,
                "max_tokens": len(wire.encode(printed.text)) + 400,
                "seed": 1,
                "extra_body": {"structured_outputs": {"choice": [printed.text]}},
            }
            jobs.append(lambda sdk=sdk, body=body: replies.pair(sdk, **body))
            answers.append((name, printed, wire.read(printed.text, TOOLS, printed.prompt)))
    for (name, printed, wanted), pair in zip(answers, replies.together(jobs), strict=True):
        for reply in pair:
            got = {key: reply.said()[key] for key in wanted}
            if got != wanted or reply.finish != "tool_calls":
                wrong.append(f"{name}: {printed.text!r} is {wanted}, the client says {got}")
            if not reply.usage.get("completion_tokens"):
                wrong.append(f"{name}: no usage: {reply.usage}")
        if problem := replies.split_problem(*pair):
            wrong.append(f"{name}: {problem}")
    note(f"client, {mode}: {len(answers)} answers, whole and streamed, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:6])


@plain_server
def test_wrapped_without_tools_nothing_is_different(plain):
    sdk = replies.client(plain.url)
    bare, wrapped = (
        replies.ask(
            one, False, model="plain", messages=wires.HELLO, max_tokens=16, temperature=0, seed=1
        )
        for one in (sdk, client.wrap(sdk, "chatglm3"))
    )
    assert bare.said() == wrapped.said()
    assert bare.content


@plain_server
def test_the_program_of_the_story_runs_wrapped(plain, wire_of, note):
    with proxy(plain.url, forced_without_tools(wire_of("chatglm3"))) as (url, seen):
        done = subprocess.run(
            [sys.executable, str(WRAPPED)],
            env={**os.environ, "BASE_URL": f"{url}/v1", "ADAPTER": "chatglm3"},
            capture_output=True,
            text=True,
            timeout=240,
            cwd=ROOT,
        )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    asked = [json.loads(c["function"]["arguments"]) for c in first["message"]["tool_calls"]]
    assert asked == [{"location": city, "unit": "celsius"} for city in CITIES]
    assert first["finish_reason"] == "tool_calls"
    assert second["message"]["content"] == SAID
    assert not any(key in body for body in seen for key in ("tools", "tool_choice"))
    note("story: wrapped, the same program gave the same against the server without tool flags")


def forced_without_tools(wire):
    """Return what the proxy adds where no tools and no tool messages arrive any more."""
    inner, turns = forced(wire), []

    def change(body):
        turns.append(body)
        tool = {"role": "tool", "tool_call_id": "x", "content": "22"}
        history = [{"role": "user", "content": "Hi"}, *([tool] if len(turns) > 1 else [])]
        tools = [{"type": "function", "function": {"name": "get_current_weather"}}]
        return {**inner({"messages": history, "tools": tools}), "logit_bias": None}

    return change


@pytest.mark.parametrize("engine", ["mistral_v3"], indirect=True)
def test_class_19_a_completion_begins_with_one_bos(engine):
    """This model's tokenizer adds a BOS where it is not told not to; the prompt has one."""
    wire = engine.wire
    extra = {"return_token_ids": True, "structured_outputs": {"choice": ["Hello."]}}
    with proxy(engine.server.url, lambda body: {}) as (url, seen):
        wrapped = client.wrap(replies.client(url), wire.name, mode="completions")
        wrapped.chat.completions.create(
            model=wire.name, messages=wires.HELLO, tools=TOOLS, max_tokens=16, extra_body=extra
        )
    status, found = engine.post("/v1/completions", seen[0])
    assert status == 200, found
    bos = wire.tokenizer.token_to_id(wire.adapter.declaration.tokens["bos_token"])
    ids = found["choices"][0]["prompt_token_ids"]
    assert ids[0] == bos
    assert ids.count(bos) == 1
