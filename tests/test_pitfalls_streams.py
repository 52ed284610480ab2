"""Failure classes of streams: what comes out while an answer is still being written."""

import json
import sys

import pytest

from chatadapters.verify.checks import joined, run
from chatadapters.verify.linear import ADVERSARIAL, adversary
from tests.formats import (
    CALLING,
    NAMES,
    PARALLEL,
    TOOLS,
    loaded,
    printed,
    read,
    said,
    samples,
    thought,
)
from tests.strategies import subject
from tests.tiny import call


@pytest.mark.parametrize("name", NAMES)
def test_class_01_no_part_of_a_marker_is_ever_given_as_text(name):
    for answer in samples(name):
        whole = read(answer)[1]
        parser, given = answer.make(), {"text": "", "reasoning": ""}
        stop = "".join(loaded(name).declaration.stop[:1])
        for character in answer.text + stop:
            for event in parser.feed(character):
                if event.type in given:
                    given[event.type] += event.text
            assert whole.content.startswith(given["text"])
            assert whole.reasoning.startswith(given["reasoning"])
        parser.close()
        assert (parser.message.content, parser.message.reasoning) == (
            whole.content,
            whole.reasoning,
        )


@pytest.mark.parametrize("name", NAMES)
def test_class_02_a_stream_is_read_as_the_whole(name):
    for answer in samples(name):
        text, (whole, _) = answer.text, read(answer)
        assert read(answer, *text)[0] == whole
        for at in range(1, len(text)):
            assert read(answer, text[:at], text[at:])[0] == whole


@pytest.mark.parametrize("name", NAMES)
def test_class_02_a_stream_of_garbage_is_read_as_the_whole(name):
    for kind in ADVERSARIAL:
        text = adversary(subject(name), kind, 60)
        parser = lambda: loaded(name).parser(tools=TOOLS)  # noqa: E731
        whole = joined(run(parser, [text])[0])
        for pieces in (list(text), [text[:20], text[20:21], text[21:]]):
            assert joined(run(parser, pieces)[0]) == whole


@pytest.mark.parametrize("name", PARALLEL)
def test_class_03_one_delta_may_hold_several_calls(name):
    calls = [call("get_weather", {"city": city}) for city in ("Paris", "Rome", "Oslo")]
    answer = printed(name, "", *calls)
    parser = answer.make()
    events = parser.feed(answer.text)
    assert [event.index for event in events if event.type == "call_start"] == [0, 1, 2]
    assert [one.value()["city"] for one in parser.message.tool_calls] == ["Paris", "Rome", "Oslo"]
    for size in range(2, 40):
        pieces = [answer.text[at : at + size] for at in range(0, len(answer.text), size)]
        assert said(read(answer, *pieces)[1]) == said(parser.message)


@pytest.mark.parametrize("name", PARALLEL)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_class_04_every_parallel_call_is_read_even_equal_ones(name, count):
    answer = printed(name, "", *[call("get_weather", {"city": "Paris"})] * count)
    events, message = read(answer)
    for kind in ("call_start", "call_end"):
        assert [e["index"] for e in events if e["type"] == kind] == list(range(count))
    deltas = {e["index"]: e["json_delta"] for e in events if e["type"] == "call_arguments"}
    assert [json.loads(deltas[n]) for n in range(count)] == [{"city": "Paris"}] * count
    assert len({one.id for one in message.tool_calls}) == count


WORK = 800


def opener(name, where):
    """Return a text after which the parser is in this region, or None where there is none."""
    if where == "text":
        return loaded(name).parser, ""
    if where == "reasoning":
        if not subject(name).domain.reasoning:
            return None
        answer = thought(name, "", reasoning="HERE")
    elif name in CALLING:
        answer = printed(name, "", call("search", {"query": "HERE"}))
    else:
        return None
    return answer.make, answer.text.partition("HERE")[0]


def work(feed, pieces):
    """Count the lines of Python that run while these pieces are fed."""
    lines = 0

    def count(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        for piece in pieces:
            feed(piece)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("where", ["text", "arguments", "reasoning"])
@pytest.mark.parametrize("name", NAMES)
def test_class_16_twice_the_text_is_twice_the_work(name, where):
    found = opener(name, where)
    if found is None:
        assert name not in CALLING or where == "reasoning"
        return
    make, begin = found
    for kind in ADVERSARIAL:
        for size in (1, 7, 10 * WORK):
            spent = []
            for length in (WORK, 2 * WORK):
                parser, text = make(), adversary(subject(name), kind, length)
                parser.feed(begin)
                pieces = [text[at : at + size] for at in range(0, length, size)]
                spent.append(work(parser.feed, pieces))
            assert spent[1] < 2.3 * spent[0] + 200, (kind, size, spent)


@pytest.mark.parametrize("where", ["text", "arguments", "reasoning"])
@pytest.mark.parametrize("name", NAMES)
def test_class_16_what_is_looked_at_again_stays_short(name, where):
    """No search runs over what was consumed: the buffer is what is held and one delta."""
    found = opener(name, where)
    if found is None:
        assert name not in CALLING or where == "reasoning"
        return
    make, begin = found
    bound = 2 * max(map(len, subject(name).domain.markers)) + 256
    for kind in ADVERSARIAL:
        parser = make()
        parser.feed(begin)
        longest = 0
        for character in adversary(subject(name), kind, WORK):
            parser.feed(character)
            longest = max(longest, parser.held, len(parser.buffer))
        assert longest < bound, kind


@pytest.mark.parametrize("name", CALLING)
def test_class_26_a_cut_answer_says_what_was_cut_and_repairs_nothing(name):
    answer = printed(name, "", call("search", {"query": "a b", "filter": {"n": [1, 2]}}))
    (whole,) = read(answer)[1].tool_calls
    seen = set()
    for at in range(len(answer.text)):
        parser = answer.make()
        events = parser.feed(answer.text[:at])
        for one in parser.message.tool_calls:
            assert whole.arguments.startswith(one.arguments)
        events += parser.close()
        starts = [event for event in events if event.type == "call_start"]
        ends = [event for event in events if event.type == "call_end"]
        assert len(starts) == len(ends) == len(parser.message.tool_calls) <= 1
        for one in parser.message.tool_calls:
            seen.add(one.status)
            assert 0 <= one.span[0] < one.span[1] <= at
            if one.arguments == whole.arguments:
                continue
            assert one.status == "truncated"
            with pytest.raises(ValueError):
                one.value()
    assert seen <= {"truncated", "complete"} and "truncated" in seen
