"""Encodings of arguments, each as a small adapter; schemas for tests of one thing."""

from __future__ import annotations

import json
from functools import cache

from chatadapters.codecs.table import KINDS
from tests import tiny

CALL = "<call>{{ call.name }}<args>"
MARKS = '<|"|>'
_QUOTED = {"quote": MARKS, "bare_keys": True, "sort_keys": True}
# name: (the fragment of one call, the spec of its arguments)
_ENCODINGS = {
    "json": ("{{ call.arguments | json }}", {"kind": "json", "options": {}}),
    "json-compact": (
        '{{ call.arguments | json(separators=[",", ":"]) }}',
        {"kind": "json", "options": {"separators": (",", ":")}},
    ),
    "json-sorted": (
        "{{ call.arguments | json(ascii=true, sort_keys=true) }}",
        {"kind": "json", "options": {"ascii": True, "sort_keys": True}},
    ),
    "json-lines": (
        "{{ call.arguments | json(indent=2) }}",
        {"kind": "json", "options": {"indent": 2}},
    ),
    "python": ("({{ call.arguments | python }})", {"kind": "python", "options": {}}),
    "python-plain": (
        '({{ call.arguments | python(strings="plain") }})',
        {"kind": "python", "options": {"strings": "plain"}},
    ),
    "python-mapped": (
        '({{ call.arguments | python(strings="plain", mappings="json") }})',
        {"kind": "python", "options": {"strings": "plain", "mappings": "json"}},
    ),
    "python-escaped": (
        '({{ call.arguments | python(strings="escaped", mappings="json", lists="json") }})',
        {"kind": "python", "options": {"strings": "escaped", "mappings": "json", "lists": "json"}},
    ),
    "python-json": (
        '({{ call.arguments | python(values="json") }})',
        {"kind": "python", "options": {"values": "json"}},
    ),
    "literal": ("{{ call.arguments | literal }}", {"kind": "literal", "options": _QUOTED}),
    "literal-quoted": (
        "{{ call.arguments | literal(bare_keys=false, sort_keys=false) }}",
        {"kind": "literal", "options": {"quote": MARKS, "bare_keys": False, "sort_keys": False}},
    ),
    "literal-doubled": (
        "{{ call.arguments | literal(quote='$$') }}",
        {"kind": "literal", "options": {**_QUOTED, "quote": "$$"}},
    ),
    "pairs-typed": (
        '{% for key, value in call.arguments %}<key n="{{ key | attribute }}" '
        't="{{ value | type }}">{{ value | text }}</key>{% endfor %}',
        {
            **{"kind": "pairs", "codec": "text", "options": {"scalars": "json"}},
            **{"open": '<key n="', "middle": '" t="', "close": "</key>", "ends": ("</key>",)},
            "typed": {"after": '">', "words": {kind: kind for kind in KINDS}},
            "escaped": True,
        },
    ),
}
# name: (codec, before the key, after it, after the value, ends of a raw value)
_PAIRS = {
    "pairs": ("text", "<key>", "</key><value>", "</value>", ("</value>",)),
    "pairs-lines": (
        *('text(scalars="python")', "<parameter=", ">\n", "\n</parameter>\n"),
        ("\n</parameter>", "</parameter>"),
    ),
    "pairs-json": ("json", "<key>", "</key><value>", "</value>", ("</value>",)),
}
ENCODINGS = (*_ENCODINGS, *_PAIRS)
LOOSER = 'accept = { spellings = [{ for = "\\n</parameter>", read = "</parameter>" }] }'


class Encoding:
    """An adapter whose calls spell arguments in one encoding, and what stands around them."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name in _PAIRS:
            codec, before, middle, close, ends = _PAIRS[name]
            body = f"{before}{{{{ key }}}}{middle}{{{{ value | {codec} }}}}{close}"
            loop = f"{{% for key, value in call.arguments %}}{body}{{% endfor %}}"
            self.fragment = f"<call={{{{ call.name }}}}>{loop}</call>"
            self.spec = {
                "kind": "pairs",
                "codec": codec.partition("(")[0],
                "options": {"scalars": "python" if "python" in codec else "json"},
                "open": before,
                "middle": middle,
                "close": close,
                "ends": ends,
            }
            self.around = ("<call=f>", "</call>")
            self.closers = (close, middle, '"', "}", "]")
        else:
            arguments, self.spec = _ENCODINGS[name]
            self.fragment = f"{CALL}{arguments}</call>"
            braces = ("(", ")") if self.spec["kind"] == "python" else ("", "")
            self.around = (f"<call>f<args>{braces[0]}", f"{braces[1]}</call>")
            quote = self.spec["options"].get("quote", "'")
            self.closers = (quote, self.spec.get("close", quote), '"', "}", "]", "=", ":")
        self.typed = name in _PAIRS and self.spec["codec"] == "text"
        self.names_are_words = self.spec["kind"] == "python" or "literal" in name
        extra = LOOSER if name == "pairs-lines" else ""
        fragment = f"{{{{ content }}}}{{% for call in calls %}}{self.fragment}{{% endfor %}}"
        self.adapter = tiny.adapter(fragment, extra=extra)

    def written(self, arguments: dict, parameters: object) -> str:
        """Return the printed arguments of a call."""
        messages = tiny.say("", tiny.call("f", arguments))
        text = self.adapter.output(messages, tools=tools(parameters))
        first, last = self.around
        assert text.startswith(first) and text.endswith(last)
        return text[len(first) : len(text) - len(last)]

    def read(self, text: str, parameters: object) -> tuple[str, str]:
        """Return the status and the argument JSON of the one call that these arguments make."""
        first, last = self.around
        message = self.adapter.parse(f"{first}{text}{last}", tools=tools(parameters), prompt="")
        assert not message.content and len(message.tool_calls) == 1, (message.content, text)
        return message.tool_calls[0].status, message.tool_calls[0].arguments


@cache
def encoding(name: str) -> Encoding:
    return Encoding(name)


def tools(parameters: object) -> list[dict]:
    return [{"type": "function", "function": {"name": "f", "parameters": parameters}}]


# -- schemas for tests of one thing


def fields(*required, **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


TREE = {
    **fields("tree", tree={"$ref": "#/$defs/tree"}),
    "$defs": {
        "tree": fields(
            "name",
            name={"type": "string"},
            kids={"type": "array", "items": {"$ref": "#/$defs/tree"}},
        )
    },
}
# Schemas that a grammar cannot express as they are, or that could take long.
COSTLY = {
    "maxLength": fields("x", x={"type": "string", "minLength": 3000, "maxLength": 50000}),
    "maxItems": fields("x", x={"type": "array", "items": True, "minItems": 900, "maxItems": 10**9}),
    "enum": fields("x", x={"enum": [f"value {n}" for n in range(6000)]}),
    "properties": fields(**{f"p{n}": {"type": "boolean"} for n in range(600)}),
    "pattern": fields("x", x={"type": "string", "pattern": "^([a-z]{1,900}){1,900}$"}),
    "nested": fields("x", x=json.loads('{"anyOf": [' * 90 + "{}" + "]}" * 90)),
    "itself": {**fields("x", x={"$ref": "#/$defs/a"}), "$defs": {"a": {"$ref": "#/$defs/a"}}},
    "everything": {"anyOf": [TREE, {"$ref": "#"}, {"allOf": [{"$ref": "#"}]}], **TREE},
    "remote": fields("x", x={"$ref": "https://example.com/schema.json"}),
    "patternProperties": fields(
        "x", x={"type": "object", "patternProperties": {"^x-": {}, "y": {}}}
    ),
}
