"""Values beyond JSON and raw text: types on the wire, CDATA, elements; and what conditions need."""

import json
import sys

import pytest

from chatadapters.errors import ChatAdaptersError, ConversationError, DeclarationError
from tests.tiny import PAIRS, adapter, call, events, say, tool

CALLS = "{{ content }}{% for call in calls %}BODY{% endfor %}"
LOOP = "{% for key, value in call.arguments %}PAIR{% endfor %}"


def pairs(pair):
    return adapter(
        CALLS.replace("BODY", "<call={{ call.name }}>" + LOOP.replace("PAIR", pair) + "</call>")
    )


def tree(mark="", more=""):
    arguments = f"{{{{ call.arguments | elements(mark='{mark}'{more}) }}}}"
    body = f"{mark}<call={{{{ call.name }}}}>{arguments}{mark}</call>"
    return adapter(CALLS.replace("BODY", body))


DSML = pairs(
    '<p name="{{ key }}" string="{{ value | type(string="true", others="false") }}">'
    "{{ value | text }}</p>\n"
)
TYPES = pairs('<p {{ key | attribute }}" {{ value | type }}>{{ value | text }}</p>')
CDATA = pairs("<k>{{ key }}</k><v>{{ value | text(cdata='needed') }}</v>")


def read(made, text, tools=None):
    (found,) = made.parse(text, tools=tools).tool_calls
    return found.status, json.loads(found.arguments)


# -- types on the wire


def test_the_word_decides_and_not_the_schema():
    text = '<call=f><p name="a" string="true">3</p><p name="b" string="false">3</p></call>'
    found = ("complete", {"a": "3", "b": 3})
    assert read(DSML, text) == found
    assert read(DSML, text, [tool("f", a="integer", b="string")]) == found


def test_every_type_has_its_word():
    value = {"s": "x", "n": 1, "f": 1.5, "b": True, "z": None, "o": {}, "a": []}
    text = TYPES.output(say("", call("f", value)))
    words = [piece.split(">")[0].split()[-1] for piece in text.split("<p ")[1:]]
    assert words == ["string", "number", "number", "boolean", "null", "object", "array"]
    assert read(TYPES, text) == ("complete", value)
    whole = pairs(
        "<p {{ key }}| {{ value | type(integer='int', number='float') }}>{{ value | text }}</p>"
    )
    text = whole.output(say("", call("f", {"n": 1, "f": 1.5})))
    assert "int>1<" in text and "float>1.5<" in text
    assert read(whole, text) == ("complete", {"n": 1, "f": 1.5})


def test_json_may_hold_what_ends_a_string():
    value = {"a": {"b": '</p><p name="'}, "c": ["</call>"]}
    text = DSML.output(say("", call("f", value)))
    assert read(DSML, text) == ("complete", value)
    assert DSML.render(say("", call("f", value)))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("True", ("complete", True)),
        ("{'a': 1", ("malformed", None)),
        ("so so", ("malformed", "so so")),
    ],
)
def test_what_is_no_json_though_its_word_says_so(value, found):
    text = f'<call=f><p name="a" string="false">{value}</p></call>'
    status, said = found
    (one,) = DSML.parse(text).tool_calls
    assert one.status == status
    assert said is None or json.loads(one.arguments) == {"a": said}


def test_an_unknown_word_leaves_it_to_the_schema():
    text = '<call=f><p a" integer>3</p></call>'
    assert read(TYPES, text, [tool("f", a="integer")]) == ("complete", {"a": 3})
    assert read(TYPES, text, [tool("f", a="string")]) == ("complete", {"a": "3"})


def test_a_string_with_its_end_is_refused():
    with pytest.raises(ConversationError):
        DSML.render(say("", call("f", {"a": 'x</p><p name="b" string="true">y'})))


def test_the_grammar_writes_the_word_of_each_type():
    tools = [tool("f", a="string", b={"type": ["integer", "null"]}, c={"enum": ["x", 1]})]
    tag = json.loads(DSML.emit("structural_tag", tools=tools, tool_choice="required"))
    text = json.dumps(tag)
    for piece in ("true", "false"):
        assert piece in text
    (grammar,) = (line for line in text.split('"grammar": ') if "root ::=" in line)
    assert 'n_int | \\\\\\"null\\\\\\"' in grammar or "n_int" in grammar


# -- CDATA and containers


def test_text_in_cdata_is_read_where_it_stands():
    text = "<call=f><k>a</k><v><![CDATA[x </v><k> y]]></v><k>b</k><v>plain</v></call>"
    found = [
        ("call", "f"),
        ("arguments", '{"a": "x </v><k> y", "b": "plain"}'),
        ("end", "complete"),
    ]
    assert events(CDATA, text)[0] == found
    for at in range(len(text)):
        assert events(CDATA, text[:at], text[at:])[0] == found


def test_cdata_is_printed_only_where_it_is_needed():
    text = CDATA.output(say("", call("f", {"a": "<", "b": "x", "c": "1\n2", "d": "&"})))
    assert text.count("<![CDATA[") == 3
    with pytest.raises(ConversationError):
        CDATA.render(say("", call("f", {"a": "<]]></v><k>"})))


def test_containers_may_be_python():
    made = pairs("<k>{{ key }}</k><v>{{ value | text(containers='python', scalars='python') }}</v>")
    value = {"a": {"b": [True, None, "it's"]}}
    text = made.output(say("", call("f", value)))
    assert "{'b': [True, None, \"it's\"]}" in text
    assert read(made, text, [tool("f", a="object")]) == ("complete", value)


# -- elements


NESTED = tool(
    "f",
    opts={"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}},
    kids={"type": "array", "items": {"$ref": "#/$defs/kid"}},
    n="integer",
)
NESTED["function"]["parameters"]["$defs"] = {
    "kid": {"type": "object", "properties": {"age": {"type": "integer"}}}
}


def test_elements_follow_the_schema_through_lists_objects_and_references():
    value = {"opts": {"tags": ["1", ""]}, "kids": [{"age": 3}, {}], "n": 7}
    made = tree("|")
    text = made.output(say("", call("f", value)))
    assert "|<kids>|<item>|<age>3|</age>|</item>|<item>|</item>|</kids>" in text
    assert read(made, text, [NESTED]) == ("complete", value)
    found = events(made, text, tools=[NESTED])[0]
    assert all(
        events(made, text[:n], text[n:], tools=[NESTED])[0] == found for n in range(len(text))
    )


def test_without_a_schema_elements_are_texts_objects_and_items():
    text = "<call=f><a>1</a><b><item>x</item>\n<item>y</item></b><c><d> z </d></c><e></e></call>"
    assert read(tree(), text) == (
        "complete",
        {"a": "1", "b": ["x", "y"], "c": {"d": " z "}, "e": ""},
    )


def test_null_is_left_out_and_render_says_so():
    made = tree()
    assert "<b>" not in made.output(say("", call("f", {"a": "x", "b": None})))
    with pytest.raises(ConversationError):
        made.render(say("", call("f", {"b": None})), [tool("f", b="null")])


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<call=f><a>x</b></call>", "truncated"),
        ("<call=f><a><b>x</b></call>", "malformed"),
        ("<call=f>oops</call>", None),
        ("<call=f><a>x</a>oops</call>", "truncated"),
        ("<call=f><a>x</a><a>y</a></call>", "complete"),
    ],
)
def test_broken_elements_are_never_repaired(text, status):
    calls = tree().parse(text).tool_calls
    assert [one.status for one in calls] == ([status] if status else [])
    if status == "complete":
        assert json.loads(calls[0].arguments) == {"a": "x"}


def test_deep_elements_do_not_recurse():
    text = "<call=f>" + "<a>" * (sys.getrecursionlimit() * 2)
    assert tree().parse(text).tool_calls[0].status == "malformed"


def test_elements_have_a_grammar():
    made = tree("|")
    text = made.emit("structural_tag", tools=[NESTED], tool_choice="required")
    for piece in ("|<opts>", "|<item>", "|</age>"):
        assert piece in text
    assert "excludes" in made.emit("structural_tag", tools=[NESTED])


def test_the_parser_file_reads_elements(tmp_path):
    made = tree("|")
    names = {}
    exec(compile(made.emit("python"), "tiny_parser.py", "exec"), names)
    text = made.output(say("", call("f", {"kids": [{"age": 3}]})))
    (one,) = names["parse"](text, tools=[NESTED]).tool_calls
    assert json.loads(one.arguments) == {"kids": [{"age": 3}]}


def test_json_in_a_string_has_no_grammar():
    body = "<call>{{ call.name }}:{{ call.arguments | json(string=true) }}</call>"
    made = adapter(CALLS.replace("BODY", body))
    with pytest.raises(ChatAdaptersError, match="no grammar yet"):
        made.emit("structural_tag", tools=[tool("f")], tool_choice="required")


# -- the prompt side


def test_a_conditional_in_the_head_of_a_loop_keeps_its_parentheses():
    macros = "{% macro m(g) %}{% for p in ([1, 2] if g else []) %}{{ p }}{% endfor %}{% endmacro %}"
    made = adapter("{{ content }}", macros=macros, opening="{{ m(true) }}")
    assert made.render_template([], add_generation_prompt=False) == "12"


def test_a_name_that_a_block_sets_is_known():
    macros = "{% macro m() %}{% set x %}a{% endset %}{{ x }}{% endmacro %}"
    made = adapter("{{ content }}", macros=macros, opening="{{ m() }}")
    assert made.render_template([], add_generation_prompt=False) == "a"


def test_an_empty_generation_prompt_is_none():
    made = adapter("{{ content }}", generation="{% if previous != 'assistant' %}<bot>{% endif %}")
    assert made.table["starts"] == (("<bot>", ""),)
    assert made.render(say("x")).endswith("<bot>x")


def test_a_loop_is_kept_for_the_namespaces_that_it_fills():
    macros = (
        "{% set kept = namespace(n=0) %}{% set gone = namespace(n=0) %}"
        "{% for message in messages %}{% set text = message.role %}{% set gone.n = 1 %}{% endfor %}"
        "{% for message in messages %}{% set kept.n = kept.n + 1 %}{% endfor %}"
        "{% macro m(text) %}{{ text }}{{ kept.n }}{% endmacro %}"
    )
    made = adapter("{{ content }}", macros=macros, opening="{{ m('x') }}")
    assert made.render_template(say("y"), add_generation_prompt=False).startswith("x2")
    assert "gone" not in made.template()


def test_an_expression_may_say_which_reasoning_is_kept():
    output = "{% if reasoning %}<think>{{ reasoning }}</think>{% endif %}{{ content }}"
    macros = (
        "{% set asked = namespace(at=-1) %}{% for message in messages %}"
        '{% if message.role == "user" and message.content != "result" %}'
        "{% set asked.at = loop.index0 %}{% endif %}{% endfor %}"
    )
    made = adapter(output, macros=macros)
    text = made.declaration.model_copy(
        update={
            "output": made.declaration.output.model_copy(
                update={"history_when": "position > asked.at"}
            )
        }
    )
    made = type(made)(text)
    asked, result = {"role": "user", "content": "Hi"}, {"role": "user", "content": "result"}
    answers = [say("x", reasoning=str(n))[1] for n in range(3)]
    prompt = made.render([asked, answers[0], asked, answers[1], result, answers[2]])
    assert "<think>0" not in prompt and "<think>1" in prompt and "<think>2" in prompt


def test_pairs_without_a_type_are_as_before():
    table = adapter(PAIRS).table["calls"][0]["table"]
    assert not {"typed", "cdata", "escaped"} & set(table)


def test_a_set_of_macros_is_used_as_if_it_stood_there():
    made = using(
        "xml_tools", opening="{% for tool in tools %}{{ declared(tool.function) }}{% endfor %}"
    )
    text = made.render([], [tool("f", a="string")])
    assert "<name>f</name>" in text and "<type>string</type>" in text
    own = using(
        "xml_tools",
        macros="{% macro parameter(name, fields) %}({{ name }}){% endmacro %}",
        opening="{% for tool in tools %}{{ declared(tool.function) }}{% endfor %}",
    )
    text = own.render([], [tool("f", a="string")])
    assert "<parameters>(a)" in text and "<type>string" not in text
    assert "macro" not in using("xml_tools").template().split("for message in messages")[1]


def test_a_set_may_compute_what_conditions_ask():
    made = using("asked", user="{{ content }}{% if position == asked.at %}!{% endif %}|")
    said = ("one", "two", "<tool_response>x</tool_response>")
    text = made.render([{"role": "user", "content": content} for content in said])
    assert text.startswith("one|two!|<tool_response>")


def test_an_unknown_set_is_named():
    with pytest.raises(DeclarationError, match="asked"):
        using("askd").template()


def using(name, **prompt):
    made = adapter("{{ content }}", **prompt)
    changed = made.declaration.prompt.model_copy(update={"use": (name,)})
    return type(made)(made.declaration.model_copy(update={"prompt": changed}))
