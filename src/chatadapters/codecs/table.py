"""The table of codecs: names, fields and typed options in, checked ``ir.Codec`` values out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .. import ir
from ..errors import DeclarationError, Place, did_you_mean
from . import printers

KINDS = ("string", "number", "boolean", "null", "object", "array")
FIELDS = ("content", "reasoning", "name", "id", "arguments", "key", "value")


@dataclass(frozen=True)
class Option:
    """One option of a codec: its default, the values it takes in words, and the test for them."""

    name: str
    default: object
    takes: str
    accepts: Callable[[object], bool]


@dataclass(frozen=True)
class Spec:
    """One codec: the fields it can spell, its options, what it prints and what it cannot carry.

    ``expression(value, options, field)`` is the Jinja expression that prints a value; where it
    contains ``{macro}``, that stands for the name of the macros which ``macro`` makes.
    """

    name: str
    fields: tuple[str, ...]
    options: tuple[Option, ...]
    summary: str
    domain: str
    expression: Callable[[str, Mapping[str, object], str], str]
    macro: Callable[[str, Mapping[str, object]], str] | None = None


def resolve(
    name: str,
    positional: Sequence[object],
    options: Mapping[str, object],
    *,
    field: str | None = None,
    place: Place | None = None,
    quote: str = "",
) -> ir.Codec:
    """Check a codec's use and return it with all options set. Raises ``DeclarationError``.

    ``field`` is the field of the hole; ``None`` on the prompt side, where any value may be printed.
    """

    def fail(message: str, *fixes: str) -> DeclarationError:
        return DeclarationError(message, place=place, quote=quote, fixes=fixes)

    spec = CODECS.get(name)
    if spec is None:
        known = ", ".join(n for n in CODECS if n != "raw")
        raise fail(f"unknown codec {name!r}{did_you_mean(name, CODECS)}", f"use one of: {known}")
    if field is not None and field not in spec.fields:
        fits = [repr(n) for n, s in CODECS.items() if field in s.fields and n != "raw"]
        raise fail(
            f"the codec {name!r} cannot spell {field!r}: it spells {', '.join(spec.fields)}",
            f"use {' or '.join(fits)} here" if fits else "print the value without a filter",
            f"move {name!r} to one of: {', '.join(spec.fields)}",
        )
    allowed = {option.name: option for option in spec.options}
    if positional:
        first = next(iter(allowed), "")
        fix = f"write {first}={printers.constant(positional[0])}" if first else "remove it"
        raise fail(f"the codec {name!r} takes its options by name", fix)
    for key, value in options.items():
        option = allowed.get(key)
        if option is None:
            fix = f"use one of: {', '.join(allowed)}" if allowed else "remove it"
            suggestion = did_you_mean(key, allowed)
            raise fail(f"the codec {name!r} has no option {key!r}{suggestion}", fix)
        if not option.accepts(value):
            raise fail(
                f"the option {key!r} of the codec {name!r} takes {option.takes}, not {value!r}",
                f"write {key}={printers.constant(option.default)}, which is the default",
                f"write another value: {option.takes}",
            )
    merged = {o.name: _freeze(options.get(o.name, o.default)) for o in spec.options}
    return ir.Codec(name, tuple(sorted(merged.items())))


def _freeze(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else value


def _bool(value: object) -> bool:
    return isinstance(value, bool)


def _choice(*choices: str) -> Callable[[object], bool]:
    return lambda value: value in choices


def _indent(value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value is None or (whole and 0 <= int(str(value)) <= 16)


def _depth(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 8


def _separators(value: object) -> bool:
    pair = value if isinstance(value, list | tuple) else ()
    texts = [part.strip(" ") for part in pair if isinstance(part, str)]
    return value is None or (len(pair) == 2 and texts == [",", ":"])


def _quote(value: object) -> bool:
    return isinstance(value, str) and len(value) > 1 and not value.isspace()


def _mark(value: object) -> bool:
    return isinstance(value, str) and not any(char.isspace() for char in value)


def _word(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.:-]+", value) is not None


def _word_or_none(value: object) -> bool:
    return value is None or _word(value)


_STRINGS = ("repr", "plain", "escaped")
_SPECS = (
    Spec(
        "raw",
        ("content", "reasoning", "name", "id", "key"),
        (),
        "the text as it is",
        "a text that contains what ends the hole is not carried",
        printers.raw,
    ),
    Spec(
        "json",
        FIELDS,
        (
            Option("indent", None, "a number of spaces up to 16, or none", _indent),
            Option("separators", None, 'a pair such as [",", ":"], or none', _separators),
            Option("sort_keys", False, "true or false", _bool),
            Option("ascii", False, "true or false", _bool),
            Option("depth", 0, "how many indents deep the value stands, up to 8", _depth),
            Option("string", False, "true or false", _bool),
        ),
        "JSON, as Python's json.dumps prints it",
        "every JSON value is carried",
        printers.json,
    ),
    Spec(
        "python",
        ("arguments",),
        (
            Option("strings", "repr", '"repr", "plain" or "escaped"', _choice(*_STRINGS)),
            Option("lists", "python", '"python" or "json"', _choice("python", "json")),
            Option("mappings", "python", '"python" or "json"', _choice("python", "json")),
            Option("values", "python", '"python" or "json"', _choice("python", "json")),
        ),
        "Python keyword arguments: name='value', other=1",
        "every JSON value is carried; argument names must be Python identifiers",
        printers.python,
        printers.python_macro,
    ),
    Spec(
        "text",
        ("value",),
        (
            Option("scalars", "json", '"json" or "python"', _choice("json", "python")),
            Option("containers", "json", '"json" or "python"', _choice("json", "python")),
            Option("cdata", "never", '"never" or "needed"', _choice("never", "needed")),
        ),
        "strings as they are, other values as JSON text, typed by the tool's schema when read",
        "a string that contains what ends the hole, or that reads as another type which its "
        "schema allows, is not carried",
        printers.text,
        printers.text_macro,
    ),
    Spec(
        "type",
        ("value",),
        (
            *(Option(kind, kind, "a word", _word) for kind in KINDS),
            Option("integer", None, "a word, or none: as number", _word_or_none),
            Option("others", None, "a word for every type but string, or none", _word_or_none),
        ),
        "the name of a value's JSON type, which says how the value after it is read",
        "every type is carried",
        printers.type_name,
        printers.type_macro,
    ),
    Spec(
        "attribute",
        ("key",),
        (),
        'a text with & as &amp; and " as &quot;',
        "a text with a line break is not carried",
        printers.attribute,
    ),
    Spec(
        "elements",
        ("arguments",),
        (
            Option("mark", "", "a text without white space, before every tag", _mark),
            Option("item", "item", "the name of a list's elements", _word),
        ),
        "elements named by their keys, lists as repeated elements, typed by the tool's schema",
        "null is left out; empty lists and objects are carried where the schema says their type; "
        "a string that contains its element's end is not",
        printers.elements,
        printers.elements_macro,
    ),
    Spec(
        "literal",
        ("arguments", "value"),
        (
            Option("quote", '<|"|>', "a delimiter of two or more characters", _quote),
            Option("bare_keys", True, "true or false", _bool),
            Option("sort_keys", True, "true or false", _bool),
        ),
        "JSON with another string delimiter, no escapes, and bare keys",
        "a string that contains the delimiter is not carried, nor a bare key with punctuation",
        printers.literal,
        printers.literal_macro,
    ),
)
CODECS: dict[str, Spec] = {spec.name: spec for spec in _SPECS}
