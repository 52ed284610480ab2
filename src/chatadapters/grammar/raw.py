"""Text without escapes: a quote that no string holds, or markers around values; dialects out."""

from __future__ import annotations

from .dialect import JSON_WORDS, LONGEST_WRITTEN_KEY, Dialect, written
from .ebnf import literal, none_of, points, repeat, without
from .quoted import filled, json_dialect, python_dialect

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .dialect import Blocks

_PYTHON_TOO = {"null": '("None" | "null")', "boolean": '("True" | "False" | "true" | "false")'}
_WRAPPED = ("<", "&", "\n")  # a text with one of these stands in CDATA
_ODD_IN_KEYS = "{}[],:\"'\n"


def quote_dialect(prefix: str, blocks: Blocks, options: Mapping[str, Any]) -> Dialect:
    """Return JSON whose strings stand between another quote, and whose keys may be bare."""
    import json

    made, quote, bare = Dialect(prefix, blocks), str(options["quote"]), bool(options["bare_keys"])
    made.comma, made.colon = '","', '":"'
    made.open = made.close = literal(quote)
    made.text_keys = not bare
    made.order = str.lower if options.get("sort_keys") else None

    def key(text: str) -> str | None:
        if quote in text:
            return None
        plain = text == text.strip() and not any(char in _ODD_IN_KEYS for char in text)
        short = 0 < len(text) <= LONGEST_WRITTEN_KEY
        return text if bare and plain and short else f"{quote}{text}{quote}"

    def dump(value: Any) -> str:
        if isinstance(value, str):
            if quote in value:
                raise ValueError(f"it holds {quote}")
            return f"{quote}{value}{quote}"
        if isinstance(value, dict):
            keys = sorted(value, key=made.order) if made.order else list(value)
            if None in map(key, keys):
                raise ValueError(f"a key holds {quote}")
            return f"{{{','.join(f'{key(k)}:{dump(value[k])}' for k in keys)}}}"
        if isinstance(value, list):
            return f"[{','.join(map(dump, value))}]"
        return json.dumps(value, allow_nan=False)

    made.key, made.spell = key, lambda value: written(dump, value)
    add_endless(made, [quote])
    controls = "".join(map(chr, range(32)))
    plain_key = repeat(none_of(f"{_ODD_IN_KEYS}{controls} \u00a0{quote[0]}"), 1)
    made.block("key", f"{plain_key} | {prefix}_str" if bare else f"{prefix}_str", f"{prefix}_str")
    made.containers()
    return made


def text_dialect(
    prefix: str,
    blocks: Blocks,
    options: Mapping[str, Any],
    ends: Sequence[str],
    typed: bool = False,
) -> Dialect:
    """Return raw text: strings as they are, anything else as JSON; a schema or a word types it."""
    made = Dialect(prefix, blocks)
    made.open = made.close = ""
    kept = () if typed else ends
    if options.get("containers") == "python":
        inner = python_dialect("p", blocks, ends=kept)
    else:
        inner = json_dialect("j", blocks, {}, kept)
    made.arrays = made.objects = inner
    cdata = options.get("cdata") == "needed"
    python = options.get("scalars") == "python"
    made.words = _PYTHON_TOO if python else JSON_WORDS

    def spell(value: Any) -> str | None:
        if python and (value is None or isinstance(value, bool)):
            return str(value)
        text = written(str, value) if isinstance(value, str) else inner.spell(value)
        if cdata and isinstance(value, str) and any(char in value for char in _WRAPPED):
            shut = any(f"]]>{end}" in value for end in ends)
            return None if text is None or shut else f"<![CDATA[{text}]]>"
        free = typed and not isinstance(value, str)
        return None if text is None or (not free and any(end in text for end in ends)) else text

    made.spell = spell
    add_endless(made, _WRAPPED if cdata else ends)
    if cdata:
        _wrapped(made, [f"]]>{end}" for end in ends])
    made.simple["any"] = made.string()
    return made


def _wrapped(made: Dialect, ends: Sequence[str]) -> None:
    """Let strings also stand in CDATA, where they may hold anything but its end."""
    inside = made.block("cd", without(ends))
    filling = {"": inside, "1": filled(ends, none_of("]"), inside)}
    for some, text in filling.items():
        plain = f"{made.prefix}_in{some}"
        body = f'{plain} | "<![CDATA[" {text} "]]>"'
        made.block(f"str{some}", body, plain, inside)


def add_endless(made: Dialect, ends: Sequence[str]) -> None:
    """Add the blocks of strings that hold none of ``ends``, the first of which is printed."""
    short = [end for end in ends if not any(o != end and o in end for o in ends)]
    cut = list(dict.fromkeys(end[0] if _overlaps(end, ends) else end for end in short))
    made.banned = points(end[0] for end in cut)
    inside = made.block("in", without(cut))
    made.block("in1", filled(cut, made.plain(), inside), inside)
    made.before = "no"
    made.block("no", repeat(made.plain()))
    for some in ("", "1"):
        text = f"{made.prefix}_in{some}"
        made.block(f"str{some}", f"{made.open} {text} {made.close}".strip(), text)


def _overlaps(end: str, ends: Sequence[str]) -> bool:
    """Tell whether a text that stops inside ``end`` could make up one with the end after it."""
    closed = ((end[:size] + ends[0], size) for size in range(1, len(end)))
    return any(0 <= text.find(other) < size for text, size in closed for other in ends)
