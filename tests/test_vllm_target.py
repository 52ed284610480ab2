"""The plugin file and the structural tag, as far as they go without vLLM and xgrammar."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import chatadapters
from chatadapters.emit.shape import shape
from chatadapters.errors import ChatAdaptersError
from tests.strategies import NAMES

CALLING = [name for name in NAMES if chatadapters.load(name).declaration.limits.calls != 0]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_weather", "get_tides")
]
# The least of vLLM that a plugin file sees, where the newest release and where an old one keeps it.
HOST = """
import sys, types
def module(name, **names):
    made = sys.modules[name] = types.ModuleType(name)
    made.__dict__.update(names)
class Manager:
    def __init__(self): self.known = {}
    def register_module(self, name, force=True, module=None): self.known[name] = module
class Base:
    def __init__(self, tokenizer, tools=None, **more):
        self.model_tokenizer = tokenizer
        self.prev_tool_call_arr, self.streamed_args_for_tool = [], []
class Plain:
    model_fields = ("reasoning",)
    def __init__(self, **given): self.__dict__.update(given)
tools, reasoning = Manager(), Manager()
names = ("DeltaMessage", "DeltaToolCall", "DeltaFunctionCall", "ExtractedToolCallInformation",
         "ToolCall", "FunctionCall")
module("vllm", __version__="0")
module(PROTOCOL, **dict.fromkeys(names, Plain))
module(PARSERS, ToolParser=Base, ToolParserManager=tools)
module("vllm.reasoning.abs_reasoning_parsers", ReasoningParser=Base,
       ReasoningParserManager=reasoning)
source = open(sys.argv[1], encoding="utf-8").read()
for _ in range(3):
    exec(compile(source, sys.argv[1], "exec"), {"__name__": "plugin"})
print(sorted(tools.known), sorted(reasoning.known))
made = list(tools.known.values())[0](object())
tool = {"type": "function", "function": {"name": "get_weather"}}
request = Plain(tools=[tool], tool_choice="auto")
said = made.extract_tool_calls(sys.argv[2], request)
print([(c.function.name, c.function.arguments) for c in said.tool_calls], said.content)
"""
PLACES = [
    ("vllm.entrypoints.generate.base.protocol", "vllm.tool_parsers.abstract_tool_parser"),
    (
        "vllm.entrypoints.openai.protocol",
        "vllm.entrypoints.openai.tool_parsers.abstract_tool_parser",
    ),
]


def answer(adapter):
    call = {"id": "call00001", "type": "function"}
    call["function"] = {"name": "get_weather", "arguments": {"city": "Paris"}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    text = adapter.output([{"role": "user", "content": "Hello"}, message], TOOLS)
    return text.removeprefix(shape(adapter)["after"])  # the reasoning parser goes first


@pytest.mark.parametrize("name", CALLING)
@pytest.mark.parametrize("places", PLACES, ids=["new", "old"])
def test_the_plugin_registers_itself_and_reads_calls(name, places, tmp_path):
    adapter = chatadapters.load(name)
    path = tmp_path / f"{name}_vllm.py"
    path.write_text(adapter.emit("vllm"), encoding="utf-8")
    program = f"PROTOCOL, PARSERS = {places!r}\n{HOST}"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program, str(path), answer(adapter)],
        capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert ran.stderr == ""
    registered, calls = ran.stdout.splitlines()[:2]
    assert registered == f"['adapters_{name}'] ['adapters_{name}']"
    assert calls == """[('get_weather', '{"city": "Paris"}')] None"""


def test_without_vllm_the_plugin_says_so(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(chatadapters.load(NAMES[0]).emit("vllm"), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, timeout=120
    )
    reason = "this is a plugin of vLLM, which cannot be imported: No module named 'vllm'"
    assert ran.stderr.splitlines()[-1] == f"ImportError: {reason}"


def test_a_release_that_has_moved_everything_is_named(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(chatadapters.load(NAMES[0]).emit("vllm"), encoding="utf-8")
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text("__version__ = '9.9'\n")
    ran = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120)
    assert "vLLM 9.9 has no ToolParserManager where this plugin looks" in ran.stderr


@pytest.mark.parametrize("name", CALLING)
def test_a_structural_tag_says_what_it_was_asked_for(name):
    adapter = chatadapters.load(name)
    named = {"type": "function", "function": {"name": "get_tides"}}
    auto = adapter.emit("structural_tag", tools=TOOLS)
    required = adapter.emit("structural_tag", tools=TOOLS, tool_choice="required")
    forced = adapter.emit("structural_tag", tools=TOOLS, tool_choice=named)
    for text in (auto, required, forced):
        assert json.loads(text)["type"] == "structural_tag"
    assert "get_weather" in required and "get_weather" not in forced
    assert '"at_least_one": true' in required
    assert adapter.emit("structural_tag", tools=TOOLS, tool_choice="none") == "null"
    assert adapter.emit("structural_tag", tools=[]) == "null"


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("sometimes", "use auto, required, none or a named tool"),
        ({"type": "function", "function": {"name": "get_tide"}}, "get_weather, get_tides"),
        ({"type": "function"}, "names no function"),
        (7, "names no function"),
    ],
)
def test_a_wrong_tool_choice_is_refused(choice, said):
    with pytest.raises(ChatAdaptersError, match=said):
        chatadapters.load(CALLING[0]).emit("structural_tag", tools=TOOLS, tool_choice=choice)


def test_a_format_without_calls_has_no_structural_tag():
    plain = next(name for name in NAMES if name not in CALLING)
    with pytest.raises(ChatAdaptersError, match="carries no tool calls"):
        chatadapters.load(plain).emit("structural_tag", tools=TOOLS)


def test_files_take_no_request():
    with pytest.raises(ChatAdaptersError, match="the same for every request: leave out tools"):
        chatadapters.load(NAMES[0]).emit("jinja", tools=TOOLS)
