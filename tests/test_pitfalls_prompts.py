"""Failure classes of prompts: content in every spelling, roles, ids, what reasoning is kept."""

import json

import pytest

from chatadapters import ConversationError
from tests.formats import CALLING, HELLO, IDS, NAMES, THINKING, TOOLS, loaded
from tests.tiny import NAMED_CALLS, adapter, call
from tests.tiny import THINKING as THINKS


def parts(text):
    return [{"type": "text", "text": text}]


def conversation(name, spell=parts, answer=""):
    """Return a conversation with every role; ``spell`` writes each content."""
    user, system = (
        {"role": "user", "content": spell("Hello")},
        {"role": "system", "content": spell("Be")},
    )
    if name not in CALLING:
        return [system, user, {"role": "assistant", "content": spell("Hi")}, user]
    one = call("ping", {}, id="abcdefghi")
    asked = {"role": "assistant", "content": answer, "tool_calls": [one]}
    result = {"role": "tool", "tool_call_id": "abcdefghi", "content": spell("pong")}
    return [system, user, asked, result, {"role": "assistant", "content": spell("Done")}, user]


def tools(name):
    return TOOLS if name in CALLING else None


# -- class 20: content as a string, null and parts


@pytest.mark.parametrize("name", NAMES)
def test_class_20_parts_are_printed_as_their_text(name):
    """To the byte; a gap after each part of the leading system message is one template's own."""
    made = loaded(name)
    for render in (made.render, made.render_template):
        plain, listed = conversation(name, str), conversation(name, parts)
        wanted, found = render(plain, tools(name)), render(listed, tools(name))
        assert found.split("Hello", 1)[1] == wanted.split("Hello", 1)[1]
        assert "".join(found.split()) == "".join(wanted.split())
        assert render([plain[0], *listed[1:]], tools(name)) == wanted
        assert "'type'" not in found


@pytest.mark.parametrize("name", NAMES)
def test_class_20_several_parts_are_joined_as_declared(name):
    made, joint = loaded(name), loaded(name).declaration.prompt.parts
    messages = [{"role": "user", "content": parts("one") + parts("two")}]
    prompt = made.render(messages)
    assert f"one{joint}two" in prompt and "{'" not in prompt and "[{" not in prompt


@pytest.mark.parametrize("name", CALLING)
def test_class_20_null_empty_and_missing_content_beside_calls_are_the_same(name):
    found = {
        loaded(name).render(conversation(name, str, answer), TOOLS) for answer in (None, "", [])
    }
    missing = conversation(name, str)
    del missing[2]["content"]
    found.add(loaded(name).render(missing, TOOLS))
    assert len(found) == 1


# -- class 25: null and missing content anywhere


@pytest.mark.parametrize("content", [None, "", [], "missing"])
@pytest.mark.parametrize("name", NAMES)
def test_class_25_no_content_is_no_error_and_no_word(name, content):
    made = loaded(name)
    for index in range(len(conversation(name, str))):
        messages = [dict(message) for message in conversation(name, str)]
        messages[index]["content"] = content
        if content == "missing":
            del messages[index]["content"]
        for render in (made.render, made.render_template):
            prompt = render(messages, tools(name))
            for word in ("None", "undefined", "Undefined", "null", "[]"):
                plain = render(conversation(name, str), tools(name)).count(word)
                spelled = word == "null" and messages[index]["role"] == "tool"
                assert prompt.count(word) <= plain + spelled, (word, messages[index])


# -- class 22: which reasoning is kept

TURNS = "user r1+call tool r2 user r3+call tool r4 user r5+call tool r6+call tool"
KEPT = {
    "all": "r1 r2 r3 r4 r5 r6",
    "none": "",
    "last_user": "r5 r6",
    "tool_turns": "r1 r3 r5 r6",
    "tool_turns_after_last_user": "r5 r6",
    "since_last_final": "r4 r5 r6",
    "last_only": "",
}
FINAL_TURNS = "user r1 user r2+call tool user r3+call tool"
KEPT_FINAL = {**KEPT, "all": "r1 r2 r3", "last_user": "r3", "tool_turns": "r2 r3"}
KEPT_FINAL |= {"tool_turns_after_last_user": "r3", "since_last_final": "r1 r2 r3"}
ANSWERED_TURNS = "user r1+call tool r2"
KEPT_ANSWERED = {
    **KEPT,
    "all": "r1 r2",
    "last_user": "r1 r2",
    "tool_turns": "r1",
    "last_only": "r2",
}
KEPT_ANSWERED |= {"tool_turns_after_last_user": "r1", "since_last_final": "r2"}
TABLE = [(TURNS, KEPT), (FINAL_TURNS, KEPT_FINAL), (ANSWERED_TURNS, KEPT_ANSWERED)]


def turns(text):
    """Spell out a conversation: ``r1+call`` is an answer that reasons and calls."""
    for word in text.split():
        if word in ("user", "tool"):
            yield {
                "role": word,
                "content": "x",
                **({"tool_call_id": "abcdefghi"} if word == "tool" else {}),
            }
        else:
            reasoning, _, calls = word.partition("+")
            made = [call("ping", {}, id="abcdefghi")] if calls else []
            answer = {"role": "assistant", "content": "" if made else "y"}
            yield {**answer, "reasoning_content": f"<{reasoning}>", "tool_calls": made}


def kept(made, text, **options):
    prompt = made.render_template(list(turns(text)), TOOLS, add_generation_prompt=False, **options)
    return [f"r{n}" for n in range(1, 9) if f"<r{n}>" in prompt]


@pytest.mark.parametrize("policy", KEPT)
def test_class_22_each_policy_keeps_what_its_name_says(policy):
    made = adapter(THINKS + NAMED_CALLS)
    output = made.declaration.output.model_copy(update={"history": policy})
    made = type(made)(made.declaration.model_copy(update={"output": output}))
    for text, wanted in TABLE:
        assert kept(made, text) == wanted[policy].split(), text


@pytest.mark.parametrize("name", sorted(set(THINKING) & set(CALLING)))
def test_class_22_a_format_keeps_what_it_declares(name):
    """A template may keep less by conditions of its own, but not where a tool was called."""
    made = loaded(name)
    history = made.declaration.output.history
    policies = {(): history} if isinstance(history, str) else {}
    for option, choices in {} if policies else history.items():
        policies |= {((option, json.loads(value)),): policy for value, policy in choices.items()}
    for options, policy in policies.items():
        for text, wanted in TABLE[:2]:
            found, declared = set(kept(made, text, **dict(options))), set(wanted[policy].split())
            calling = {word[:2] for word in text.split() if "+" in word}
            assert declared & calling <= found <= declared, (text, policy)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
@pytest.mark.parametrize("name", sorted(set(THINKING)))
def test_class_22_reasoning_is_found_under_each_of_its_names(name, field):
    answer = {"role": "assistant", "content": "y", field: "Hm, hm."}
    assert "Hm, hm." in loaded(name).output([*HELLO, answer])


# -- class 23: ids of other makers

LOOKALIKE = "functions.x:y"  # a template cannot check a form to its end; `render` does


@pytest.mark.parametrize(
    "given", ["call_abc123def456", "toolu_01AB", "0", "", None, LOOKALIKE, "a b\n"]
)
@pytest.mark.parametrize("name", CALLING)
def test_class_23_foreign_ids_are_mapped_with_their_results(name, given):
    one = call("ping", {}, id=given)
    messages = [*HELLO, {"role": "assistant", "content": "", "tool_calls": [one]}]
    messages.append({"role": "tool", "tool_call_id": given, "content": "pong"})
    made = loaded(name)
    for render in (made.render, made.render_template):
        prompt = render(messages, TOOLS)
        assert "pong" in prompt and "None" not in prompt
        alike = given == LOOKALIKE and render == made.render_template
        if given and len(given) > 3 and not alike:
            assert given not in prompt


@pytest.mark.parametrize("name", IDS)
def test_class_23_an_id_of_the_own_form_is_kept_and_a_made_one_has_it(name):
    made = loaded(name)
    messages = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": [call("ping", {}, id="x")]},
    ]
    messages.append({"role": "tool", "tool_call_id": "x", "content": "pong"})
    (own,) = (one.id for one in made.parse(made.output(messages[:2], TOOLS)).tool_calls)
    assert own != "x" and made.render(messages, TOOLS).count(own) >= 1
    mine = json.loads(json.dumps(messages).replace('"x"', f'"{own}"'))
    assert made.render(mine, TOOLS) == made.render(messages, TOOLS)
    assert made.render_template(mine, TOOLS) == made.render(mine, TOOLS)


# -- class 24: roles in any order


ORDERS = [
    "developer user",
    "system developer user",
    "user system user",
    "user user",
    "user assistant assistant user",
    "assistant user",
    "system",
    "system system user",
    "user assistant",
    "tool user",
    "user tool",
    "user assistant tool tool user",
    "observation user",
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_class_24_roles_in_any_order_are_printed_or_refused_in_a_sentence(name, order):
    messages = [{"role": role, "content": f"<{n}>"} for n, role in enumerate(order.split())]
    made, said = loaded(name), []
    for render in (made.render, made.render_template):
        try:
            prompt = render(messages, None)
        except ConversationError as error:
            said.append(str(error).partition("refuses this conversation: ")[2])
            continue
        assert prompt and "Undefined" not in prompt
        users = [m["content"] for m in messages if m["role"] == "user"]
        assert all(text in prompt for text in users)
        said.append("")
    assert said[0] == said[1]
    if said[0]:
        assert any(word in said[0] for word in (*order.split(), "role", "alternate")), said[0]
        assert "line " not in said[0] and "undefined" not in said[0].lower()


@pytest.mark.parametrize("name", NAMES)
def test_class_24_an_unknown_role_is_refused_where_nothing_is_declared_for_it(name):
    made = loaded(name)
    messages = [*HELLO, {"role": "narrator", "content": "<once>"}]
    if made.declaration.prompt.other is None:
        with pytest.raises(ConversationError, match="narrator"):
            made.render(messages)
    elif made.declaration.prompt.other:
        assert "<once>" in made.render(messages)
    else:
        assert "<once>" not in made.render(messages)
