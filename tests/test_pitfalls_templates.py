"""Failure classes of templates: white space, escapes, syntax, and other template engines."""

import jinja2
import minijinja
import pytest
from jinja2 import nodes

from chatadapters.errors import ConversationError
from chatadapters.render import compile_template, environment
from chatadapters.verify.agreement import with_own_ids
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from tests.formats import CALLING, HELLO, NAMES, TOOLS, loaded, printed, read, refused
from tests.strategies import subject
from tests.test_minijinja import Raised, second_engine
from tests.tiny import call, tool


def conversations(name, count=8):
    choices = Seeded(f"pitfalls {name}")
    made = [conversation(choices, subject(name).domain) for _ in range(count)]
    return [with_own_ids(loaded(name), one) for one in made]


def prompt(template, name, sample):
    given = loaded(name).declaration.tokens | sample.options
    try:
        return template.render(
            messages=sample.messages,
            tools=sample.tools,
            add_generation_prompt=sample.add_generation_prompt,
            **given,
        )
    except jinja2.TemplateError:
        return None


# -- class 17: white space


@pytest.mark.parametrize("name", NAMES)
def test_class_17_no_byte_depends_on_the_trim_flags_of_the_engine(name):
    source, found = loaded(name).template(), []
    for trim, lstrip, keep in ((1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0)):
        flags = {"trim_blocks": trim, "lstrip_blocks": lstrip, "keep_trailing_newline": keep}
        template = environment().overlay(**flags).from_string(source)
        found.append([prompt(template, name, one) for one in conversations(name)])
    assert all(one == found[0] for one in found)
    assert any(found[0])


@pytest.mark.parametrize("name", NAMES)
def test_class_17_every_byte_is_printed_by_an_expression(name):
    tree = jinja2.Environment().parse(loaded(name).template())
    assert not "".join(data.data for data in tree.find_all(nodes.TemplateData)).strip()


@pytest.mark.parametrize("name", NAMES)
def test_class_17_white_space_of_an_answer_is_kept(name):
    trimmed = subject(name).domain.trimmed
    for text in ("  a", "a\n\n  b", "a  ", "\n\na\n\n", "\ta\r\n\r\nb", "\u2003a\u00a0"):
        text = trimmed("content", text)
        assert refused(name, text) or read(printed(name, text))[1].content == text


# -- class 18: line breaks


@pytest.mark.parametrize("name", NAMES)
def test_class_18_no_string_of_the_template_holds_a_raw_line_break(name):
    source = loaded(name).template()
    strings = [text for _, kind, text in jinja2.Environment().lex(source) if kind == "string"]
    assert strings and not [text for text in strings if "\n" in text or "\r" in text]


@pytest.mark.parametrize("name", NAMES)
def test_class_18_no_prompt_holds_a_spelled_out_line_break(name):
    """The two characters that people get when they copy a template out of JSON."""
    plain = [m | {"tool_calls": []} for m in HELLO] + [
        {"role": "assistant", "content": "a\nb"},
        *HELLO,
    ]
    text = loaded(name).render(plain, None)
    assert "\\n" not in text and "\\t" not in text


@pytest.mark.parametrize("name", NAMES)
def test_class_18_line_breaks_at_the_ends_of_the_file_change_nothing(name):
    source = loaded(name).template()
    wanted = [prompt(compile_template(source), name, one) for one in conversations(name)]
    for other in (source.rstrip("\n"), source + "\n\n", source.replace("\n", "\r\n")):
        template = compile_template(other)
        assert [prompt(template, name, one) for one in conversations(name)] == wanted


# -- class 28: what a template may do

ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.NSRef,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.AssignBlock,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Mod,
    nodes.FloorDiv,
    nodes.Concat,
    nodes.Call,
    nodes.Keyword,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Macro,
)
FUNCTIONS = {"namespace", "range", "raise_exception", "strftime_now"}
METHODS = {
    "startswith",
    "endswith",
    "split",
    "strip",
    "lstrip",
    "rstrip",
    "replace",
    "items",
    "keys",
}
METHODS |= {"values", "get", "upper", "lower"}
FILTERS = {
    "tojson",
    "length",
    "trim",
    "replace",
    "join",
    "list",
    "items",
    "first",
    "last",
    "string",
}
FILTERS |= {"selectattr", "rejectattr", "select", "reject", "map", "dictsort", "default", "upper"}
FILTERS |= {"lower", "int", "float", "unique", "reverse", "sort", "count", "abs", "capitalize"}


def breaches(source):
    """Return what in a template is none of the plain things that every engine and sandbox knows."""
    tree = jinja2.Environment(extensions=["jinja2.ext.loopcontrols"]).parse(source)
    macros = {node.name for node in tree.find_all(nodes.Macro)}
    found = []
    for node in tree.find_all(nodes.Node):
        match node:
            case nodes.Getattr(attr=name) if name.startswith("__"):
                found.append(f"attribute {name}")
            case nodes.Call(node=nodes.Name(name=name)) if name not in FUNCTIONS | macros:
                found.append(f"call of {name}")
            case nodes.Call(node=nodes.Getattr(attr=name)) if name not in METHODS:
                found.append(f"method {name}")
            case nodes.Call(node=nodes.Getitem()):
                found.append("call of an item")
            case nodes.Filter(name=name) if name not in FILTERS:
                found.append(f"filter {name}")
            case nodes.Getitem(arg=nodes.Const(value=str(name))) if name.startswith("__"):
                found.append(f"item {name}")
        if not isinstance(node, ALLOWED):
            found.append(type(node).__name__)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_class_28_the_template_uses_plain_syntax_only(name):
    assert breaches(loaded(name).template()) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{{ lipsum() }}",
        "{{ x.mro() }}",
        "{{ x | attr('y') }}",
        "{{ x[0]() }}",
        "{{ 9 ** 9 }}",
        "{% call x() %}{% endcall %}",
    ],
)
def test_class_28_the_check_notices_more(source):
    assert breaches(source)


@pytest.mark.parametrize("name", NAMES)
def test_class_28_what_people_write_is_never_run(name):
    for text in (
        "{{ 7 * 7 }}",
        "{% for a in b %}x{% endfor %}",
        "{# x #}",
        "{{ messages }}",
        "%}{{",
    ):
        messages = [
            {"role": "user", "content": text},
            {"role": "assistant", "content": text},
            *HELLO,
        ]
        made = loaded(name).render(messages, [tool(description=text)] if name in CALLING else None)
        assert made.count(text) >= 2 and "49" not in made


# -- class 29: other engines


def hostile(name):
    """Return conversations with what engines are known to disagree on."""
    awkward = {
        "items": 1,
        "keys": [True, None],
        "x": {"items": {}, "é": "\u2028'\"\\"},
        "n": 1.5,
        "s": "\n",
    }
    tools = [tool("search", items="array", keys={"type": "object", "description": "<&'\">"})]
    one = call("search", awkward, id="abcdefghi")
    messages = [
        {"role": "system", "content": "  \n"},
        {"role": "user", "content": "<b>&'\"\\\r\n\t"},
    ]
    if name in CALLING:
        messages.append({"role": "assistant", "content": "", "tool_calls": [one]})
        messages.append({"role": "tool", "tool_call_id": "abcdefghi", "content": "{'a': 1}"})
    for end in range(1, len(messages) + 1):
        for given in (None, [], tools, TOOLS) if name in CALLING else (None,):
            sample = Conversation(messages[:end], given, end % 2 == 0, {})
            yield with_own_ids(loaded(name), sample)


@pytest.mark.parametrize("name", NAMES)
def test_class_29_another_engine_prints_the_same(name):
    made = loaded(name)
    render, same = second_engine(made.template(), made.declaration), 0
    for sample in hostile(name):
        try:
            wanted = made.render_template(
                sample.messages, sample.tools, add_generation_prompt=sample.add_generation_prompt
            )
        except ConversationError:
            with pytest.raises((Raised, minijinja.TemplateError)):
                render(sample)
            continue
        assert render(sample) == wanted
        same += 1
    assert same
