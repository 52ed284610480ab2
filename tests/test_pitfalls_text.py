"""Failure classes of text and reasoning: what is not a call stays text, and nothing is lost."""

import pytest

from chatadapters.verify.checks import joined, run
from tests.formats import (
    BESIDE,
    CALLING,
    HELLO,
    NAMES,
    PARALLEL,
    THINKING,
    TOOLS,
    loaded,
    printed,
    read,
    refused,
    said,
    thought,
)
from tests.strategies import subject
from tests.tiny import call

PARIS = call("get_weather", {"city": "Paris"})


def parse(name, text, **options):
    events, message = run(lambda: loaded(name).parser(**options), [text])
    return joined(events), message


# -- class 8: markers that are only quoted


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["Hello", "", " x\n"])
def test_class_08_without_tools_the_content_is_read_as_with_them(name, content):
    answer = printed(name, content, tools=None)
    read = []
    for tools in (None, [], TOOLS):
        parser = loaded(name).parser(tools=tools, prompt=answer.prompt)
        parser.feed(answer.text)
        parser.close()
        read.append(parser.message.content)
    assert read == read[:1] * 3 and read[0].strip() == content.strip()


@pytest.mark.parametrize("name", NAMES)
def test_class_08_a_marker_quoted_in_prose_is_text_or_refused(name):
    """Refused only where it ends the message or the reasoning; ``inline`` splits a content."""
    adapter = loaded(name)
    inline = adapter.declaration.output.inline
    ends = set(adapter.declaration.stop)
    ends |= {m for m in subject(name).domain.markers if m.startswith("<") and "think" in m}
    for marker in subject(name).domain.markers:
        for text in (f"Write {marker} here.", f"`{marker}`\n\n{marker} {marker}"):
            if refused(name, text):
                assert any(end in marker for end in ends), marker
                continue
            answer = printed(name, text)
            if inline and inline[1] in text:
                assert read(answer)[1].content.strip() in text
                continue
            assert said(read(answer)[1]) == (text, "", [])
            assert said(read(answer, *answer.text)[1]) == (text, "", [])


@pytest.mark.parametrize("name", CALLING)
def test_class_08_a_whole_call_in_prose_is_refused_and_read_as_a_call(name):
    whole = printed(name, "", PARIS).text
    inner = whole.split("</think>")[-1].lstrip()
    if any(inner.startswith(marker) for marker in loaded(name).declaration.special):
        assert refused(name, f"I would write {inner}")
    assert [one.name for one in parse(name, whole, tools=TOOLS)[1].tool_calls] == ["get_weather"]


@pytest.mark.parametrize("name", CALLING)
def test_class_08_the_beginning_of_a_call_in_prose_is_text(name):
    """Up to the tool's name, and a declared tool at that."""
    inner = printed(name, "", PARIS).text.split("</think>")[-1].lstrip()
    for begun in (
        inner.partition("get_weather")[0],
        inner.partition("get_weather")[0] + "get_weather",
    ):
        text = f"I would write {begun} here."
        assert said(parse(name, text, tools=TOOLS, prompt=None)[1]) == (text, "", [])


@pytest.mark.parametrize("name", CALLING)
def test_class_08_no_tools_allowed_makes_no_call(name):
    answer = printed(name, "", PARIS)
    parser = loaded(name).parser(tools=[], prompt=answer.prompt)
    events = parser.feed(answer.text) + parser.close()
    assert {event.type for event in events} <= {"text", "reasoning"}
    assert parser.message.tool_calls == [] and parser.message.content.strip() in answer.text
    assert "get_weather" in parser.message.content and "Paris" in parser.message.content


@pytest.mark.parametrize("name", CALLING)
def test_class_08_a_call_of_an_undeclared_tool_is_text_whole(name):
    text = printed(name, "", call("rm", {"path": "/"})).text
    events, message = parse(name, text, tools=TOOLS)
    assert message.tool_calls == [] and "rm" in message.content and "/" in message.content
    assert [event["text"] for event in events if event["type"] == "text"][-1].strip() in text
    assert parse(name, text)[1].tool_calls[0].name == "rm"


@pytest.mark.parametrize("name", sorted(set(THINKING) & set(CALLING)))
def test_class_08_a_call_in_the_reasoning_stays_reasoning(name):
    whole = printed(name, "", PARIS, tools=TOOLS).text
    inner = whole.split("</think>")[-1].strip()
    assert "get_weather" in inner
    if loaded(name).declaration.accept.calls_in_reasoning:
        return
    answer = thought(name, "No.", reasoning=f"I could write {inner} now.")
    assert said(read(answer)[1]) == ("No.", f"I could write {inner} now.", [])


# -- class 9: text around calls


@pytest.mark.parametrize("name", CALLING)
def test_class_09_text_after_a_call_is_kept(name):
    answer = printed(name, "", PARIS)
    for after in (" Done.", "\n\nDone {1}.\n", "} ] )"):
        events, message = run(answer.make, [answer.text + after])
        assert [one.value() for one in message.tool_calls] == [{"city": "Paris"}]
        assert message.content.endswith(after.lstrip()), events


@pytest.mark.parametrize("name", BESIDE)
def test_class_09_text_before_calls_is_kept_to_the_last_character(name):
    for text in ("I look it up.", "So: {}", "a\n\nb }", "1. <b>\n2. [x]"):
        answer = printed(name, text, PARIS)
        assert said(read(answer)[1]) == (text, "", [("get_weather", {"city": "Paris"}, "complete")])


@pytest.mark.parametrize("name", PARALLEL)
def test_class_09_text_between_calls_is_kept(name):
    two = printed(name, "", PARIS, call("ping")).text
    one = printed(name, "", PARIS).text
    if not two.startswith(one):
        return  # the calls stand in one list, with nothing between them
    message = read(printed(name, "", PARIS))[1]
    answer = printed(name, "", PARIS, call("ping"))
    middle = f"{one}Between.{two[len(one) :].lstrip()}"
    message = run(answer.make, [middle])[1]
    assert message.content == "Between."
    assert [call.name for call in message.tool_calls] == ["get_weather", "ping"]


@pytest.mark.parametrize("name", NAMES)
def test_class_09_every_character_is_in_exactly_one_place(name):
    about = subject(name)
    texts = [printed(name, "Hello there.").text + end for end in ("", " }", "</x>", "<", "\n\n")]
    texts += [text + marker for text in texts[:2] for marker in about.domain.markers]
    for text in texts:
        events, message = parse(name, text, tools=TOOLS)
        assert about.conservation.problem(text, events, message) is None


# -- class 10: reasoning


@pytest.mark.parametrize("name", THINKING)
def test_class_10_reasoning_and_content_are_told_apart(name):
    for reasoning in ("Is it?", "1.\n\n2.", "a < b", "{}", "<thin", "</ think>"):
        answer = thought(name, "It is.", reasoning=reasoning)
        for pieces in ([answer.text], list(answer.text)):
            events, message = run(answer.make, pieces)
            assert said(message) == ("It is.", reasoning, [])
            kinds = [event["type"] for event in joined(events)]
            assert kinds == ["reasoning", "text"]


@pytest.mark.parametrize("name", sorted(set(THINKING) & set(CALLING)))
def test_class_10_calls_after_the_reasoning_are_found(name):
    answer = thought(name, "", PARIS, reasoning="I should look.")
    assert said(read(answer)[1]) == (
        "",
        "I should look.",
        [("get_weather", {"city": "Paris"}, "complete")],
    )


@pytest.mark.parametrize("name", THINKING)
def test_class_10_reasoning_that_is_cut_off_is_reasoning(name):
    answer = thought(name, "It is.", reasoning="Is it? MIDDLE")
    _, message = run(answer.make, [answer.text.partition("MIDDLE")[0]])
    assert message.content == "" and message.reasoning.strip() == "Is it?"


@pytest.mark.parametrize("name", NAMES)
def test_class_10_the_answer_begins_where_the_prompt_says(name):
    """Under every option the rest of an answer is read as the whole would be."""
    adapter = loaded(name)
    options = [{}]
    for option, default in adapter.declaration.options.items():
        if isinstance(default, bool) or default == {}:
            options += [{option: True}, {option: False}]
    begun = set()
    for chosen in options:
        answer = (
            printed(name, "It is.", **chosen) if not refused(name, "It is.", **chosen) else None
        )
        if answer is None:
            answer = printed(name, "It is.", reasoning="Is it?", **chosen)
        begun.add(subject(name).begun(answer.prompt))
        message = read(answer)[1]
        assert message.content == "It is." and message.reasoning in ("", "Is it?")
    assert begun <= {rest for _, rest in adapter.table["starts"]}


@pytest.mark.parametrize("name", THINKING)
def test_class_10_a_block_that_the_prompt_opened_makes_the_answer_reasoning(name):
    answer = {"role": "assistant", "content": "y", "reasoning_content": "HERE"}
    opened = loaded(name).output([*HELLO, answer]).partition("HERE")[0].strip()
    for end, rest in loaded(name).table["starts"]:
        message = parse(name, "Is it?", prompt="..." + end)[1]
        wanted = ("", "Is it?") if rest.strip() == opened else ("Is it?", "")
        assert (message.content, message.reasoning) == wanted, end
