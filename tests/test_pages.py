"""The pages of the formats: parts are marked where they come from, and losses are real."""

import pytest

from chatadapters.certify import prove
from chatadapters.certify.bench import CLOCK
from chatadapters.cli.example import example
from chatadapters.cli.marks import Marked, added
from tests.tiny import JSON_CALLS, PAIRS, adapter, call, tool
from tools import pages

OPENING = (
    "<s>{% if system is defined or tools %}<sys>{{ system }}"
    "{% if tools %} Tools: {{ tools[0].function.name }}.{% endif %}</sys>{% endif %}"
)
SYSTEM, USER = {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}


def marked(made, messages, tools=None):
    parts = Marked(made).parts(messages, tools, {})
    assert "".join(text for _, text in parts) == made.render_template(messages, tools)
    return parts


def test_a_prompt_is_cut_where_its_parts_come_from():
    made = adapter(JSON_CALLS, opening=OPENING)
    answer = {"role": "assistant", "content": "", "tool_calls": [call("f", {}), call("f", {})]}
    results = [{"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}]
    assert marked(made, [SYSTEM, USER, answer, *results], [tool("f")]) == [
        ("opening", "<s>"),
        ("system", "<sys>Be kind."),
        ("tools", " Tools: f."),
        ("system", "</sys>"),
        ("user", "<user>Hi"),
        ("assistant", "<bot>" + 2 * '\n<call>{"name": "f", "arguments": {}}</call>'),
        ("tool result", "<tool>1"),
        ("tool result", "<tool>2"),
        ("generation prompt", "<bot>"),
    ]


def test_what_stands_inside_a_turn_is_cut_out_of_it():
    tools = "{% if tools and last_user %}[{{ tools[0].function.name }}]{% endif %}"
    system = "{% if system is defined and first_user %}<<{{ system }}>>{% endif %}"
    made = adapter("{{ content }}", user=f"<user>{tools}{system}{{{{ content }}}}")
    assert marked(made, [SYSTEM, USER], [tool("f")]) == [
        ("user", "<user>"),
        ("tools", "[f]"),
        ("system", "<<Be kind.>>"),
        ("user", "Hi"),
        ("generation prompt", "<bot>"),
    ]
    assert marked(made, [SYSTEM, USER])[1] == ("system", "<<Be kind.>>")


@pytest.mark.parametrize(
    ("whole", "without", "ranges"),
    [
        ("abc", "abc", []),
        ("<a>T<b>", "<b>", [(0, 4)]),
        ("<s><a>T</a>", "<s>", [(3, 11)]),
        ("a\nnew\nb\nc", "a\nold\nb\nC", [(2, 6), (8, 9)]),
    ],
)
def test_added_is_what_one_text_has_more(whole, without, ranges):
    assert added(whole, without) == ranges


def test_the_answer_has_its_names_and_values_marked_whatever_their_type():
    fragment = (
        "{{ content }}{% for call in calls %}<call={{ call.name }}>"
        "{% for key, value in call.arguments %}<key>{{ key }}</key><value>{{ value | text }}"
        "</value>{% endfor %}</call>{% endfor %}"
    )
    kinds = [
        part
        for part in example(adapter(fragment, system="<sys>{{ content }}")).answer_parts()
        if part[0] != "framing"
    ]
    assert kinds == [
        ("content", "I will look it up."),
        ("name", "get_weather"),
        ("arguments", "Paris"),
        ("arguments", "2"),
    ]


def test_losses_are_found_by_reading_back():
    found = prove(adapter(JSON_CALLS, extra="[limits]\ncalls = 1"), {}, samples=0)
    kept = [one.limit for one in found.carried]
    said = {one.limit: (one.example, one.outcome) for one in found.certificates}
    assert "content beside tool calls" in kept and "null" in kept
    assert said["reasoning"][1].startswith("the reasoning is lost")
    assert said["content that contains '<end>': the message ends there"] == (
        '"content": "<end>"',
        "render refuses it: the content would be lost",
    )
    call = "content that contains '<call>' followed by a whole call header: it is read as a call"
    assert said[call][0] == '"content": "<call>{\\"name\\":\\"f\\""'
    assert "it would be read as the call" in said[call][1]
    assert "made for it" in said["several tool calls in one message"][1]


def test_a_page_shows_the_certificates():
    lines = list(pages._carried(adapter(PAIRS), {}))
    assert (
        "| an argument name that contains '\\</key>\\<value>' or a line break, or an empty one "
        '| `f({"\\n": "b"})` | render refuses it: it would be read back as f({... |'
    ) in lines
    assert [line for line in lines if line.endswith("the grammar excludes it |")]
    assert "Read, but not printed again as it was written:" in lines


def test_a_page_is_the_same_every_day():
    opening = '{{ date }} {{ strftime_now("%d %b %Y") }}\n'
    made = adapter("{{ content }}", opening=opening, system="<sys>{{ content }}")
    worked = example(made)
    assert worked.prompt.startswith("2026-01-02 02 Jan 2026\n")
    assert Marked(made).parts(worked.messages, None, CLOCK)[0][1] == "2026-01-02 02 Jan 2026\n"


def test_rows_show_every_line_break_and_every_space_at_an_end():
    rows = pages.table([("user", "Hi \n you "), ("framing", "<end>"), ("framing", "\n")])
    assert rows.split("\n") == ["user     Hi·⏎", "          you·", "framing  <end>", "framing  ⏎"]
