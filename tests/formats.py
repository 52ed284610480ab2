"""What the tests of every format share: which formats carry what, tools, and printed answers."""

import json
from pathlib import Path

from chatadapters.verify.checks import joined, run
from chatadapters.verify.conversations import Conversation
from chatadapters.verify.laws import Refused, Unreachable
from tests.strategies import NAMES, subject
from tests.tiny import call

TOOLS = json.loads((Path(__file__).parent / "corpus" / "tools.json").read_text(encoding="utf-8"))
HELLO = [{"role": "user", "content": "Hello"}]

CALLING = [name for name in NAMES if subject(name).domain.calls != 0]
PARALLEL = [name for name in CALLING if subject(name).domain.calls is None]
BESIDE = [name for name in CALLING if subject(name).domain.content_with_calls]
THINKING = [name for name in NAMES if subject(name).domain.reasoning]
TYPED = [name for name in CALLING if subject(name).domain.typed]
IDS = [name for name in NAMES if subject(name).domain.ids]


def loaded(name):
    return subject(name).adapter


def printed(name, content="", *calls, reasoning="", tools=TOOLS, before=(), **options):
    """Return an answer as the format prints it after a prompt. Raises ``Refused``."""
    answer = {"role": "assistant", "content": content}
    answer |= {"reasoning_content": reasoning} if reasoning else {}
    answer |= {"tool_calls": list(calls)} if calls else {}
    messages = [*(before or HELLO), answer]
    return subject(name).print(Conversation(messages, tools, False, options))


def thought(name, content, *calls, reasoning, **more):
    """Return an answer with reasoning, after a prompt to which it can be the answer."""
    for options in ({}, *({option: True} for option in loaded(name).declaration.options)):
        try:
            return printed(name, content, *calls, reasoning=reasoning, **more, **options)
        except Unreachable:
            continue
    raise AssertionError(f"{name}: no prompt lets the model reason")


def refused(name, *arguments, **more):
    """Tell whether the format refuses to print an answer that would be misread."""
    try:
        printed(name, *arguments, **more)
    except Refused:
        return True
    return False


def read(answer, *pieces):
    """Return the joined events and the message of an answer, read whole or in these pieces."""
    events, message = run(answer.make, pieces or [answer.text])
    return joined(events), message


def said(message):
    """Return what a message says, as plain data."""
    calls = [(one.name, json.loads(one.arguments), one.status) for one in message.tool_calls]
    return message.content, message.reasoning, calls


def samples(name):
    """Return answers of every kind that the format carries."""
    domain = subject(name).domain
    paris = call("get_weather", {"city": "Paris", "days": 3}, id="call_one")
    found = [printed(name, "Hello, how can I help?")]
    if name in CALLING:
        found += [printed(name, "", paris), printed(name, "", call("ping", {}, id="call_two"))]
    if name in PARALLEL:
        rome = call("get_weather", {"city": "Rome", "metric": True}, id="call_two")
        found.append(printed(name, "", paris, rome, {**paris, "id": "call_three"}))
    if name in BESIDE:
        found.append(printed(name, "I look it up.", paris))
    if domain.reasoning:
        found.append(thought(name, "Yes.", reasoning="Is it? It is."))
    return found
