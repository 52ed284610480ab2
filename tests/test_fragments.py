"""Fragments: what is allowed in them, and what is said where something is not."""

import pytest

from chatadapters import fragments
from chatadapters.declaration import Declaration
from chatadapters.errors import DeclarationError
from tests.tiny import adapter


def declare(prompt: dict[str, str] | None = None, **keys: object) -> Declaration:
    """Return a small declaration with some of its keys replaced."""
    return Declaration.model_validate(
        {
            "title": "Example",
            "options": {"thinking": True},
            "prompt": {"user": "<u>{{ content }}", "assistant": "<a>{{ output }}"} | (prompt or {}),
            "output": {"text": "{{ content }}"},
            "name": "example",
            "file": "example.toml",
            **keys,
        }
    )


def complaint(fragment: str, key: str = "user") -> str:
    """Return what is said about a fragment of the prompt."""
    with pytest.raises(DeclarationError) as caught:
        fragments.parse_all(declare({key: fragment}))
    return str(caught.value)


def test_an_error_has_place_quote_and_numbered_fixes() -> None:
    said = complaint("<u>\n{{ contents }}\n")
    assert said.startswith("example.toml, prompt.user, line 2: unknown variable 'contents'")
    assert "did you mean 'content'" in said
    assert "    {{ contents }}" in said
    assert "  1. use one of: " in said
    assert "  2. declare it under [options]: contents = ..." in said


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("{{ content | jsn }}", "unknown filter 'jsn'; did you mean 'json'"),
        ("{{ content | tojson }}", "write `| json`"),
        ("{% if content is strng %}{% endif %}", "unknown test 'strng'; did you mean 'string'"),
        ("{{ content.format(1) }}", "unknown method 'format'"),
        ("{{ helper(content) }}", "unknown function 'helper'"),
        ("{{ content.__class__ }}", "begins with an underscore"),
        ("{{ content['__class__'] }}", "begins with an underscore"),
        ("{% set content = 1 %}", "'content' cannot be set"),
        ("{% set _x = 1 %}", "'_x' cannot be set"),
        ("{% macro m() %}{% endmacro %}", "move it to `macros`"),
        ("{% include 'x' %}", "Jinja's Include is not allowed"),
        ("{{ range(*[1]) }}", "* and ** are not allowed"),
        ("{{ content", "not valid Jinja"),
        ("{{ name }}{{{ content }}}", "codecs print their own braces"),
        ("{{ output }}", "unknown variable 'output'"),
        ("{% for one in messages %}{% endfor %}{{ one }}", "unknown variable 'one'"),
        ("{{ message | json(indent=content) }}", "must be constants"),
        ("{{ message | json(4) }}", "write indent=4"),
        ("{{ message | json(indnt=4) }}", "has no option 'indnt'; did you mean 'indent'"),
        ("{{ message | json(indent='4') }}", "a number of spaces up to 16, or none, not '4'"),
        ("{{ message | json(separators=[';', ':']) }}", "a pair such as"),
    ],
)
def test_what_is_not_known_is_refused(fragment: str, words: str) -> None:
    assert words in complaint(fragment)


def test_a_turn_variable_in_the_opening_is_explained() -> None:
    assert "'content' belongs to a turn" in complaint("{{ content }}", "opening")


def test_output_is_printed_as_it_is_or_not_at_all() -> None:
    assert "`output` can only be printed as it is" in complaint("{{ output | trim }}", "assistant")


def test_macros_that_print_are_refused() -> None:
    assert "`macros` prints something" in complaint("hello", "macros")


def test_macros_share_their_macros_and_variables() -> None:
    macros = "{% macro shout(x) %}{{ x | upper }}{% endmacro %}\n{% set loud = tools is none %}\n"
    fragments.parse_all(declare({"macros": macros, "user": "{{ shout(content) if loud }}"}))


def test_a_variable_may_be_set_and_used_in_one_branch() -> None:
    made = adapter(
        "{{ content }}", user="{% if first %}{% set rest = content %}{{ rest }}{% endif %}!"
    )
    asked = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "you"}]
    assert made.render(asked) == "Hi!!<bot>"


def test_a_condition_of_a_deviation_is_checked_like_a_fragment() -> None:
    with pytest.raises(DeclarationError, match=r"deviations\[0\].when, line 1: unknown variable"):
        fragments.parse_all(declare(deviations=[{"when": "contentt", "reason": "none"}]))


def test_a_codec_on_the_wrong_field_is_refused() -> None:
    fragment = fragments.parse(declare(output={"text": "{{ content | python }}"}), "output.text")
    node = next(iter(fragment.tree.find_all(fragments.nodes.Filter)))
    with pytest.raises(DeclarationError, match="cannot spell 'content'"):
        fragment.codec(node, "content")


def test_a_codec_has_all_its_options_set() -> None:
    text = '{{ message | json(separators=[",", ":"]) }}'
    fragment = fragments.parse(declare({"user": text}), "prompt.user")
    codec = fragment.codec(next(iter(fragment.tree.find_all(fragments.nodes.Filter))))
    assert codec.options == (
        ("ascii", False),
        ("depth", 0),
        ("indent", None),
        ("separators", (",", ":")),
        ("sort_keys", False),
        ("string", False),
    )


@pytest.mark.parametrize(
    ("prompt", "source", "words"),
    [
        ({}, "[prompt]\nuser = '''\n<u>'''", "user, line 2: TOML drops the line break"),
        ({"user": "{% for p in message.content %}{% endfor %}"}, "", "a list of parts"),
        ({"user": "{% for m in messages %}{% endfor %}"}, "", "takes quadratic time"),
    ],
)
def test_traps_are_warned_about(prompt: dict[str, str], source: str, words: str) -> None:
    (warning,) = fragments.warnings(declare(prompt), source)
    assert words in warning


def test_a_plain_declaration_has_no_warnings() -> None:
    assert fragments.warnings(declare(), "[prompt]\nuser = '<u>'\n") == []
