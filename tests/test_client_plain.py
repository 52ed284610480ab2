"""Plain messages: what a server's own template prints from them is what the format prints."""

import json
from collections import Counter
from functools import cache

import pytest

from chatadapters.client.plain import Plainer
from chatadapters.errors import ConversationError
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import conversation
from tests.formats import CALLING, HELLO, PARALLEL, THINKING, TOOLS, loaded
from tests.strategies import subject
from tests.tiny import JSON_CALLS, adapter, call, tool

SYSTEM = {"role": "system", "content": "Be brief."}
TEXTS = ("21 degrees", 'He said "hi"\n\n<b>東京</b>', "")


@cache
def plainer(name):
    return Plainer(loaded(name))


def plain(name, messages, tools=TOOLS, request="", **options):
    return plainer(name).messages(messages, tools, options, request)


def printed_again(name, messages, **options):
    """Return what a server's own template prints: the format's, which is told of no tools."""
    return loaded(name).render_template(messages, **options)


def round_trip(name, *, system=False, results=("21 degrees",)):
    """Return a question, calls, their results, the answer and another question."""
    given = results if name in PARALLEL else results[:1]
    calls = [call("get_weather", {"city": "Paris"}, id=f"call_{n}") for n in range(len(given))]
    answers = [
        {"role": "tool", "tool_call_id": f"call_{n}", "content": text}
        for n, text in enumerate(given)
    ]
    asked = [*HELLO, {"role": "assistant", "content": "", "tool_calls": calls}, *answers]
    told = [{"role": "assistant", "content": "It is warm."}, {"role": "user", "content": "Thanks"}]
    return [*([SYSTEM] if system else []), *asked, *told]


# -- the law: the format's own text, wherever plain messages can carry it


def test_first_requests_print_the_same_for_all_formats_but_three():
    different = {
        name
        for name in CALLING
        for messages in (HELLO, [SYSTEM, *HELLO])
        if printed_again(name, plain(name, messages)) != loaded(name).render(messages, TOOLS)
    }
    # The tools stand under a role of their own, before a fixed text, before the user's header.
    assert different == {"kimi_k2", "llama3_json", "mistral_v3"}


def test_histories_print_the_same_where_results_are_a_users_and_calls_an_answers():
    same = {
        name
        for name in CALLING
        if all(
            printed_again(name, plain(name, messages)) == loaded(name).render(messages, TOOLS)
            for messages in (round_trip(name), round_trip(name, system=True, results=TEXTS))
        )
    }
    assert same == {"qwen3", "qwen3_coder"}


@pytest.mark.parametrize("name", CALLING)
def test_what_differs_is_headers_and_ends_of_turns_only(name):
    """Without markers, roles and white space, both prompts hold the same characters."""
    compared = 0
    for number in range(40):
        sample = conversation(Seeded(f"{name} {number}"), subject(name).domain)
        messages = [{k: v for k, v in m.items() if k in KEPT} for m in sample.messages]
        options = {**sample.options, "add_generation_prompt": False}
        try:
            wanted = loaded(name).render(messages, sample.tools, **options)
        except ConversationError:
            continue
        rewritten = plain(name, messages, sample.tools, **sample.options)
        got, wanted = (
            characters(name, text) for text in (printed_again(name, rewritten, **options), wanted)
        )
        assert not wanted - got, rewritten
        # One format prints the system text once more in a last message that is a user's.
        if messages[0]["role"] != "system" or messages[-1]["role"] != "tool":
            assert not got - wanted, rewritten
        compared += 1
    assert compared > 20


KEPT = ("role", "content", "tool_calls", "tool_call_id")
ROLES = ("system", "user", "assistant", "model", "tool", "ipython", "tool_declare", "observation")


def characters(name, text):
    declaration = loaded(name).declaration
    for marker in sorted({*declaration.special, *declaration.stop}, key=len, reverse=True):
        text = text.replace(marker, " ")
    return Counter("".join(word for word in text.split() if word not in ROLES))


@pytest.mark.parametrize("name", CALLING)
def test_only_plain_messages_come_out(name):
    for system in (False, True):
        for message in plain(name, round_trip(name, system=system, results=TEXTS)):
            assert message["role"] in ("system", "user", "assistant")
            assert message.keys() == {"role", "content"}
            assert isinstance(message["content"], str)


@pytest.mark.parametrize("name", CALLING)
def test_messages_that_say_nothing_of_tools_stay_as_they_are(name):
    parts = [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {"url": "x"}}]
    said = [
        {"role": "user", "content": parts, "name": "ann"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And?"},
    ]
    assert plain(name, said, None) == said
    got = plain(name, said)
    assert got[-2] == said[1]
    texts = [part for part in got[-3]["content"] if part["type"] == "text"]
    assert "".join(part["text"] for part in texts).endswith("Hello")
    assert parts[1] in got[-3]["content"]


# -- results


@pytest.mark.parametrize("name", CALLING)
def test_results_are_one_users_message_with_all_their_texts(name):
    results = TEXTS[:2] if name in PARALLEL else TEXTS[1:2]
    messages = plain(name, round_trip(name, results=results))
    users = [message["content"] for message in messages if message["role"] == "user"]
    assert len(users) == 3
    for text in results:
        assert text in users[1] or json.dumps(text, ensure_ascii=False) in users[1]


@pytest.mark.parametrize("name", CALLING)
def test_class_27_no_marker_of_a_turn_is_put_into_a_content(name):
    """What opens and closes turns is the server's template's to print."""
    special = loaded(name).declaration.special
    empty = printed_again(name, [SYSTEM, *HELLO])
    turns = [marker for marker in special if marker in empty and marker != "sop"]
    for messages in (HELLO, round_trip(name, system=True)):
        for message in plain(name, messages):
            inside = [marker for marker in turns if marker in message["content"]]
            # Neighbouring calls of one format stand each in a turn of its own inside the answer.
            if message["role"] != "assistant":
                assert not inside, message


@pytest.mark.parametrize("name", CALLING)
def test_class_27_a_text_that_looks_like_a_turn_is_neither_cut_nor_lost(name):
    joint = "".join(loaded(name).declaration.special)
    for text in (joint, f"a {joint} b", loaded(name).render_template([SYSTEM, *HELLO])):
        messages = [{"role": "system", "content": text}, {"role": "user", "content": text}]
        got = plain(name, messages)
        assert text.strip() in "".join(m["content"] for m in got if m["role"] == "system")
        assert got[-1]["content"].endswith(text)


@pytest.mark.parametrize("name", CALLING)
def test_class_25_a_content_that_is_null_or_missing_is_no_text(name):
    messages = round_trip(name)
    messages[1] |= {"content": None}
    messages[-2] = {"role": "assistant"}
    again = [dict(message) for message in messages]
    del again[1]["content"]
    assert plain(name, messages) == plain(name, again)
    assert "None" not in json.dumps(plain(name, messages))


@pytest.mark.parametrize("name", THINKING)
def test_class_22_reasoning_of_the_history_is_kept_where_the_template_keeps_it(name):
    asked = [*HELLO, {"role": "assistant", "content": "Hi", "reasoning_content": "Be polite."}]
    messages = [*asked, {"role": "user", "content": "And?"}]
    for options in ({}, *({option: True} for option in loaded(name).declaration.options)):
        got = plain(name, messages, **options)
        assert all(message.keys() == {"role", "content"} for message in got)
        assert printed_again(name, got, **options) == loaded(name).render(
            messages, TOOLS, **options
        )


def test_system_messages_are_two_only_where_the_format_has_two_turns():
    two = {
        name
        for name in CALLING
        if sum(m["role"] == "system" for m in plain(name, [SYSTEM, *HELLO])) != 1
    }
    assert two == {"glm45", "kimi_k2"}


# -- formats as small as can be


def test_a_format_without_system_texts_gets_the_tools_with_the_first_question():
    opening = "<s>{% if tools %}[{% for tool in tools %}{{ tool | json }}{% endfor %}]{% endif %}"
    made = Plainer(adapter(JSON_CALLS, opening=opening, assistant="<bot>{{ output }}<end>"))
    tools = [tool("f", x="integer")]
    (got,) = made.messages(HELLO, tools, {}, "Call it.")
    assert got["content"] == f"[{json.dumps(tools[0])}]\n\nCall it.\n\nHello"


def test_a_system_text_that_is_printed_elsewhere_stays_beside_the_tools():
    each = "{% for tool in tools %}{{ tool | json }}{% endfor %}"
    made = Plainer(
        adapter(
            JSON_CALLS,
            opening="{% if tools %}[" + each + "]{% endif %}",
            user="<user>{% if last and system is defined %}{{ system }} {% endif %}{{ content }}",
            assistant="<bot>{{ output }}<end>",
        )
    )
    tools = [tool("f", x="integer")]
    got = made.messages([SYSTEM, *HELLO], tools, {}, "")
    assert [m["content"] for m in got] == ["Be brief.", f"[{json.dumps(tools[0])}]", "Hello"]


def test_a_result_that_no_turn_prints_is_sent_as_it_is():
    made = Plainer(adapter(JSON_CALLS, tool="", assistant="<bot>{{ output }}<end>"))
    messages = [*HELLO, {"role": "assistant", "tool_calls": [call("f", {})]}]
    messages.append({"role": "tool", "content": "42"})
    assert made.messages(messages, None, {})[-1] == {"role": "user", "content": "42"}


def test_what_would_be_misread_is_refused():
    name = CALLING[0]
    stop = loaded(name).declaration.stop[0]
    with pytest.raises(ConversationError, match=r"messages\[1\]"):
        plain(name, [*HELLO, {"role": "assistant", "content": f"a {stop} b"}, *HELLO])
