"""A fragment's text in, the same text with one thing changed out: literals, codecs, conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jinja2

from chatadapters.codecs import CODECS

Token = tuple[str, str]  # kind and text, as jinja2 lexes them
Change = tuple[str, str, str]  # what was changed, in which kind of thing, and the text made of it

OTHER_CODECS = 2  # of each codec, how many others take its place
_OPENING, _CLOSING = "([{", ")]}"
_ENDS = ("block_end", "variable_end")
_FIRST, _LAST = "{{ ", " }}"
_FLAGS = {"true": "false", "false": "true", "True": "False", "False": "True"}


def changes(text: str, *, expression: bool = False) -> Iterator[Change]:
    """Give every change of a fragment, or of a bare expression.

    >>> list(changes("<a>"))
    [('drop', "literal '<a>'", ''), ('double the last character', "literal '<a>'", '<a>>')]
    >>> [made for _, _, made in changes("{% if x %}{{ 1 }}{% endif %}")][:2]
    ['{% if not (x) %}{{ 1 }}{% endif %}', '{% if false %}{{ 1 }}{% endif %}']
    """
    source = f"{_FIRST}{text}{_LAST}" if expression else text
    environment = jinja2.Environment(keep_trailing_newline=True)
    tokens = [(kind, value) for _, kind, value in environment.lex(source)]

    def made(start: int, end: int, new: str) -> str:
        whole = "".join(value for _, value in (*tokens[:start], ("", new), *tokens[end:]))
        return whole[len(_FIRST) : -len(_LAST)] if expression else whole

    found: list[tuple[str, str, int, int, str]] = []
    for at, (kind, value) in enumerate(tokens):
        match kind:
            case "data":
                what = f"literal {_short(value)}"
                found.append(("drop", what, at, at + 1, ""))
                found.append(("double the last character", what, at, at + 1, value + value[-1]))
            case "string":
                found.append(
                    ("add a character", f"text {value}", at, at + 1, f"{value[:-1]}x{value[-1]}")
                )
            case "integer":
                found.append(("add one", f"number {value}", at, at + 1, str(int(value) + 1)))
            case "name" if value in _FLAGS:
                found.append(("flip", f"flag {value}", at, at + 1, _FLAGS[value]))
            case "operator" if value == "|":
                found += _filter(tokens, at)
            case "name" if value in ("if", "elif"):
                found += _condition(tokens, at)
    for way, what, start, end, new in found:
        yield way, what, made(start, end, new)


def _filter(tokens: list[Token], at: int) -> Iterator[tuple[str, str, int, int, str]]:
    """Give other codecs and no options in place of a codec, and nothing in place of a filter."""
    name = _next(tokens, at)
    word = tokens[name][1]
    after = _next(tokens, name)
    end = name + 1
    if tokens[after][1] == "(":
        end = _until(tokens, after + 1, lambda value: value == ")") + 1
    if word not in CODECS:
        yield "drop", f"filter {word}", at, end, ""
        return
    others = [other for other in CODECS if other not in (word, "raw")]
    first = list(CODECS).index(word)
    for other in (others[first:] + others[:first])[:OTHER_CODECS]:
        yield f"make it {other}", f"codec {word}", name, end, other
    if end > name + 1:
        yield "drop the options", f"codec {word}", name + 1, end, ""


def _condition(tokens: list[Token], at: int) -> Iterator[tuple[str, str, int, int, str]]:
    """Negate the condition after an ``if``, or settle it where that drops a branch."""
    statement = _before(tokens, at) == "block_begin"
    end = _until(tokens, at + 1, lambda value: not statement and value in ("else", ",", *_CLOSING))
    text = "".join(value for _, value in tokens[at + 1 : end]).strip()
    what = f"condition {_short(text)}"
    yield "negate", what, at + 1, end, f" not ({text}) "
    if statement:
        yield "never", what, at + 1, end, " false "
        if _has_other_branch(tokens, end):
            yield "always", what, at + 1, end, " true "


def _has_other_branch(tokens: list[Token], at: int) -> bool:
    """Tell whether an ``elif`` or ``else`` follows on this level."""
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index][0] != "name" or _before(tokens, index) != "block_begin":
            continue
        word = tokens[index][1]
        if word in ("if", "for", "macro"):
            depth += 1
        elif word.startswith("end"):
            if not depth:
                return False
            depth -= word != "endset"
        elif word in ("else", "elif") and not depth:
            return True
    return False


def _until(tokens: list[Token], at: int, ends: Callable[[str], bool]) -> int:
    """Return the first place from ``at`` where, outside all brackets, something ends."""
    depth = 0
    for index in range(at, len(tokens)):
        kind, value = tokens[index]
        if kind in _ENDS:
            return index
        if kind in ("operator", "name") and not depth and ends(value):
            return index
        if kind == "operator":
            depth += (value in _OPENING) - (value in _CLOSING)
    return len(tokens)


def _next(tokens: list[Token], at: int) -> int:
    return next(n for n in range(at + 1, len(tokens)) if tokens[n][0] != "whitespace")


def _before(tokens: list[Token], at: int) -> str:
    return next((tokens[n][0] for n in range(at - 1, -1, -1) if tokens[n][0] != "whitespace"), "")


def _short(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 + 1 :]}")
