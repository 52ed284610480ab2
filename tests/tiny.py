"""Formats as small as can be, for tests of one thing: an output fragment in, an adapter out."""

import json

from chatadapters.adapter import Adapter
from chatadapters.declaration import parse
from chatadapters.verify.checks import joined, run

JSON_CALLS = (
    "{{ content }}{% for call in calls %}\n<call>"
    '{"name": {{ call.name | json }}, "arguments": {{ call.arguments | json }}}'
    "</call>{% endfor %}"
)
NAMED_CALLS = (
    "{{ content }}{% for call in calls %}<call>{{ call.name }}<args>"
    "{{ call.arguments | json }}</call>{% endfor %}"
)
PAIRS = (
    "{{ content }}{% for call in calls %}<call={{ call.name }}>"
    "{% for key, value in call.arguments %}<key>{{ key }}</key><value>{{ value | text }}</value>"
    "{% endfor %}</call>{% endfor %}"
)
THINKING = "{% if reasoning %}<think>{{ reasoning }}</think>{% endif %}"
PLACES = {"user": "<user>{{ content }}", "assistant": "<bot>{{ output }}", "generation": "<bot>"}


def adapter(output, *, stop=("<end>",), extra="", **prompt):
    """Return the adapter of an output fragment; ``extra`` is more TOML, at the top level."""
    lines = ['title = "tiny"', f"stop = {json.dumps(stop)}", extra, "[prompt]"]
    places = {"tool": "<tool>{{ content }}", **PLACES, **prompt}
    lines += [f"{key} = {json.dumps(text)}" for key, text in places.items()]
    lines += ["[output]", f"text = {json.dumps(output)}"]
    return Adapter(parse("\n".join(lines), name="tiny"))


def tool(name="f", /, **properties):
    """Return an OpenAI tool; a property is a schema, or the name of a type."""
    schemas = {key: {"type": s} if isinstance(s, str) else s for key, s in properties.items()}
    parameters = {"type": "object", "properties": schemas}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call(name="f", arguments=None, **more):
    """Return an OpenAI tool call."""
    return {"type": "function", "function": {"name": name, "arguments": arguments or {}}, **more}


def say(content="", *calls, reasoning=""):
    """Return a conversation that ends in this answer."""
    answer = {"role": "assistant", "content": content, "reasoning_content": reasoning}
    return [{"role": "user", "content": "Hi"}, {**answer, "tool_calls": list(calls)}]


def events(made, *pieces, **options):
    """Return the joined events of a text as (type, what is said), and the message."""
    found, message = run(lambda: made.parser(**options), pieces)
    return [shown(event) for event in joined(found)], message


def shown(event):
    match event["type"]:
        case "text" | "reasoning":
            return event["type"], event["text"]
        case "malformed":
            return "malformed", event["text"], event["reason"]
        case "call_start":
            return "call", event["name"]
        case "call_arguments":
            return "arguments", event["json_delta"]
        case "call_end":
            return "end", event["status"]
