"""The ollama target: the Go template prints what the compiled Jinja template prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from gotpl import Environment
from jinja2 import TemplateError

import chatadapters
from chatadapters.emit.ollama import Unsayable, losses, modelfile
from chatadapters.render import environment
from tests.strategies import subject

GOLDEN = Path(__file__).parent / "ollama"
SOME = (
    *("hermes", "llama3_json", "granite4", "glm47", "xlam2", "llama3", "minimax_m1", "dots"),
    *("grug", "bielik", "plamo3"),
)
THINKING = {"glm47", "grug", "bielik", "plamo3"}  # of these; they print past reasoning
ONE_CALL = {"llama3_json"}  # of these; a conversation with two calls in a message is left out
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
CALL = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Rome"}}}
SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "What is the weather?"}
ASKED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "Sunny.", "name": "get_weather"}
SAID = {"role": "assistant", "content": "It is sunny."}
THOUGHT = {**ASKED, "reasoning_content": "Only a tool knows."}
SAW = {**SAID, "reasoning_content": "The tool says so."}
CONVERSATIONS = (
    ([USER], None),
    ([SYSTEM, USER], None),
    ([SYSTEM, USER, SAID, USER], None),
    ([SYSTEM, USER], TOOLS),
    ([USER, ASKED, RESULT], TOOLS),
    ([SYSTEM, USER, {**ASKED, "tool_calls": [CALL, CALL]}, RESULT, RESULT, SAID, USER], TOOLS),
    ([USER, THOUGHT, RESULT], TOOLS),
    ([USER, THOUGHT, RESULT, SAW, USER], TOOLS),
    ([USER, SAW, USER, THOUGHT, RESULT], TOOLS),
)


class Struct(dict[str, Any]):
    """A Go struct: its fields, and the JSON that it is in Go."""

    plain: Any

    @classmethod
    def of(cls, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        made = cls({key.capitalize(): cls.of(value) for key, value in plain.items()})
        made.plain = plain
        return made


def plain_of(value: Any) -> Any:
    return value.plain if isinstance(value, Struct) else value


def go_json(value: Any, **_: Any) -> str:
    several = isinstance(value, list)
    plain = [plain_of(one) for one in value] if several else plain_of(value)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def in_go(text: str, messages: list[Any], tools: Any) -> str:
    """Return what Ollama prints of a Modelfile's template."""
    found = re.search(r'^TEMPLATE """(.*?)"""$', text, re.DOTALL | re.MULTILINE)
    assert found
    functions = {"json": lambda value: go_json(value), "currentDate": lambda: "2026-01-02"}
    engine = Environment(functions=functions)
    told = [
        {
            "Role": message["role"],
            "Content": message["content"],
            "Thinking": message.get("reasoning_content", ""),
            "ToolName": message.get("name", ""),
            "ToolCalls": [
                {"Function": {"Name": f["name"], "Arguments": f["arguments"]}}
                for f in (call["function"] for call in message.get("tool_calls", ()))
            ],
        }
        for message in messages
    ]
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    known = {"Messages": told, "Tools": [Struct.of(tool) for tool in tools or ()]}
    known |= {"System": system, "Think": False, "IsThinkSet": False, "Response": ""}
    return str(engine.from_string(found.group(1)).render(known))


def in_jinja(adapter: Any, messages: list[Any], tools: Any) -> str:
    """Return what the compiled template prints, with JSON as Go prints it."""
    engine = environment()
    engine.filters["tojson"] = go_json
    tokens = {**adapter.declaration.tokens, "bos_token": ""}
    compiled = engine.from_string(adapter.template())
    return compiled.render(messages=messages, tools=tools, add_generation_prompt=True, **tokens)


@pytest.mark.parametrize("name", SOME)
def test_it_prints_what_the_jinja_template_prints(name: str) -> None:
    adapter = subject(name).adapter
    text = adapter.emit("ollama")
    left_out, thoughts = 0, 0
    for messages, tools in CONVERSATIONS:
        if name in ONE_CALL and any(len(m.get("tool_calls", ())) > 1 for m in messages):
            left_out += 1
            with pytest.raises(TemplateError, match="one tool call in a message"):
                in_jinja(adapter, messages, tools)
            continue
        printed = in_go(text, messages, tools)
        assert printed == in_jinja(adapter, messages, tools)
        thoughts += THOUGHT["reasoning_content"] in printed
    assert left_out == (name in ONE_CALL)
    assert bool(thoughts) is (name in THINKING)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.modelfile")), ids=lambda path: path.stem)
def test_golden_files(path: Path) -> None:
    assert subject(path.stem).adapter.emit("ollama") == path.read_text(encoding="utf-8")


def test_there_are_golden_files() -> None:
    assert len(list(GOLDEN.glob("*.modelfile"))) >= 3


def test_what_go_templates_lack_is_quoted() -> None:
    declaration = subject("hermes").adapter.declaration
    text = declaration.output.text.replace("call.arguments | json", "call.arguments | python")
    output = declaration.output.model_copy(update={"text": text})
    with pytest.raises(Unsayable) as raised:
        modelfile(declaration.model_copy(update={"output": output}))
    said = str(raised.value)
    assert "output.text, line 3: Ollama's templates have nothing for the codec `python`" in said
    assert "{{ call.arguments | python }}" in said


def test_what_is_lost_is_said() -> None:
    found = losses(chatadapters.load("llama3_json").declaration)
    assert any("JSON is printed as Go prints it" in said for said in found)
    assert any("trims" in said for said in found)
    assert any("left to Ollama's tokenizer" in said for said in found)


def test_braces_and_quotes_of_a_format_are_kept() -> None:
    declaration = subject("hermes").adapter.declaration
    user = 'a {{ "{{" }} b """ {{ content }}'
    prompt = declaration.prompt.model_copy(update={"user": user})
    made = chatadapters.Adapter(declaration.model_copy(update={"prompt": prompt}))
    text = modelfile(made.declaration)
    assert in_go(text, [USER], None) == in_jinja(made, [USER], None)
    assert 'a {{ b """ What is' in in_jinja(made, [USER], None)
