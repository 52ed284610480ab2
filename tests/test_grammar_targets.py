"""Grammars of requests as texts: what they say, what they cannot keep, and bad input."""

from __future__ import annotations

import json

import pytest

from chatadapters.cfg.matcher import accepts
from chatadapters.cfg.read_back import read_gbnf, read_lark
from chatadapters.errors import ChatAdaptersError
from tests import tiny
from tests.cli_run import adapters
from tests.grammar_cases import TREE

MADE = tiny.adapter(
    tiny.THINKING + tiny.JSON_CALLS,
    extra='special = ["<call>", "</call>", "<think>", "</think>", "[x]"]',
)
PAIRS = tiny.adapter(tiny.PAIRS)
TOOLS = [tiny.tool("get", city="string", days="integer"), tiny.tool("put", text="string")]
STRICT = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]
READ = {"gbnf": read_gbnf, "lark": read_lark}


def printed(*calls, content="", made=MADE, reasoning=""):
    return made.output(tiny.say(content, *calls, reasoning=reasoning), TOOLS)


@pytest.mark.parametrize("target", READ)
def test_a_grammar_holds_the_choice_and_the_schema(target):
    def takes(text, **request):
        return accepts(READ[target](MADE.emit(target, tools=STRICT, **request)), text)

    one = printed(tiny.call("get", {"city": 'a "b"', "days": 2}))
    two = printed(tiny.call("get", {}), tiny.call("put", {"text": "x"}))
    wrong = printed(tiny.call("get", {"days": "two"}))
    said = printed(tiny.call("get", {}), content="Hello <cal", reasoning="hm <call>")
    named = {"type": "function", "function": {"name": "put"}}
    for request in ({}, {"tool_choice": "required"}):
        assert takes(one, **request) and takes(two, **request) and not takes(wrong, **request)
        assert not takes(two, parallel_tool_calls=False, **request)
    assert takes(said) and takes("Hello") and not takes(said, tool_choice="required")
    assert not takes("Hello", tool_choice="required") and not takes(one, tool_choice=named)
    assert takes(printed(tiny.call("put", {"text": ""})), tool_choice=named)
    assert MADE.emit(target, tools=STRICT, tool_choice="none") == MADE.emit(target) == ""


def test_a_lazy_grammar_begins_with_its_trigger():
    found = json.loads(MADE.emit("gbnf", tools=TOOLS, lazy=True))
    assert found["grammar_triggers"] == [{"type": 1, "value": "<call>"}]
    assert found["grammar_lazy"] is True and "<think>" in found["preserved_tokens"]
    asleep = read_gbnf(found["grammar"])
    text = printed(tiny.call("get", {"city": "x"}), content="Hello")
    assert accepts(asleep, text[text.index("<call>") :]) and not accepts(asleep, text)
    assert MADE.emit("gbnf", tools=TOOLS, tool_choice="required", lazy=True) == "null"


def test_a_lazy_grammar_of_calls_without_a_marker_waits_for_their_first_character():
    bare = tiny.adapter(
        "{% if not calls %}{{ content }}{% endif %}{% for call in calls %}"
        '{"name": {{ call.name | json }}, "arguments": {{ call.arguments | json }}}{% endfor %}',
        extra="limits = { calls = 1, content_with_calls = false }",
    )
    found = json.loads(bare.emit("gbnf", tools=TOOLS, lazy=True))
    assert found["grammar_triggers"] == [{"type": 2, "value": "^[ \\t\\r\\n]*([\\{])"}]
    assert accepts(read_gbnf(found["grammar"]), '{"name": "get", "arguments": {}}')


def test_special_tokens_are_tokens_in_lark_and_need_an_id_where_no_name_can_stand():
    text = MADE.emit("lark", tools=STRICT, special_tokens=["<call>", "</call>"])
    assert " <call> " in text and " </call>" in text and '"</call>' not in text
    assert '"</think>"' in text
    one = "[x]{{ call.name }}({{ call.arguments | json }})"
    calls = tiny.adapter(f"{{{{ content }}}}{{% for call in calls %}}{one}{{% endfor %}}")
    assert "<[7]>" in calls.emit("lark", tools=STRICT, special_tokens={"[x]": 7})
    with pytest.raises(ChatAdaptersError, match=r"'\[x\]' can only be written with its id"):
        calls.emit("lark", tools=STRICT, special_tokens=["[x]"])


# -- what is not kept


def test_losses_name_the_tool_the_property_and_the_keyword():
    schema = {"type": "object", "properties": {"q": {"type": "string", "maxLength": 99}}}
    tool = {"type": "function", "function": {"name": "find", "parameters": schema, "strict": True}}
    note = "tool 'find': property 'q': maxLength 99 is not enforced"
    for target in ("structural_tag", "gbnf", "lark"):
        assert note in MADE.losses(target, tools=[tool])
    assert MADE.losses("gbnf", tools=STRICT) == []
    assert MADE.losses("gbnf", tools=TOOLS)[0].startswith("tool 'get': any arguments are allowed")
    assert any("written as text: <call>" in loss for loss in MADE.losses("lark", tools=STRICT))
    assert not MADE.losses("lark", tools=STRICT, special_tokens=MADE.declaration.special)
    assert "nothing is enforced" in MADE.losses("gbnf", tools=[])[0]


def test_more_repetitions_than_llama_cpp_takes_are_relaxed_and_noted():
    schema = {"type": "array", "items": {"type": "null"}, "minItems": 1, "maxItems": 5000}
    tool = tiny.tool("f", x=schema)
    note = "more than 1999 repetitions are not counted (0 to 4999 became 0 or more)"
    request = {"tools": [tool], "tool_choice": "required"}
    assert note in MADE.losses("gbnf", **request) and note not in MADE.losses("lark", **request)
    assert "4999" not in MADE.emit("gbnf", **request) and "4999" in MADE.emit("lark", **request)


# -- bad input


@pytest.mark.parametrize("target", ["structural_tag", "lark", "gbnf"])
def test_a_schema_that_is_too_large_names_the_format_the_tool_and_what_to_do(target):
    large = tiny.tool("large", **{f"p{n}": "string" for n in range(1500)})
    with pytest.raises(ChatAdaptersError, match=r"^tiny: tool 'large': .*set `strict` to false"):
        MADE.emit(target, tools=[*TOOLS, large], tool_choice="required")


@pytest.mark.parametrize("name", ["<call>", 'a"b</call>', "x<args>y", ""])
def test_a_tool_that_is_named_like_a_marker_is_refused(name):
    named = tiny.adapter(tiny.NAMED_CALLS)
    with pytest.raises(ChatAdaptersError, match=r"cannot be called in this format: .* rename it"):
        named.emit("gbnf", tools=[tiny.tool(name)])


def test_a_name_that_reads_back_is_none_of_a_marker():
    named = tiny.adapter(tiny.NAMED_CALLS)
    for name in ("call", "args", "get-it", "ünïcode"):
        grammar = read_gbnf(named.emit("gbnf", tools=[tiny.tool(name)], tool_choice="required"))
        text = printed(tiny.call(name), made=named)
        assert f"<call>{name}<args>" in text
        assert accepts(grammar, text) and not accepts(grammar, text.replace(name, "other"))


def test_a_property_that_the_format_cannot_spell_is_left_out_and_noted():
    tool = tiny.tool("f", **{"a</key><value>b": "string", "c": "string"})
    (note,) = PAIRS.losses("gbnf", tools=[tool], tool_choice="required")
    assert note.startswith("tool 'f': property 'a</key><value>b': this format cannot write its")


@pytest.mark.parametrize("target", READ)
def test_a_recursive_schema_and_200_tools_are_grammars_like_any(target):
    tree = {"type": "function", "function": {"name": "grow", "parameters": TREE}}
    deep = {"tree": {"name": "a", "kids": [{"name": "b", "kids": []}, {"name": "c"}]}}
    grammar = READ[target](MADE.emit(target, tools=[tree], tool_choice="required"))
    assert accepts(grammar, printed(tiny.call("grow", deep)))
    assert not accepts(grammar, printed(tiny.call("grow", {"tree": {"kids": [{}]}})))
    many = [tiny.tool(f"tool_{n}", **{f"p{n}": "string"}) for n in range(200)]
    grammar = READ[target](MADE.emit(target, tools=many, tool_choice="required"))
    assert accepts(grammar, printed(tiny.call("tool_199", {"p199": "x"})))
    assert not accepts(grammar, printed(tiny.call("tool_198", {"p199": "x"})))


def test_a_request_that_is_wrong_says_so():
    with pytest.raises(ChatAdaptersError, match="'gone', which is not among the tools: get, put"):
        MADE.emit("gbnf", tools=TOOLS, tool_choice={"function": {"name": "gone"}})
    with pytest.raises(ChatAdaptersError, match="use auto, required, none or a named tool"):
        MADE.emit("lark", tools=TOOLS, tool_choice="any")


# -- the command line


def test_compile_writes_grammars_and_prints_what_they_lose(tmp_path):
    file = tmp_path / "tools.json"
    schema = {"type": "object", "properties": {"q": {"type": "string", "maxLength": 99}}}
    file.write_text(json.dumps([{"name": "find", "parameters": schema}]))
    name = "qwen3"
    targets = ["-t", "gbnf", "-t", "lark", "-t", "structural_tag"]
    given = ["compile", name, "-o", tmp_path, *targets, "--tools", file]
    made = adapters(*given, "--tool-choice", "find")
    assert made.status == 0, made.err
    assert (tmp_path / f"{name}.gbnf").read_text().startswith("root ::= ")
    assert (tmp_path / f"{name}.lark").read_text().startswith("%llguidance {}\nstart: ")
    assert json.loads((tmp_path / f"{name}_structural_tag.json").read_text())["format"]
    assert not (tmp_path / f"{name}_lazy.json").exists()
    assert "gbnf loses:\n  tool 'find': property 'q': maxLength 99 is not enforced" in made.err
    (tmp_path / "tokenizer.json").write_text(
        '{"added_tokens": [{"id": 5, "content": "<tool_call>", "special": true}]}'
    )
    made = adapters(*given, "--model", tmp_path)
    assert made.status == 0, made.err
    assert " <tool_call> " in (tmp_path / f"{name}.lark").read_text()
    lazy = json.loads((tmp_path / f"{name}_lazy.json").read_text())
    assert lazy["grammar_triggers"][0]["value"] == "<tool_call>"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-t", "lark"], "name their file with --tools"),
        (["--tools", "x.json"], "--tools is for grammars"),
        (["-t", "lark", "--tools", "gone.json"], "gone.json"),
    ],
)
def test_compile_says_what_a_grammar_needs(given, said, tmp_path):
    made = adapters("compile", "qwen3", "-o", tmp_path, *given)
    assert made.status in (1, 2) and said in made.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", READ)
def test_strings_that_may_not_hold_a_closer_keep_their_escapes(target):
    spelled = tiny.PAIRS.replace("value | text", 'value | text(containers="python")')
    made, tools = tiny.adapter(spelled), [tiny.tool("f", x="array")]
    grammar = READ[target](made.emit(target, tools=tools, tool_choice="required"))
    for value in (["it's \"\\", "a\nb"], ["</valu", "\x07"]):
        assert accepts(grammar, made.output(tiny.say("", tiny.call("f", {"x": value})), tools))
    at = "<call=f><key>x</key><value>['{}']</value></call>".format
    assert accepts(grammar, at("</")) and accepts(grammar, at("\\'"))
    for wrong in ("</value>", "'", "\\", "\n", "\0"):
        assert not accepts(grammar, at(wrong)), wrong


@pytest.mark.parametrize("target", READ)
def test_a_prompt_that_begins_an_answer_without_reasoning_leaves_none(target):
    made = tiny.adapter(
        "{% if reasoning %}<in>think</in>{{ reasoning }}<end>{% endif %}<in>say</in>"
        + tiny.NAMED_CALLS,
        stop=("<stop>",),
        generation="<bot><in>{% if thinking %}think{% else %}say{% endif %}</in>",
        extra="[options]\nthinking = true",
    )
    text = "<call>f<args>{}</call>"
    for thinking in (True, False):
        prompt = made.render([{"role": "user", "content": "Hi"}], TOOLS, thinking=thinking)
        request = {"tools": [tiny.tool("f")], "tool_choice": "required", "prompt": prompt}
        grammar = READ[target](made.emit(target, **request))
        assert accepts(grammar, text) is not thinking
        assert accepts(grammar, f"hm<end><in>say</in>{text}") is thinking


def test_losses_name_what_makes_a_call_of_a_text():
    made = tiny.adapter(
        "{{ content }}{% for call in calls %}"
        "[{{ call.name }}({{ call.arguments | json }})]{% endfor %}"
    )
    said = made.losses("gbnf", tools=STRICT)
    assert any("only a call may come after that" in loss for loss in said), said
