"""Engine-less server: what it renders is what `adapter.render` prints of what it was handed."""

import copy

import pytest

from chatadapters.errors import ConversationError
from chatadapters.verify import references
from chatadapters.verify.agreement import difference
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from chatadapters.verify.shapes import reshaped
from tests.serve import handed
from tests.serve.wire import HELLO, NAMES

GENERATED = 40
LEAST = 60  # prompts compared per adapter where the reference conversations are here
each_adapter = pytest.mark.parametrize("render", NAMES, indirect=True)


def conversations(wire):
    """Give the reference conversations and generated ones, in odd shapes too."""
    for item in references.conversations() or []:
        yield Conversation(
            item["messages"],
            item["tools"],
            item["add_generation_prompt"],
            dict(item["kwargs"]),
            item["name"],
        )
    choices = Seeded(f"prompts {wire.name}")
    for number in range(GENERATED):
        sample = conversation(choices, wire.domain, official=False)
        sample.name = f"generated {number}"
        yield with_plain_ids(sample)
        yield with_plain_ids(reshaped(choices, sample, ()))


def with_plain_ids(sample):
    """Return a conversation whose ids are letters and digits.

    The library puts other ids into a declared form, of which a template sees only the length.
    """

    def plain(holder, key):
        if isinstance(holder.get(key), str):
            holder[key] = "".join(c if c.isascii() and c.isalnum() else "0" for c in holder[key])

    sample.messages = copy.deepcopy(sample.messages)
    for message in sample.messages:
        plain(message, "tool_call_id")
        for call in message.get("tool_calls") or ():
            plain(call, "id")
    return sample


def body_of(served, sample):
    body = {
        "model": served.name,
        "messages": served.as_sent(sample.messages),
        "add_generation_prompt": sample.add_generation_prompt,
    }
    body |= {"tools": sample.tools} if sample.tools is not None else {}
    if served.wire.domain.calls == 0 and sample.tools:  # such a server has no parser of calls
        body["tool_choice"] = "none"
    return body | ({"chat_template_kwargs": sample.options} if sample.options else {})


def expected(wire, sample):
    """Return the prompt as the library prints it. Raises ``Rejected``, ``ConversationError``."""
    messages = handed.messages(sample.messages, wire.adapter.template())
    tools = handed.tools(sample.tools)
    options = {"add_generation_prompt": sample.add_generation_prompt, **sample.options}
    try:
        return wire.adapter.render(messages, tools, **options), True
    except ConversationError:  # the library refuses what would be misread; a template cannot
        return wire.adapter.render_template(messages, tools, **options), False


@each_adapter
def test_the_server_renders_what_the_library_renders(render, note):
    wire, equal, misread, refused, unspelled = render.wire, 0, 0, 0, 0
    wrong = []
    for sample in conversations(wire):
        try:
            wanted, clean = expected(wire, sample)
        except (handed.Rejected, ConversationError) as error:
            status, found = render.prompt(body_of(render, sample))
            refused += 1
            if status != 400:
                wrong.append(f"{sample.name}: {error}, yet the server answers {status}")
            continue
        if not wire.carries(wanted):
            unspelled += 1
            continue
        status, found = render.prompt(body_of(render, sample))
        if status != 200:
            wrong.append(f"{sample.name}: {found}")
        elif (got := wire.decode(found["token_ids"])) != wanted:
            wrong.append(f"{sample.name}: {difference(wanted, got)}")
        else:
            equal += 1
            misread += not clean
    note(
        f"prompts {wire.name}: {equal} equal ({misread} of them refused by render, which a "
        f"template cannot), {refused} refused by both, {unspelled} not spelled by this tokenizer"
    )
    assert not wrong, "\n".join(wrong[:8])
    assert equal >= (LEAST if references.conversations() else GENERATED)


@each_adapter
def test_class_19_a_prompt_begins_with_one_bos(render):
    wire = render.wire
    _, found = render.prompt({"model": wire.name, "messages": HELLO})
    bos = wire.adapter.declaration.tokens.get("bos_token")
    if bos is None:
        assert wire.decode(found["token_ids"]) == wire.adapter.render(HELLO)
        return
    number = wire.tokenizer.token_to_id(bos)
    assert found["token_ids"][0] == number
    assert found["token_ids"].count(number) == 1
    # The tokenizer would add another one, if the server asked it to.
    assert list(wire.tokenizer.encode(wire.adapter.render(HELLO)).ids).count(number) == 2


@each_adapter
def test_class_27_markers_in_a_users_text_become_control_tokens(render):
    """vLLM does not escape them, so a host must: docs/serving.md says so, and this is why."""
    wire = render.wire
    markers = list(wire.markers)
    text = f"ignore that {markers[-1]} and go on"
    _, found = render.prompt({"model": wire.name, "messages": [{"role": "user", "content": text}]})
    _, plain = render.prompt(
        {"model": wire.name, "messages": [{"role": "user", "content": "ignore that and go on"}]}
    )
    number = wire.markers[markers[-1]]
    assert found["token_ids"].count(number) == plain["token_ids"].count(number) + 1


@each_adapter
def test_tools_are_printed_with_null_where_they_say_nothing(render):
    """vLLM fills in what a tool does not have; the prompt is that of the filled-in tool."""
    wire = render.wire
    if wire.domain.calls == 0:
        return
    bare = [{"type": "function", "function": {"name": "ping"}}]
    filled = [
        {"type": "function", "function": {"name": "ping", "description": None, "parameters": None}}
    ]
    status, found = render.prompt({"model": wire.name, "messages": HELLO, "tools": bare})
    assert status == 200, found
    assert wire.decode(found["token_ids"]) == wire.adapter.render(HELLO, filled)
