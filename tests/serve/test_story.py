"""The program of the user's story, unchanged, against `vllm serve` with our two files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatadapters.verify.conversations import Conversation
from tests.serve.proxy import proxy
from tests.serve.wire import ROOT, call

STORY = Path(__file__).with_name("story.py")
CITIES = ("San Francisco, CA", "Tokyo", "Paris")
SAID = "It is 22 degrees in all three."


def forced(wire):
    """Return what the proxy adds: calls for three cities first, an answer after their results."""

    def change(body):
        asked = [
            call("get_current_weather", number, location=city, unit="celsius")
            for number, city in enumerate(CITIES)
        ]
        history = [m for m in body["messages"] if m["role"] == "user"]
        answer = {"role": "assistant", "content": "", "tool_calls": asked}
        if any(m["role"] == "tool" for m in body["messages"]):
            answer = {"role": "assistant", "content": SAID}
        sample = Conversation([*history, answer], body["tools"], False)
        return {
            "structured_outputs": {"choice": [wire.subject.print(sample).text]},
            "logit_bias": wire.bias,
        }

    return change


def run(base_url):
    done = subprocess.run(
        [sys.executable, str(STORY)],
        env={**os.environ, "BASE_URL": base_url},
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("engine", ["chatglm3"], indirect=True)
def test_the_program_of_the_story_runs_unchanged(engine, note):
    with proxy(engine.server.url, forced(engine.wire)) as (url, seen):
        first, second = run(f"{url}/v1")
    calls = first["message"]["tool_calls"]
    assert [c["function"]["name"] for c in calls] == ["get_current_weather"] * 3
    assert [json.loads(c["function"]["arguments"]) for c in calls] == [
        {"location": city, "unit": "celsius"} for city in CITIES
    ]
    assert len({c["id"] for c in calls}) == 3
    assert first["finish_reason"] == "tool_calls"
    assert second["message"]["content"] == SAID
    assert not second["message"]["tool_calls"]
    assert second["finish_reason"] == "stop"
    roles = [message["role"] for message in seen[1]["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "tool"]
    note("story: the SDK program of the story gave three calls, then an answer to their results")
