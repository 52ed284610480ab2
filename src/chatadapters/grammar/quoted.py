"""JSON and Python literals: options of their printers in, dialects with escaped strings out."""

from __future__ import annotations

from .dialect import Dialect, written
from .ebnf import either, literal, none_of, points, rule, tidy, without

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .dialect import Blocks

_HEX_DIGIT = "[0-9a-fA-F]"
_ALL_CONTROLS = "".join(map(chr, range(32)))
_JSON_ESCAPES = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_PYTHON_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 39: "\\'", 92: "\\\\"}
_PYTHON_WORDS = {"null": '"None"', "boolean": '("True" | "False")'}


def json_dialect(
    prefix: str,
    blocks: Blocks,
    options: Mapping[str, Any],
    ends: Sequence[str] = (),
    slash: str = "/",
) -> Dialect:
    """Return JSON as ``json.dumps`` prints it. No string holds one of ``ends``.

    ``slash`` is empty where the reader does not take ``\\/`` for a slash.
    """
    made = Dialect(prefix, blocks)
    comma, colon = options.get("separators") or (", ", ": ")
    if options.get("indent") is not None:
        comma = comma if options.get("separators") else ","
        blocks["gap"] = (rule("gap", '("\\n" [ ]{0,64})?'), ())
        made.brackets, made.braces = ('"[" gap', 'gap "]"'), ('"{" gap', 'gap "}"')
    made.comma, made.colon = literal(comma), literal(colon)
    if "gap" in blocks:
        made.comma = f"{made.comma} gap"
    made.spell = made.key = _json_speller(options, (comma, colon), ends)
    made.order = str if options.get("sort_keys") else None
    made.escapes = _JSON_ESCAPES
    made.banned = tidy((*points('"\\'), *points(end[0] for end in ends), (0, 31)))
    low = f'"u" ([0-9a-cA-CefEF] {_HEX_DIGIT} | [dD] [0-7]) {_HEX_DIGIT} {_HEX_DIGIT}'
    pair = f'"u" [dD] [89abAB] {_HEX_DIGIT} {_HEX_DIGIT} "\\\\u" [dD] [c-fC-F]'
    escape = made.block(
        "esc",
        f'["\\\\{slash}bfnrt] | {low} | {pair} {_HEX_DIGIT} {_HEX_DIGIT}',
    )
    if ends:
        never = ('"', "\\", *_ALL_CONTROLS)
        inner = [end for end in ends if not any(one in end for one in never)]
        run = made.block("run", without([*inner, *never]))
        inside = made.block("in", f'{run} | {run} "\\\\" {escape} {prefix}_in', run, escape)
        one = f'({made.plain()} | "\\\\" {escape})'
        made.block("in1", filled(inner, one, inside, "".join(never)), inside, escape)
        made.before = "no"
        made.block("no", f"{one}*", escape)
    else:
        _strings(made, "in", none_of('"\\' + _ALL_CONTROLS), escape)
    for some in ("", "1"):
        made.block(f"str{some}", f'"\\"" {prefix}_in{some} "\\""', f"{prefix}_in{some}")
    made.block("key", f"{prefix}_str", f"{prefix}_str")
    made.containers()
    return made


def _json_speller(
    options: Mapping[str, Any], separators: tuple[str, str], ends: Sequence[str]
) -> Callable[[Any], str | None]:
    import json

    dump = json.JSONEncoder(
        ensure_ascii=bool(options.get("ascii")),
        allow_nan=False,
        sort_keys=bool(options.get("sort_keys")),
        separators=separators,
    ).encode

    def spell(value: Any) -> str | None:
        text: str | None
        if isinstance(value, str) and value.isascii() and value.replace(" ", "").isalnum():
            text = f'"{value}"'
        else:
            text = written(dump, value)
        return None if text is None or any(end in text for end in ends) else text

    return spell


def python_dialect(
    prefix: str, blocks: Blocks, strings: str = "repr", ends: Sequence[str] = ()
) -> Dialect:
    """Return Python literals, of which no string holds one of ``ends``.

    ``strings``: as Python prints them (``repr``), or in single quotes with only quote and backslash
    (``plain``), or line breaks too (``escaped``), escaped.
    """
    made = Dialect(prefix, blocks)
    made.words = _PYTHON_WORDS
    made.open = made.close = '"\'"'
    made.inside = made.before = "sq"
    lines = "\0" if strings == "plain" else "\0\r\n"  # Python reads no source with a NUL in it
    made.escapes = _PYTHON_ESCAPES
    inner = [end for end in ends if not any(one in end for one in ("\\", *lines))]
    made.banned = tidy((*points("'\\" + lines), *points(end[0] for end in inner)))

    def spell(value: Any) -> str | None:
        text = written(lambda v: _python_text(v, strings), value)
        return None if text is None or any(end in text for end in ends) else text

    made.spell = made.key = spell
    # Any other character after a backslash leaves the backslash in the text, as in Python.
    escape = made.block(
        "esc",
        f'[^0-9xuUN\\u0000\\r\\n] | "x" {_HEX_DIGIT} {_HEX_DIGIT}'
        f' | "u" ([0-9a-cA-CefEF] {_HEX_DIGIT} | [dD] [0-7]) {_HEX_DIGIT} {_HEX_DIGIT}',
    )
    for name, quote in (("sq", "'"), ("dq", '"')):
        if inner:
            _endless_strings(made, name, inner, quote + "\\" + lines, escape)
        else:
            _strings(made, name, none_of(quote + "\\" + lines), escape)
    for some in ("", "1"):
        single, double = f"{prefix}_sq{some}", f"{prefix}_dq{some}"
        body = f'"\'" {single} "\'" | "\\"" {double} "\\""'
        made.block(f"str{some}", body, single, double)
    made.block("key", f"{prefix}_str", f"{prefix}_str")
    made.containers()
    return made


def filled(ends: Sequence[str], one: str, inside: str, never: str = "") -> str:
    """Return the expression of text that is not empty, and that holds none of ``ends``.

    ``one`` is a character that begins none of them, ``inside`` any text without them; of the text
    after an end's first character, the next one makes sure that no end comes of it.
    """
    starts = "".join(end[0] for end in ends)
    options = [f"{one} {inside}"]
    for end in ends:
        if len(end) > 1:
            rest = none_of(end[1] + starts + never)
            options += [literal(end[0]), f"{literal(end[0])} {rest} {inside}"]
    return either(options)


def _strings(made: Dialect, name: str, plain: str, escape: str) -> None:
    """Add the blocks of a string's inside, and of one that is not empty.

    Each is one rule that calls itself: xgrammar then knows the words that go on inside it without
    trying them.
    """
    text, some = f"{made.prefix}_{name}", f"{made.prefix}_{name}1"
    made.block(name, f'"" | {plain} {text} | "\\\\" {escape} {text}', escape)
    body = f'{plain} | {plain} {some} | "\\\\" {escape} | "\\\\" {escape} {some}'
    made.block(f"{name}1", body, escape)


def _endless_strings(
    made: Dialect, name: str, ends: Sequence[str], never: str, escape: str
) -> None:
    """Add the same blocks of strings that hold none of ``ends``."""
    run = made.block(f"{name}_run", without([*ends, *never]))
    inside = made.block(name, f'{run} | {run} "\\\\" {escape} {made.prefix}_{name}', run, escape)
    plain = none_of("".join(end[0] for end in ends) + never)
    one = f'({plain} | "\\\\" {escape})'
    made.block(f"{name}1", filled(ends, one, inside, never), inside, escape)
    made.before = "no"
    made.block("no", f"{one}*", escape)


def _python_text(value: Any, strings: str = "repr") -> str:
    import json

    if isinstance(value, str):
        if strings != "repr":
            text = value.replace("\\", "\\\\").replace("'", "\\'")
            if strings == "escaped":
                text = text.replace("\n", "\\n").replace("\r", "\\r")
            return f"'{text}'"
        text = value.translate({code: e for code, e in _PYTHON_ESCAPES.items() if code != 39})
        if "'" in value and '"' not in value:
            return f'"{text}"'
        return "'" + text.replace("'", "\\'") + "'"
    if isinstance(value, dict):
        pairs = (f"{_python_text(k)}: {_python_text(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_python_text(item) for item in value)}]"
    if value is None or isinstance(value, bool):
        return str(value)
    return json.dumps(value, allow_nan=False)
