"""The parser as its users meet it: events, spans, statuses, ids; what tools and prompt decide."""

import pytest

from tests.tiny import JSON_CALLS, NAMED_CALLS, PAIRS, THINKING, adapter, events, tool

JSON = adapter(JSON_CALLS)
NAMED = adapter(NAMED_CALLS)
RAW = adapter(PAIRS)
DEEP = adapter(THINKING + NAMED_CALLS)
CALL = '\n<call>{"name": "f", "arguments": {"a": 1}}</call>'


def feed(made, *pieces, **options):
    parser = made.parser(**options)
    found = [event for piece in pieces for event in parser.feed(piece)]
    return parser, found


# -- events and spans


def test_a_text_comes_out_as_it_arrives():
    parser, found = feed(JSON, "Hel", "lo")
    assert [event.as_dict() for event in found] == [
        {"type": "text", "text": "Hel", "span": (0, 3)},
        {"type": "text", "text": "lo", "span": (3, 5)},
    ]
    assert parser.close() == [] and parser.message.content == "Hello"


def test_the_events_of_a_call_say_where_it_stands():
    found, _ = events(JSON, "Look:" + CALL + " More.")
    assert found == [
        ("text", "Look:"),
        ("call", "f"),
        ("arguments", '{"a": 1}'),
        ("end", "complete"),
        ("text", "More."),
    ]
    text = "Look:" + CALL + " More."
    span = JSON.parse(text).tool_calls[0].span
    assert text[slice(*span)] == CALL


def test_arguments_stream_before_they_are_complete():
    parser, found = feed(NAMED, '<call>f<args>{"a": "one ', "two ", 'three"}')
    deltas = [event.json_delta for event in found if event.type == "call_arguments"]
    assert len(deltas) >= 3 and "".join(deltas) == '{"a": "one two three"}'
    assert parser.message.tool_calls[0].arguments == "".join(deltas)


def test_raw_strings_stream_too():
    _, found = feed(RAW, "<call=f><key>a</key><value>one ", "two ", "three")
    deltas = [event.json_delta for event in found if event.type == "call_arguments"]
    assert "".join(deltas) == '{"a": "one two three' and len(deltas) > 2


def test_only_what_may_become_a_marker_is_held():
    parser, _ = feed(JSON, "Hello")
    assert parser.held == 0
    for piece, held in [
        ("\n", 1),
        ("<ca", 4),
        ("t", 0),
        ("   \t", 0),
        ("<en", 3),
        ("d", 4),
        (">", 0),
    ]:
        parser.feed(piece)
        assert parser.held == held, piece
    assert parser.message.content == "Hello\n<cat   \t"


def test_what_was_held_is_text_at_the_end():
    parser, _ = feed(JSON, "Hello\n<ca")
    assert [event.text for event in parser.close()] == ["\n<ca"]
    assert parser.message.content == "Hello\n<ca" and parser.held == 0


def test_events_compare_and_show_what_they_say():
    one, two = (feed(JSON, "Hello")[1][0] for _ in range(2))
    assert one == two and hash(one) == hash(two) and one != feed(JSON, "Hallo")[1][0]
    assert repr(one) == "Text(text='Hello', span=(0, 5))"


# -- the end


def test_closing_twice_gives_nothing_more():
    parser, _ = feed(JSON, "Hello <ca")
    assert parser.close() and parser.close() == []


def test_feeding_a_closed_parser_is_an_error():
    parser, _ = feed(JSON, "Hello")
    parser.close()
    with pytest.raises(ValueError, match="make a new one"):
        parser.feed("x")


def test_nothing_at_all_is_an_empty_message():
    assert events(JSON, "", "")[0] == []
    assert JSON.parse("").to_openai() == {"role": "assistant", "content": None}


@pytest.mark.parametrize("text", ["Bye.<end>", "Bye.<end> \n\t"])
def test_a_stop_string_ends_the_message(text):
    assert events(JSON, text)[0] == [("text", "Bye.")]


def test_what_follows_a_stop_string_is_malformed():
    found, message = events(JSON, "Bye.<end>\n<user>More?" + CALL)
    assert found[0] == ("text", "Bye.")
    assert found[1] == ("malformed", "<user>More?" + CALL, "after stop string")
    assert message.content == "Bye." and message.tool_calls == []


def test_a_stop_string_after_a_call_ends_the_message():
    assert events(NAMED, "<call>f<args>{}</call><end>x")[0][-1] == (
        "malformed",
        "x",
        "after stop string",
    )


# -- statuses


@pytest.mark.parametrize("cut", range(len('\n<call>{"name": "f"'), len(CALL) - len("}</call>")))
def test_a_call_that_is_cut_off_is_truncated(cut):
    message = JSON.parse(CALL[:cut])
    assert [call.status for call in message.tool_calls] == ["truncated"]
    assert message.tool_calls[0].span == (0, cut) and message.content == ""
    with pytest.raises(ValueError):
        message.tool_calls[0].value()


def test_a_call_without_its_closing_marker_is_complete():
    assert NAMED.parse('<call>f<args>{"a": 1}').tool_calls[0].status == "complete"
    assert NAMED.parse('<call>f<args>{"a": 1}</ca').tool_calls[0].status == "complete"


def test_broken_arguments_are_malformed_up_to_the_closing_marker():
    found, message = events(NAMED, '<call>f<args>{"a": one} two</call>Sorry.')
    assert found[-3:] == [
        ("end", "malformed"),
        ("malformed", "one} two", "malformed call"),
        ("text", "Sorry."),
    ]
    assert message.tool_calls[0].status == "malformed"


def test_an_undeclared_tool_is_text_unless_it_is_wanted():
    text = '<call>g<args>{"a": 1}</call>'
    assert events(NAMED, text, tools=[tool("f")])[0] == [("text", text)]
    message = events(NAMED, text, tools=[tool("f")], unknown_tools=True)[1]
    assert [(call.name, call.status) for call in message.tool_calls] == [("g", "unknown_tool")]
    assert message.tool_calls[0].value() == {"a": 1}


def test_without_tools_given_every_name_is_a_call():
    assert [call.status for call in NAMED.parse("<call>anything<args>{}</call>").tool_calls] == [
        "complete"
    ]


@pytest.mark.parametrize("text", [CALL, '<call>f<args>{"a": 1}</call>', "<call=f></call>"])
def test_an_empty_list_of_tools_makes_no_call(text):
    for made in (JSON, NAMED, RAW):
        message = made.parse(text, tools=[])
        assert message.tool_calls == [] and message.content == text


def test_names_of_128_characters_are_read_and_longer_ones_are_text():
    longest, longer = "f" * 128, "f" * 129
    for made, shape in ((NAMED, "<call>{}<args>{{}}</call>"), (RAW, "<call={}></call>")):
        assert made.parse(shape.format(longest)).tool_calls[0].name == longest
        assert made.parse(shape.format(longer)).content == shape.format(longer)
    parser, _ = feed(NAMED, "<call>" + "f" * 5000)
    assert parser.held == 0


def test_longer_names_are_read_where_they_are_declared():
    name = "f" * 300
    assert (
        NAMED.parse(f"<call>{name}<args>{{}}</call>", tools=[tool(name)]).tool_calls[0].name == name
    )


def test_a_name_is_held_no_longer_than_a_tool_may_come_of_it():
    parser, _ = feed(NAMED, "<call>get_", tools=[tool("get_weather")])
    assert parser.held == len("<call>get_")
    parser.feed("x")
    assert parser.held == 0 and parser.message.content == "<call>get_x"


# -- ids


def test_ids_are_made_where_the_wire_has_none():
    first, second = JSON.parse(CALL + CALL).tool_calls
    assert first.id != second.id and first.id.startswith("call_")
    made = events(JSON, CALL + CALL, make_id=lambda index, name: f"{name}-{index}")[1]
    assert [call.id for call in made.tool_calls] == ["f-0", "f-1"]


def test_an_id_on_the_wire_is_kept():
    made = adapter(JSON_CALLS.replace("json }}}", 'json }}, "id": {{ call.id | json }}}'))
    text = '<call>{"name": "f", "arguments": {}, "id": "x7"}</call>'
    _, found = feed(made, text)
    assert [event.id for event in found if event.type == "call_start"] == [None]
    assert [event.id for event in found if event.type == "call_end"] == ["x7"]
    early = '<call>{"id": "x7", "name": "f", "arguments": {}}</call>'
    assert feed(made, early)[1][0].id == "x7"
    late = events(made, '<call>{"name": "f"}</call>', make_id=lambda index, name: "made")[1]
    assert late.tool_calls[0].id == "made"


# -- the OpenAI shape


def test_to_openai_has_what_there_is():
    message = DEEP.parse('<think>Hm.</think>Yes.<call>f<args>{"a": "é"}</call>')
    shape = message.to_openai()
    assert shape["content"] == "Yes." and shape["reasoning_content"] == "Hm."
    assert shape["tool_calls"][0]["type"] == "function"
    assert shape["tool_calls"][0]["id"] == message.tool_calls[0].id
    assert shape["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": "é"}'}
    assert set(JSON.parse("Yes.").to_openai()) == {"role", "content"}
    assert JSON.parse(CALL).to_openai()["content"] is None


# -- where the answer begins


def test_a_prompt_that_opened_the_reasoning_decides_where_the_answer_begins():
    made = adapter(
        THINKING + NAMED_CALLS,
        extra="options = { think = false }",
        generation="<bot>{% if think %}<think>{% endif %}",
    )
    hello = [{"role": "user", "content": "Hi"}]
    plain, opened = made.render(hello), made.render(hello, think=True)
    text = "Hm.</think>Yes."
    assert events(made, text, prompt=opened)[0] == [("reasoning", "Hm."), ("text", "Yes.")]
    assert events(made, text, prompt=plain)[0] == events(made, text)[0] == [("text", text)]
    assert events(made, "<think>" + text, prompt=plain)[0] == [
        ("reasoning", "Hm."),
        ("text", "Yes."),
    ]
    assert made.parser(prompt=opened).feed("Hm.")[0].span == (0, 3)


def test_a_marker_inside_reasoning_is_reasoning():
    text = "<think>I write <call>f<args>{}</call>.</think>Done."
    assert events(DEEP, text)[0] == [
        ("reasoning", "I write <call>f<args>{}</call>."),
        ("text", "Done."),
    ]


def test_a_call_inside_reasoning_ends_it_where_that_is_accepted():
    made = adapter(THINKING + NAMED_CALLS, extra="accept = { calls_in_reasoning = true }")
    found, _ = events(made, '<think>So: <call>f<args>{"a": 1}</call>')
    assert found == [
        ("reasoning", "So: "),
        ("call", "f"),
        ("arguments", '{"a": 1}'),
        ("end", "complete"),
    ]


# -- white space


def test_white_space_is_text_but_for_what_is_printed_before_a_marker():
    assert events(JSON, "Look.\n\n" + CALL)[0][0] == ("text", "Look.\n\n")
    assert events(JSON, " \n Look. " + CALL[1:])[0][0] == ("text", " \n Look. ")


def test_white_space_between_calls_is_a_gap():
    found, message = events(JSON, CALL + " \n \n" + CALL + "\n")
    assert [kind for kind, *_ in found] == ["call", "arguments", "end"] * 2
    assert message.content == ""


def test_another_spelling_is_read_where_it_is_accepted():
    spelled = 'accept = { spellings = [{ for = "</call>", read = "</tool>" }] }'
    made = adapter(NAMED_CALLS, extra=spelled)
    for end in ("</call>", "</tool>"):
        assert events(made, "<call>f<args>{}" + end + "Yes.")[0][-1] == ("text", "Yes.")
