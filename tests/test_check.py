"""What `render` refuses: text that would be misread, and under strict what is not carried."""

import pytest

from chatadapters import ConversationError
from tests.formats import BESIDE, CALLING, NAMES, THINKING, TOOLS, loaded, printed
from tests.tiny import adapter, call, tool

ASKED = {"role": "user", "content": "Hello"}
BRACED = "<call>{{ call.name }}{{ call.arguments | literal }}</call>"
PARIS = call("get_weather", {"city": "Paris"})


def answer(content="", **more):
    return [ASKED, {"role": "assistant", "content": content, **more}]


@pytest.mark.parametrize("name", BESIDE)
def test_content_that_would_be_read_as_a_call_is_refused(name):
    inner = printed(name, "Look.", PARIS).text.partition("Look.")[2]
    inner = inner or printed(name, "", PARIS).text
    with pytest.raises(ConversationError) as caught:
        loaded(name).render(answer(f"Look.{inner}"), TOOLS)
    assert caught.value.message_index == 1 and caught.value.field == "content"
    assert "messages[1].content" in str(caught.value) and "get_weather" in str(caught.value)


@pytest.mark.parametrize("name", CALLING)
def test_the_same_call_in_its_own_place_is_printed(name):
    assert "Paris" in loaded(name).render(answer(tool_calls=[PARIS]), TOOLS)


@pytest.mark.parametrize("name", NAMES)
def test_only_strict_refuses_what_is_merely_not_carried(name):
    adapter = loaded(name)
    limits = adapter.declaration.limits
    fields = {}
    if name not in THINKING:
        fields["reasoning_content"] = answer("Hi.", reasoning_content="because")
    if name in CALLING and name not in BESIDE:
        fields["content"] = answer("Hi.", tool_calls=[PARIS])
    if limits.calls == 0:
        fields["tool_calls"] = answer("Hi.", tool_calls=[PARIS])
    if adapter.declaration.prompt.other == "":
        fields["role"] = [ASKED, {"role": "critic", "content": "No."}]
    for field, messages in fields.items():
        adapter.render(messages, TOOLS)
        with pytest.raises(ConversationError, match="does not carry") as caught:
            adapter.render(messages, TOOLS, strict=True)
        assert (caught.value.message_index, caught.value.field) == (1, field)
    adapter.render(answer("Hi."), TOOLS, strict=True)


def test_every_limit_is_met_by_some_format():
    limits = [loaded(name).declaration.limits for name in NAMES]
    assert any(limit.calls == 0 for limit in limits)
    assert any(not limit.reasoning for limit in limits)
    assert any(not limit.content_with_calls and limit.calls != 0 for limit in limits)
    assert any(loaded(name).declaration.prompt.other == "" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_long_conversation_is_checked_with_no_more_than_its_last_question(name, monkeypatch):
    adapter, seen = loaded(name), []
    real = adapter.output
    monkeypatch.setattr(
        adapter, "output", lambda m, *a, **k: seen.append(len(m)) or real(m, *a, **k)
    )
    turns = [message for _ in range(20) for message in answer("Hi <" + "|im_end" + "|")]
    adapter.render(turns)
    assert all(count <= 2 for count in seen)


def test_white_space_that_reading_back_adds_is_refused():
    made = adapter("<answer>\n{{ content }}\n</answer>")
    with pytest.raises(ConversationError, match="contains the marker '</answer>'"):
        made.render(answer("</answer>"))
    assert made.render(answer("Hi."))


@pytest.mark.parametrize("name", ["{", "", " a", "x" * 129])
def test_names_that_a_format_without_escapes_misreads_are_refused(name):
    made = adapter(f"{{{{ content }}}}{{% for call in calls %}}{BRACED}{{% endfor %}}")
    with pytest.raises(ConversationError, match="read back"):
        made.render(answer(tool_calls=[call(name)]), [tool(name)])


@pytest.mark.parametrize("key", ["{", ":", " a", ""])
def test_keys_that_a_format_without_escapes_misreads_are_refused(key):
    made = adapter(f"{{{{ content }}}}{{% for call in calls %}}{BRACED}{{% endfor %}}")
    with pytest.raises(ConversationError, match="read back"):
        made.render(answer(tool_calls=[call("f", {key: "b"})]), [tool("f")])
    assert made.render(answer(tool_calls=[call("f", {"a": "b"})]), [tool("f")])
