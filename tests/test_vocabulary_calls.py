"""Parts of calls beyond the common: holes written twice, names as keys, numbers, optional keys."""

import pytest

from chatadapters.errors import ConversationError, DeclarationError
from tests.tiny import adapter, call, events, say, tool

TWICE = (
    "{{ content }}{% for call in calls %}<to={{ call.name }}><call={{ call.name }}>"
    "{{ call.arguments | json }}</call>{% endfor %}"
)
TWICE_IN_AN_OBJECT = (
    "{{ content }}{% for call in calls %}<to>{{ call.name }}<call>"
    '{"name": {{ call.name | json }}, "args": {{ call.arguments | json }}}</call>{% endfor %}'
)
NAME_AS_KEY = (
    "{{ content }}{% if calls %}<calls>[{% for call in calls %}{{ '{' }}NAME: "
    "{{ call.arguments | json }}{{ '}' }}{% if not loop.last %}, {% endif %}{% endfor %}]</calls>"
    "{% endif %}"
)
NUMBERED = (
    "{{ content }}{% for call in calls %}<call name={{ call.name }} n={{ call.index + 1 }}>"
    "{{ call.arguments | json }}</call>{% endfor %}"
)
OPTIONAL = (
    "{{ content }}{% for call in calls %}<call>"
    '{"name": {{ call.name | json }}, "arguments": {{ call.arguments | json }}'
    '{% if not last %}, "id": {{ call.id | json }}{% endif %}}</call>{% endfor %}'
)
RECIPIENTS = (
    "{% if reasoning %} to=self<m>{{ reasoning }}<eom>bot{% endif %}{% if calls %}"
    "{% for call in calls %}{% if not loop.first %}<eom>bot{% endif %} to={{ call.name }}<m>"
    "{{ call.arguments | json }}{% endfor %}{% else %} to=user<m>{{ content }}{% endif %}"
)
TWO = (call("f", {"a": "x"}), call("g", {}))
READ = [
    *(("call", "f"), ("arguments", '{"a": "x"}'), ("end", "complete")),
    *(("call", "g"), ("arguments", "{}"), ("end", "complete")),
]


def back(made, message, **options):
    """Return the events of a printed answer, which are the same however it is cut."""
    text = made.output(message, **options)
    found = events(made, text)[0]
    for at in range(1, len(text)):
        assert events(made, text[:at], text[at:])[0] == found, text[:at]
    assert events(made, *text)[0] == found
    return text, found


@pytest.mark.parametrize("fragment", [TWICE, TWICE_IN_AN_OBJECT])
def test_a_name_that_is_written_twice_is_read_once(fragment):
    assert back(adapter(fragment), say("Hi", *TWO))[1] == [("text", "Hi"), *READ]


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        (TWICE, "<to=f><call=g>{}</call>"),
        (TWICE_IN_AN_OBJECT, '<to>f<call>{"name": "g", "args": {}}</call>'),
    ],
)
def test_two_different_names_are_no_call(fragment, text):
    assert events(adapter(fragment), *text)[0] == [("text", text)]


@pytest.mark.parametrize("name", ['"{{ call.name }}"', "{{ call.name | json }}"])
def test_the_name_may_be_the_only_key_of_an_object(name):
    made = adapter(NAME_AS_KEY.replace("NAME", name))
    text, found = back(made, say("", *TWO))
    assert text == '<calls>[{"f": {"a": "x"}}, {"g": {}}]</calls>'
    assert found == READ
    assert events(made, '<calls>[ { "f" :{"a": "x"}} ,\n{"g": {}} ]</calls>')[0] == READ


def test_a_number_of_a_call_is_printed_and_not_asked_for():
    made = adapter(NUMBERED)
    text, found = back(made, say("", *TWO))
    assert "<call name=f n=1>" in text and "<call name=g n=2>" in text
    assert found == READ
    assert events(made, "<call name=g n=77>{}</call>")[0] == READ[3:]
    wrong = "<call name=g n=x>{}</call>"
    assert events(made, wrong)[0] == [("text", wrong)]


def test_a_key_of_the_object_may_be_missing():
    made = adapter(OPTIONAL)
    assert back(made, say("", *TWO))[1] == READ
    given = '<call>{"name": "f", "arguments": {}, "id": "x1"}</call>'
    assert made.parse(given).tool_calls[0].id == "x1"
    history = [*say("", {**TWO[1], "id": "x2"}), {"role": "user", "content": "more"}]
    assert '"arguments": {}, "id": "x2"}' in made.render(history)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (say("Hi"), [("text", "Hi")]),
        (say("", *TWO), READ),
        (say("", *TWO, reasoning="Hm"), [("reasoning", "Hm"), *READ]),
        (
            say("to=<m>", reasoning="to=user<m>"),
            [("reasoning", "to=user<m>"), ("text", "to=<m>")],
        ),
    ],
)
def test_a_call_may_begin_as_other_messages_do(message, found):
    assert back(adapter(RECIPIENTS), message)[1] == found


def test_a_tool_with_the_name_of_another_recipient_is_refused():
    made = adapter(RECIPIENTS)
    made.render(say("", call("users", {})))
    with pytest.raises(ConversationError, match="read back"):
        made.render(say("", call("user", {})))


CHANNELS = (
    "{% if calls %}{% if content %}<channel>notes<m>{{ content }}<over>bot{% endif %}"
    "{% for call in calls %}{% if ahead %}<channel>notes to=f.{% else %} to=f.{% endif %}"
    "{{ call.name }}<m>{{ call.arguments | json }}{% endfor %}"
    "{% else %}<channel>final<m>{{ content }}{% endif %}"
)


@pytest.mark.parametrize("ahead", [False, True])
def test_what_stands_before_the_name_may_begin_as_a_text_does(ahead):
    extra = "options = { ahead = false }\nlimits = { calls = 1 }"
    made = adapter(CHANNELS, extra=extra)
    for said in ("", "Hi"):
        text, found = back(made, say(said, TWO[0]), ahead=ahead)
        assert found == [*([("text", said)] if said else []), *READ[:3]]
        assert ("<channel>notes to=f." in text) == ahead


def test_the_assistant_fragment_may_leave_calls_out():
    made = adapter(NUMBERED, assistant="{% set calls = calls[:1] %}<bot>{{ output }}")
    assert made.render_template(say("", *TWO)).count("<call") == 1


@pytest.mark.parametrize("fragment", [TWICE, TWICE_IN_AN_OBJECT, NUMBERED, OPTIONAL])
def test_these_calls_have_a_grammar(fragment):
    tag = adapter(fragment).emit("structural_tag", tools=[tool("f")], tool_choice="required")
    assert "[0-9]{1,6}" in tag if fragment is NUMBERED else tag.count("f") > 1
    assert '"id' not in tag


def test_in_a_section_white_space_alone_separates_calls():
    made = adapter(
        "{{ content }}{% if calls %}<calls>{% for call in calls %}{% if not loop.first %}\n"
        "{% endif %}{{ call.name }}({{ call.arguments | python(values='json') }}){% endfor %}"
        "</calls>{% endif %}"
    )
    text, found = back(made, say("Hi", *TWO))
    assert text == 'Hi<calls>f(a="x")\ng()</calls>'
    assert found == [("text", "Hi"), *READ[:1], ("arguments", '{"a": "x"}'), *READ[2:]]
    assert events(made, '<calls>\nf(a="x")\n\ng()\n</calls>')[0] == found[1:]
    assert events(made, "<calls>f()\nno call")[0][-1] == ("text", "no call")


def test_a_marker_may_begin_in_one_that_led_nowhere():
    made = adapter(
        "{{ content }}{% for call in calls %}>>>{{ call.name }}\n"
        "{{ call.arguments | json }}{% endfor %}"
    )
    found = [("text", "x >"), ("call", "f"), ("arguments", "{}"), ("end", "complete")]
    assert back(made, say("x >", call("f", {})))[1] == found
    assert events(made, ">" * 9 + "f\n{}")[0] == [("text", ">" * 6), *found[1:]]


SECTIONS = (
    "{{ content }}{% for call in calls %}\n<call>\n<f={{ call.name }}>"
    "{{ call.arguments | json }}</f>\n</call>{% endfor %}"
)


def test_an_opening_marker_may_be_missing_where_the_format_says_so():
    made = adapter(SECTIONS, extra='accept = { missing = ["<call>"] }')
    assert back(made, say("Hi", *TWO))[1] == [("text", "Hi"), *READ]
    loose = 'Hi\n<f=f>{"a": "x"}</f>\n</call>\n<f=g>{}</f>'
    assert events(made, loose)[0] == [("text", "Hi"), *READ]
    assert events(made, *loose)[0] == [("text", "Hi"), *READ]
    assert events(adapter(SECTIONS), loose)[0] == [("text", loose)]


def test_a_marker_that_cannot_be_missing_is_named():
    with pytest.raises(DeclarationError, match="may be missing"):
        adapter(SECTIONS, extra='accept = { missing = ["</call>"] }').domain()


def test_calls_that_a_comma_separates_do_not_stand_without_it():
    made = adapter(
        "{{ content }}{% if calls %}<calls>{% for call in calls %}{% if not loop.first %}, "
        "{% endif %}{{ call.name }}({{ call.arguments | python }}){% endfor %}</calls>{% endif %}"
    )
    assert back(made, say("", *TWO))[1][0] == ("call", "f")
    assert events(made, "<calls>f() g()</calls>")[0][-1] == ("text", "g()</calls>")
