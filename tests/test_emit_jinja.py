"""The compiled template: its variables, its policies, its codecs, and its form."""

import re
from collections.abc import Iterator
from typing import Any

import minijinja
import pytest
from jinja2 import Environment, meta, nodes

from chatadapters import render
from chatadapters.declaration import Declaration
from chatadapters.emit import jinja
from chatadapters.errors import ConversationError
from tests.strategies import NAMES, subject
from tests.test_fragments import declare

USER = {"role": "user", "content": "u"}
SYSTEM = {"role": "system", "content": "s"}


def call(name: str = "f", id: str | None = "c0", **arguments: object) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant(content: str | None = "a", *calls: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **more}


def tool(content: str = "r", id: str | None = "c0") -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": id}


def run(
    declaration: Declaration,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None = None,
    *,
    prompt: bool = False,
    kind: str = "template",
    **options: object,
) -> str:
    """Render in the sandbox and in a second engine, and return the text on which they agree."""
    source = getattr(jinja, kind)(declaration)
    compiled = render.compile_template(source)
    text = render.render_text(compiled, messages, tools, prompt, declaration, options)
    engine = minijinja.Environment()
    engine.add_filter("tojson", render.tojson)
    given = {"messages": messages, "tools": tools, "add_generation_prompt": prompt, **options}
    assert engine.render_str(source, **given) == text
    return text


def printed(variable: str, messages: list[dict[str, Any]], **more: str) -> list[str]:
    """Return what a variable is at each turn, and at the generation prompt."""
    mark = f"{{{{ {variable} }}}};"
    fragments = dict.fromkeys(("user", "tool", "generation"), mark)
    made = declare({**fragments, "assistant": mark + "{{ output }}", **more}, output={"text": ""})
    return run(made, messages, prompt=True).split(";")[:-1]


TALK = [USER, assistant("", call(), call(id="c1")), tool(), tool(id="c1"), assistant(), USER]


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("position", "0 1 2 3 4 5 6"),
        ("role[0]", "u a t t a u a"),
        ("previous[:1]", "- u a t t a u"),
        ("next[:1]", "a t t a u - -"),
        ("previous_turn[:1]", "- u a a a a u"),
        ("next_turn[:1]", "a a a a u - -"),
        ("1 if follows_tool else 0", "0 0 0 1 1 0 0"),
        ("1 if precedes_tool else 0", "0 1 1 0 0 0 0"),
        ("1 if first else 0", "1 0 0 0 0 0 0"),
        ("1 if last else 0", "0 0 0 0 0 1 1"),
        ("1 if first_user else 0", "1 0 0 0 0 0 0"),
        ("1 if last_user else 0", "0 0 0 0 0 1 0"),
        ("1 if after_last_user else 0", "0 0 0 0 0 0 1"),
        ("calls | length", "0 2 0 0 0 0 0"),
        ("results | length", "0 2 1 0 0 0 0"),
        ("content", "u - r r a u -"),
    ],
)
def test_a_variable_of_a_turn(variable: str, values: str) -> None:
    assert [value or "-" for value in printed(variable, TALK)] == values.split()


def test_a_result_knows_its_call_by_id_and_else_by_order() -> None:
    made = declare({"tool": "{{ result.name }}{{ result.index }} "}, output={"text": ""})
    one, two = call("f", "x"), call("g", "y")
    for ids, text in [("xy", "f0 g1 "), ("yx", "g1 f0 "), ("??", "f0 g1 "), ([None] * 2, "f0 g1 ")]:
        results = [tool(id=id) for id in ids]
        assert run(made, [assistant("", one, two), *results]) == f"<a>{text}"


def test_results_can_be_printed_inside_the_turn_of_their_calls() -> None:
    text = "{% for result in results %}[{{ result.name }}={{ result.content }}]{% endfor %}"
    made = declare({"tool": ""}, output={"text": "{{ content }}" + text})
    messages = [assistant("a", call("f", "x"), call("g", "y")), tool("2", "y"), tool("1", "x")]
    assert run(made, messages) == "<a>a[g=2][f=1]"


def test_a_leading_system_message_is_taken_by_the_fragment_that_uses_it() -> None:
    opening = "{% if system is defined %}({{ system }}){% endif %}"
    made = declare({"opening": opening, "system": "<s>{{ content }}"})
    assert run(made, [SYSTEM, USER, SYSTEM]) == "(s)<u>u<s>s"
    assert run(made, [USER]) == "<u>u"
    assert run(made, [{"role": "system", "content": ""}]) == "()"
    assert run(declare({"system": "<s>{{ content }}"}), [SYSTEM, USER]) == "<s>s<u>u"


def test_systems_gathers_all_system_messages() -> None:
    made = declare({"opening": "{{ systems | join('+') }}", "user": "{{ position }}{{ first }}"})
    assert run(made, [SYSTEM, USER, SYSTEM]) == "s+s0True"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("x", "x"),
        (None, ""),
        ([{"type": "text", "text": "x"}, {"type": "image"}, {"type": "text", "text": "y"}], "x|y"),
        ([], ""),
        (["x", "y"], "x|y"),
    ],
)
def test_content_is_null_or_text_or_parts(content: object, text: str) -> None:
    assert run(declare({"parts": "|"}), [{"role": "user", "content": content}]) == f"<u>{text}"
    assert run(declare(), [{"role": "user"}]) == "<u>"


REASONED = [
    assistant("a", reasoning_content="0"),
    USER,
    assistant("a", call(), reasoning="1"),
    tool(),
    assistant("a", thinking="2"),
    assistant("a", call(), reasoning_content="3"),
]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("all", "0123"),
        ("none", ""),
        ("last_user", "123"),
        ("tool_turns", "13"),
        ("tool_turns_after_last_user", "13"),
        ("since_last_final", "23"),
        ("last_only", "3"),
        ({"thinking": {"true": "all", "false": "last_only"}}, "0123"),
    ],
)
def test_a_history_policy_keeps_what_its_name_says(policy: object, kept: str) -> None:
    made = declare(
        {"user": "", "tool": "", "assistant": "{{ output }}"},
        output={"text": "{{ reasoning }}", "history": policy},
    )
    assert run(made, REASONED) == kept
    if isinstance(policy, dict):
        assert run(made, REASONED, thinking=False) == "3"
    assert run(made, REASONED[:1], kind="output_template") == "0"


def test_inline_reasoning_is_split_from_the_content() -> None:
    output = {"text": "[{{ reasoning }}]{{ content }}", "history": "all", "inline": ["<t>", "</t>"]}
    made = declare({"assistant": "{{ output }}", "user": "{{ content }}"}, output=output)
    inline = "<t>\nwhy\n</t>\n\nhow"
    assert run(made, [assistant(inline)]) == "[why]how"
    assert run(made, [{"role": "user", "content": inline}]) == inline


@pytest.mark.parametrize(
    ("pattern", "given", "printed"),
    [
        ("functions.{name}:{ordinal}", "functions.f:7", "functions.f:7"),
        ("functions.{name}:{ordinal}", "call_1", "functions.f:0"),
        ("functions.{name}:{ordinal}", None, "functions.f:0"),
        ("{alnum:9}", "abcdefghi", "abcdefghi"),
        ("{alnum:9}", "call_1", "000000000"),
    ],
)
def test_an_id_is_put_into_its_form_with_its_result(
    pattern: str, given: str | None, printed: str
) -> None:
    made = declare(
        {"tool": "={{ result.id }}", "assistant": "{{ output }}"},
        output={"text": "{% for call in calls %}{{ call.id }}{% endfor %}"},
        ids={"pattern": pattern},
    )
    messages = [assistant("", call(id=given)), tool(id=given)]
    assert run(made, messages) == f"{printed}={printed}"
    assert run(made, render.normalise(messages, made)) == f"{printed}={printed}"


VALUES = {"s": 'it\'s\n"x" \\', "b": True, "n": None, "f": 1e-7, "items": [1, {"k": "é"}]}
PYTHON = (
    "s='it\\'s\\n\"x\" \\\\', b=True, n=None, f=1e-07, items=[1, {'k': 'é'}]",
    "s='it\\'s\n\"x\" \\\\', b=True, n=None, f=1e-07, items=[1, {'k': 'é'}]",
)
LITERAL = '{b:true,f:1e-07,items:[1,{k:<|"|>é<|"|>}],n:null,s:<|"|>it\'s\n"x" \\<|"|>}'


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("json", render.tojson(VALUES)),
        ('json(separators=[",", ":"], ascii=true)', render.tojson(VALUES, True, None, (",", ":"))),
        ("json(indent=2, sort_keys=true)", render.tojson(VALUES, indent=2, sort_keys=True)),
        ("python", PYTHON[0]),
        ('python(strings="plain")', PYTHON[1]),
        ("literal", LITERAL),
    ],
)
def test_a_codec_prints_arguments(codec: str, text: str) -> None:
    output = "{% for call in calls %}{{ call.arguments | " + codec + " }}{% endfor %}"
    made = declare({"assistant": "{{ output }}"}, output={"text": output})
    assert run(made, [assistant("", call(**VALUES))]) == text


def test_python_arguments_with_json_mappings_spell_only_mappings_so() -> None:
    codec = 'python(strings="plain", mappings="json")'
    output = "{% for call in calls %}{{ call.arguments | " + codec + " }}{% endfor %}"
    made = declare({"assistant": "{{ output }}"}, output={"text": output})
    given = call(a={"k": True}, b=[{"k": "v\n"}])
    assert run(made, [assistant("", given)]) == """a={"k": true}, b=[{'k': 'v\\n'}]"""


def test_raw_values_are_typed_by_their_spelling_only() -> None:
    pairs = "{% for key, value in call.arguments %}{{ key }}={{ value | text }};{% endfor %}"
    output = "{% for call in calls %}" + pairs + "{% endfor %}"
    made = declare({"assistant": "{{ output }}"}, output={"text": output})
    assert run(made, [assistant("", call(a="x", b=None, c=[1, "y"]))]) == 'a=x;b=null;c=[1, "y"];'
    made = declare({"user": '{{ true | text(scalars="python") }}'})
    assert run(made, [USER]) == "True"


@pytest.mark.parametrize("codec", ["python", "literal"])
def test_arguments_in_a_string_are_refused_where_they_cannot_be_printed(codec: str) -> None:
    output = "{% for call in calls %}{{ call.arguments | " + codec + " }}{% endfor %}"
    compiled = render.compile_template(jinja.template(declare(output={"text": output})))
    message = assistant("", {"function": {"name": "f", "arguments": '{"a": 1}'}})
    with pytest.raises(ConversationError, match="decode the JSON string"):
        render.render_text(compiled, [message], None, False)


def test_a_call_is_read_without_its_wrapper_and_without_arguments() -> None:
    output = "{% for call in calls %}{{ call.name }}{{ call.arguments | json }}{% endfor %}"
    made = declare({"assistant": "{{ output }}"}, output={"text": output})
    bare = [{"name": "f", "arguments": {"a": 1}}, {"name": "g"}, {"name": "h", "arguments": None}]
    assert run(made, [assistant("", *bare)]) == 'f{"a": 1}g{}h{}'


def test_an_unknown_role_is_refused_with_the_roles_there_are() -> None:
    compiled = render.compile_template(jinja.template(declare()))
    with pytest.raises(ConversationError, match="role narrator is none of user, assistant"):
        render.render_text(compiled, [{"role": "narrator", "content": ""}], None, False)


def test_options_and_tokens_have_defaults_that_can_be_replaced() -> None:
    made = declare(
        {"opening": "{{ bos_token }}{{ style }}{{ 1 if extra is defined else 0 }}"},
        options={"style": "plain", "extra": {}},
        tokens={"bos_token": "<s>"},
    )
    source = jinja.template(made)
    compiled = render.compile_template(source)
    assert compiled.render(messages=[]) == "<s>plain0"
    assert compiled.render(messages=[], style="x", extra=1, bos_token="") == "x1"
    asked = meta.find_undeclared_variables(Environment().parse(source))
    assert {"style", "extra", "bos_token"} <= asked  # servers pass on only what is asked for


def test_deviations_are_printed_with_turn_and_number() -> None:
    held = [{"when": "content == 'u'", "reason": "x"}, {"when": "calls", "reason": "y"}]
    made = declare(deviations=held)
    text = run(made, [USER, assistant(), assistant("", call())], kind="deviation_template")
    assert text == "0:0,2:1,"


def test_string_sums_are_joined_as_texts() -> None:
    assert run(declare({"user": "{{ position + 1 }}{{ 'a' + content + 'b' }}"}), [USER]) == "1aub"
    assert " + " not in jinja.template(declare({"user": "{{ 'a' + content }}"}))


def loops_over_content(source: str) -> Iterator[nodes.Node]:
    """Give the loops by which vLLM decides that a template wants a list of parts.

    They go over ``message.content``, over a macro parameter that was given it, or over a variable
    called ``content``; filters and slices are seen through, aliases are not.
    """
    tree = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(source)

    def bare(node: nodes.Node | None) -> nodes.Node | None:
        while isinstance(node, nodes.Filter) or (
            isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
        ):
            node = node.node
        return node

    def is_content(node: nodes.Node) -> bool:
        node = bare(node)
        match node:
            case nodes.Getattr(attr=key) | nodes.Getitem(arg=nodes.Const(value=key)):
                return key == "content"
        return False

    def over(scope: nodes.Node, names: set[str]) -> Iterator[nodes.Node]:
        for loop in scope.find_all(nodes.For):
            name = bare(loop.iter)
            if is_content(loop.iter) or (isinstance(name, nodes.Name) and name.name in names):
                yield loop

    yield from over(tree, {"content"})
    for macro in tree.find_all(nodes.Macro):
        for use in tree.find_all(nodes.Call):
            if isinstance(use.node, nodes.Name) and use.node.name == macro.name:
                given = zip(macro.args, use.args, strict=False)
                yield from over(macro, {name.name for name, value in given if is_content(value)})


def test_the_rule_finds_loops_over_parts() -> None:
    macro = "{% macro m(x) %}{% for p in x %}{% endfor %}{% endmacro %}"
    for loop in ("{% for p in message.content %}{% endfor %}", macro + "{{ m(message.content) }}"):
        source = "{% for message in messages %}" + loop + "{% endfor %}"
        assert list(loops_over_content(source))


@pytest.mark.parametrize("name", NAMES)
def test_vllm_takes_a_compiled_template_for_one_of_texts(name: str) -> None:
    assert not list(loops_over_content(jinja.template(subject(name).adapter.declaration)))


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_template_prints_only_what_it_says(name: str) -> None:
    """Pitfall 18: no raw text, no line break in a string, every tag trimmed on both sides."""
    source = jinja.template(subject(name).adapter.declaration)
    for line in source.splitlines():
        assert re.fullmatch(r" *(\{%- .* -%\}|\{\{- .* -\}\}|\{#- .* -#\})", line), line
    for flags in (True, False):
        plain = Environment(trim_blocks=flags, lstrip_blocks=flags, keep_trailing_newline=True)
        for node in plain.parse(source).find_all(nodes.TemplateData):
            assert node.data == ""
    assert source == jinja.template(subject(name).adapter.declaration)


def test_macros_that_nothing_uses_are_left_out() -> None:
    macros = """{% macro used(x) %}{{ inner(x) }}{{ seen.any }}{% endmacro %}
        {% macro inner(x) %}{{ x }}{% endmacro %}{% macro idle(x) %}{{ x }}{% endmacro %}
        {% set seen = namespace(any=0) %}{% set never = 1 %}
        {% for m in messages %}{% set seen.any = seen.any + 1 %}{% endfor %}"""
    made = declare({"macros": macros, "user": "{{ used(content) }}"})
    assert run(made, [USER, USER]) == "u2u2"
    assert "idle" not in jinja.template(made)
    assert "never" not in jinja.template(made)
