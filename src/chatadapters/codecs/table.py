"""The table of codecs: names, fields and typed options in, checked ``ir.Codec`` values out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .. import ir
from ..errors import DeclarationError, Place, did_you_mean
from . import printers

FIELDS = ("content", "reasoning", "name", "id", "arguments", "key", "value")
Printer = Callable[[str, Mapping[str, object], str], str]


@dataclass(frozen=True)
class Option:
    """One option of a codec: its default, the values it takes, and what it does."""

    name: str
    default: object
    takes: str
    accepts: Callable[[object], bool]


@dataclass(frozen=True)
class Spec:
    """One codec: the fields it can spell, its options, and the note on its lossless domain.

    ``macro(name, options)`` is the Jinja macro that prints a value; ``""`` where an expression does
    (``expression(value, options)``).
    """

    name: str
    fields: tuple[str, ...]
    options: tuple[Option, ...]
    summary: str
    domain: str
    expression: Callable[[str, Mapping[str, object], str], str]
    macro: Callable[[str, Mapping[str, object], str], str] | None = None


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
        fits = [n for n, s in CODECS.items() if field in s.fields and n != "raw"]
        raise fail(
            f"the codec {name!r} cannot spell {field!r}: it spells {', '.join(spec.fields)}",
            f"use {' or '.join(repr(n) for n in fits)} here" if fits else "print the value without a filter",
            f"move {name!r} to one of: {', '.join(spec.fields)}",
        )
    if positional:
        first = spec.options[0].name if spec.options else ""
        raise fail(
            f"the codec {name!r} takes its options by name",
            f"write {first}={positional[0]!r}" if first else "remove the argument",
        )
    allowed = {option.name: option for option in spec.options}
    for key, value in options.items():
        option = allowed.get(key)
        if option is None:
            raise fail(
                f"the codec {name!r} has no option {key!r}{did_you_mean(key, allowed)}",
                f"use one of: {', '.join(allowed)}" if allowed else f"write {name} without arguments",
            )
        if not option.accepts(value):
            raise fail(
                f"the option {key!r} of the codec {name!r} takes {option.takes}, not {value!r}",
                f"write {key}={_show(option.default)} or another value of that kind",
            )
    merged = {o.name: _freeze(options.get(o.name, o.default)) for o in spec.options}
    return ir.Codec(name, tuple(sorted(merged.items())))


def _freeze(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else value


def _show(value: object) -> str:
    return {None: "none", True: "true", False: "false"}.get(value) or repr(value)  # type: ignore[call-overload, no-any-return]


def _bool(value: object) -> bool:
    return isinstance(value, bool)


def _choice(*choices: str) -> Callable[[object], bool]:
    return lambda value: value in choices


def _indent(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 16)


def _separators(value: object) -> bool:
    pair = value if isinstance(value, list | tuple) else ()
    return value is None or (
        len(pair) == 2
        and all(isinstance(part, str) for part in pair)
        and str(pair[0]).strip() == ","
        and str(pair[1]).strip() == ":"
    )


def _quote(value: object) -> bool:
    return isinstance(value, str) and len(value) > 1 and not value.isspace()


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
            Option("indent", None, "a number of spaces or none", _indent),
            Option("separators", None, 'a pair such as [",", ":"] or none', _separators),
            Option("sort_keys", False, "true or false", _bool),
            Option("ascii", False, "true or false", _bool),
        ),
        "JSON, as Python's json.dumps prints it",
        "every JSON value is carried",
        printers.json,
    ),
    Spec(
        "python",
        ("arguments",),
        (
            Option("strings", "repr", '"repr" or "plain"', _choice("repr", "plain")),
            Option("mappings", "python", '"python" or "json"', _choice("python", "json")),
        ),
        "Python keyword arguments: name='value', other=1",
        "argument names must be Python identifiers; every JSON value is carried",
        printers.python,
        printers.python_macro,
    ),
    Spec(
        "text",
        ("value",),
        (Option("scalars", "json", '"json" or "python"', _choice("json", "python")),),
        "strings as they are, other values as JSON text, typed by the tool's schema on the way back",
        "a string that contains what ends the hole, or that reads as another type its schema allows, is not carried",
        printers.text,
        printers.text_macro,
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
        "a string that contains the delimiter is not carried, nor a bare key with a structural character",
        printers.literal,
        printers.literal_macro,
    ),
)
CODECS: dict[str, Spec] = {spec.name: spec for spec in _SPECS}
