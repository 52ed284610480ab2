"""Every codec: what its Jinja printer prints, its reader reads back, however it is cut."""

import json
import string
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatadapters.codecs import CODECS
from chatadapters.verify.checks import run, same
from tests.tiny import adapter, call, say, tool

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SPICY = st.sampled_from(
    ["", " x ", "\n", "null", "None", "True", "true", "1", "02134", "1.0", "[1]", "{}"]
)
QUOTES = st.text(st.sampled_from("'\"\\\n\r\t,:=(){}[]<|>/ ab\u2028\x00é🙂"), max_size=8)
STRINGS = TEXT | SPICY | QUOTES
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS
WORDS = st.text(string.ascii_letters + "_", min_size=1, max_size=6).filter(str.isidentifier)


def values(strings=STRINGS, keys=STRINGS):
    """JSON values, made of these strings and keys."""
    return st.recursive(
        SCALARS | strings,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def arguments(keys, strings=STRINGS, inner_keys=STRINGS):
    return st.dictionaries(keys, values(strings, inner_keys), max_size=4)


@cache
def whole(codec, opening="(", closing=")"):
    """Return a format whose calls print their arguments with this codec."""
    calls = f"<call>{{{{ call.name }}}}{opening}{{{{ call.arguments | {codec} }}}}{closing}</call>"
    return adapter("{{ content }}{% for call in calls %}" + calls + "{% endfor %}")


@cache
def pairs(codec):
    """Return a format whose calls print each value with this codec."""
    pair = f"<k>{{{{ key }}}}</k><v>{{{{ value | {codec} }}}}</v>"
    loop = "{% for key, value in call.arguments %}" + pair + "{% endfor %}"
    calls = "<call={{ call.name }}>" + loop + "</call>"
    return adapter("{{ content }}{% for call in calls %}" + calls + "{% endfor %}")


TAGGED = "type(string='true', others='false')"


@cache
def tagged(words):
    """Return a format that prints the type of each value before it."""
    pair = '<k n="{{ key | attribute }}" t="{{ value | WORDS }}"><v>{{ value | text }}</v>'
    loop = "{% for key, value in call.arguments %}" + pair + "{% endfor %}"
    calls = "<call={{ call.name }}>" + loop.replace("WORDS", words) + "</call>"
    return adapter("{{ content }}{% for call in calls %}" + calls + "{% endfor %}")


LEAVES = {
    "string": st.text(st.sampled_from("ab \n'\"&;/>"), max_size=6),
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
}


def trees(depth=2):
    """A schema and a value of it that elements carry: no null, and everything has one type."""
    leaves = st.sampled_from(sorted(LEAVES)).flatmap(
        lambda kind: st.tuples(st.just({"type": kind}), LEAVES[kind])
    )
    if not depth:
        return leaves
    inner = trees(depth - 1)
    lists = inner.flatmap(
        lambda one: st.integers(0, 3).map(
            lambda n: ({"type": "array", "items": one[0]}, [one[1]] * n)
        )
    )
    objects = st.dictionaries(WORDS, inner, max_size=3).map(
        lambda made: (
            {"type": "object", "properties": {key: one[0] for key, one in made.items()}},
            {key: one[1] for key, one in made.items()},
        )
    )
    return leaves | lists | objects


@st.composite
def cuts(draw, text):
    places = draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def comes_back(made, value, data, tools=None):
    text = made.output(say("", call("f", value)), tools)
    for pieces in ([text], list(text), data.draw(cuts(text))):
        _, message = run(lambda: made.parser(tools=tools), pieces)
        (read,) = message.tool_calls
        assert read.status == "complete", (text, read)
        assert same(read.value(), value), (text, read.arguments)
        assert message.content == ""
    return text, message.tool_calls[0]


JSON = [
    "json",
    "json(indent=4)",
    "json(indent=0)",
    'json(separators=[",", ":"])',
    "json(sort_keys=true)",
    "json(ascii=true)",
    'json(indent=2, separators=[",", " : "], sort_keys=true, ascii=true)',
]
FLAGS = {
    "json(indent=4)": {"indent": 4},
    "json(indent=0)": {"indent": 0},
    'json(separators=[",", ":"])': {"separators": (",", ":")},
    "json(sort_keys=true)": {"sort_keys": True},
    "json(ascii=true)": {"ensure_ascii": True},
    JSON[-1]: {"indent": 2, "separators": (",", " : "), "sort_keys": True, "ensure_ascii": True},
}


@pytest.mark.parametrize("codec", JSON)
@given(data=st.data())
def test_json_comes_back(codec, data):
    value = data.draw(arguments(STRINGS))
    text, _ = comes_back(whole(codec), value, data)
    flags = {"ensure_ascii": False} | FLAGS.get(codec, {})
    assert text == f"<call>f({json.dumps(value, **flags)})</call>"


@pytest.mark.parametrize("strings", ["repr", "plain", "escaped"])
@pytest.mark.parametrize("inner", ["python", "json"])
@given(data=st.data())
def test_python_comes_back(strings, inner, data):
    value = data.draw(arguments(WORDS))
    codec = f'python(strings="{strings}", mappings="{inner}", lists="{inner}")'
    comes_back(whole(codec), value, data)


@given(data=st.data())
def test_python_keywords_with_json_values_come_back(data):
    value = data.draw(arguments(WORDS))
    text, _ = comes_back(whole('python(values="json")'), value, data)
    inner = (f"{key}={json.dumps(item, ensure_ascii=False)}" for key, item in value.items())
    assert text == f"<call>f({', '.join(inner)})</call>"


@given(value=arguments(WORDS, STRINGS.filter(str.isprintable), STRINGS.filter(str.isprintable)))
@example(
    {"a": "it's", "b": 'say "hi"', "c": "both ' and \"", "d": "\\", "e": 1e16, "f": [None, True]}
)
def test_python_is_what_python_prints(value):
    text = whole("python").output(say("", call("f", value)))
    assert eval(text.removeprefix("<call>").removesuffix("</call>"), {"f": dict}) == value
    plain = {key: item for key, item in value.items() if not isinstance(item, float)}
    assert (
        whole("python").output(say("", call("f", plain)))
        == (f"<call>f({', '.join(f'{key}={item!r}' for key, item in plain.items())})</call>")
        or "e+" in repr(plain)
        or "e-" in repr(plain)
    )


@pytest.mark.parametrize("bare", ["true", "false"])
@pytest.mark.parametrize("quote", ['<|"|>', "<escape>"])
@given(data=st.data())
def test_literals_come_back(bare, quote, data):
    free = STRINGS.filter(
        lambda text: quote not in text + quote[:-1] and quote not in quote[1:] + text
    )
    clear = free.map(lambda text: text.replace(quote[0], "").replace(quote[-1], ""))
    keys = WORDS if bare == "true" else clear
    value = data.draw(arguments(keys, clear, keys))
    made = whole(f"literal(quote='{quote}', bare_keys={bare}, sort_keys=false)", "[", "]")
    comes_back(made, value, data)


@given(data=st.data())
def test_sorted_literals_come_back_sorted(data):
    value = data.draw(arguments(WORDS, st.just("x"), WORDS))
    _, read = comes_back(whole("literal", "[", "]"), value, data)
    assert [key.lower() for key in read.value()] == sorted(key.lower() for key in value)


KINDS = {
    "string": STRINGS,
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
    "array": st.lists(values(), max_size=3),
    "object": st.dictionaries(STRINGS, values(), max_size=3),
}
KEYS = st.text(string.ascii_letters + string.digits + "_-. é", min_size=1, max_size=6).filter(
    lambda key: key == key.strip()
)


@pytest.mark.parametrize("scalars", ["json", "python"])
@given(data=st.data())
def test_raw_values_come_back_with_the_types_of_the_schema(scalars, data):
    """In its domain: one type or null, no ``</v>`` in a string, ``null`` no string."""
    spelled = {"null", "None"}
    value, schema = {}, {}
    for key in data.draw(st.lists(KEYS, max_size=4, unique=True)):
        kind = data.draw(st.sampled_from(sorted(KINDS)))
        nullable = data.draw(st.booleans())
        schema[key] = {"type": [kind, "null"] if nullable else kind}
        item = data.draw(KINDS[kind])
        if isinstance(item, str):
            item = item.replace("</v>", "") if not (nullable and item in spelled) else "x"
        value[key] = None if nullable and data.draw(st.booleans()) else item
    made = pairs(f'text(scalars="{scalars}")')
    comes_back(made, value, data, [tool("f", **schema)])


@given(value=st.dictionaries(KEYS, STRINGS, max_size=4), data=st.data())
def test_raw_values_are_strings_where_no_schema_speaks(value, data):
    named = {
        key: "x" if text in ("null", "None") else text.replace("</v>", "")
        for key, text in value.items()
    }
    comes_back(pairs("text"), named, data)


@given(data=st.data())
def test_json_values_in_pairs_come_back_without_a_schema(data):
    comes_back(pairs("json"), data.draw(arguments(KEYS)), data)


@pytest.mark.parametrize("words", ["type", TAGGED])
@given(data=st.data())
def test_tagged_values_come_back_without_a_schema(words, data):
    """In its domain: no ``</v>`` before the next pair or the call's end in a string."""
    value = data.draw(arguments(KEYS, STRINGS.map(lambda text: text.replace("</v>", ""))))
    comes_back(tagged(words), value, data)


@given(keys=st.dictionaries(st.text(st.sampled_from('&;quotamp"x'), min_size=1), st.none()))
def test_attributes_come_back(keys):
    for cut in (keys, {}):
        made = tagged("type")
        (read,) = made.parse(made.output(say("", call("f", cut)))).tool_calls
        assert read.value() == cut


WRAPPED = 'text(scalars="python", containers="python", cdata="needed")'


@given(texts=st.dictionaries(KEYS, STRINGS | st.sampled_from(["<![CDATA[", "]]>", "a<b", "&"])))
def test_wrapped_text_comes_back(texts):
    made = pairs(WRAPPED)
    value = {key: "x" if text in ("null", "None") else text for key, text in texts.items()}
    text = made.output(say("", call("f", value)))
    read = made.parse(text).tool_calls[0]
    assert read.value() == {key: item.replace("]]></v>", "") for key, item in value.items()}
    assert ("<![CDATA[" in text) == any(c in v for v in value.values() for c in "<&\n")


@given(value=arguments(STRINGS), data=st.data())
def test_json_in_a_string_comes_back(value, data):
    text, _ = comes_back(whole("json(string=true)"), value, data)
    inner = json.dumps(value, ensure_ascii=False)
    assert text == f"<call>f({json.dumps(inner, ensure_ascii=False)})</call>"


@given(value=arguments(STRINGS), data=st.data())
def test_json_deeper_than_the_line_comes_back(value, data):
    text, _ = comes_back(whole("json(indent=2, depth=3)"), value, data)
    lines = json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n" + " " * 6)
    assert text == f"<call>f({lines})</call>"


@pytest.mark.parametrize("mark", ["", "<m>"])
@given(data=st.data())
def test_elements_come_back_with_the_types_of_the_schema(mark, data):
    value, schema = {}, {}
    for key in data.draw(st.lists(WORDS, max_size=3, unique=True)):
        schema[key], value[key] = data.draw(trees())
    made = whole(f'elements(mark="{mark}")', "(", f"{mark}</f>")
    comes_back(made, value, data, [tool("f", **schema)])


def test_every_codec_is_tried_here():
    tried = {name.removeprefix("test_").split("_")[0] for name in globals()}
    named = {"json", "python", "literals", "raw", "tagged", "attributes", "elements", "wrapped"}
    assert named <= tried
    known = {"raw", "json", "python", "text", "literal", "type", "attribute", "elements"}
    assert set(CODECS) == known


@pytest.mark.parametrize("codec", ["python", "literal"])
def test_arguments_as_a_string_are_refused_by_name(codec):
    from chatadapters import ConversationError

    made = whole(codec, "[", "]")
    with pytest.raises(ConversationError, match="decode the JSON string"):
        made.output(say("", call("f", '{"a": 1}')))


def test_arguments_as_a_string_are_printed_as_they_are_in_json():
    assert whole("json").output(say("", call("f", '{"a":1}'))) == '<call>f({"a":1})</call>'


@pytest.mark.parametrize("codec", ["json", "python", "literal"])
def test_no_arguments_are_empty_arguments(codec):
    made = whole(codec, "[", "]")
    for given_ in ({"arguments": None}, {}):
        one = {"type": "function", "function": {"name": "f", **given_}}
        assert made.parse(made.output(say("", one))).tool_calls[0].value() == {}
