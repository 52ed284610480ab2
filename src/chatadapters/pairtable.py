"""Arguments as marked keys and values: the loop over them in, what the runtime needs out."""

from __future__ import annotations

from typing import Any

from .declaration import Declaration
from .errors import DeclarationError
from .ir import Rep
from .pairs import pair_of
from .positions import CallBody
from .spellings import KEY, Spellings

_NULLS = {"json": ("null", "None"), "python": ("None", "null")}
_SHAPE = (
    "write it as: <open>{{ key }}<middle>{{ value | text }}<close>",
    "with the type of the value: <open>{{ key }}<middle>{{ value | type }}<more>"
    "{{ value | text }}<close>",
)


def pair_table(declaration: Declaration, body: CallBody, spellings: Spellings) -> dict[str, Any]:
    """Return the table of a call's pairs. Raises ``DeclarationError``."""
    rep = body.payload
    assert isinstance(rep, Rep)

    def fail(message: str, *fixes: str) -> DeclarationError:
        return declaration.error(message, KEY, rep.line, *fixes)

    pair = pair_of(rep)
    if pair is None:
        raise fail("a loop over arguments has the wrong shape to be read back", *_SHAPE)
    until = spellings.tokens(body.close)[:1]
    marked = [pair.opening, pair.middle, pair.closing, *([pair.after] if pair.typed else [])]
    if not all(text.split() for text in marked):
        raise fail("a key or a value has no marker around it other than white space", *_SHAPE)
    if pair.typed and pair.value.name != "text":
        raise fail(
            "a value after its type is read as a string or as JSON, as the type says",
            "write {{ value | text }} after {{ value | type }}",
        )
    if not until:
        raise fail(
            "nothing ends the arguments", "print literal text after the loop, inside the call"
        )
    opens, middles = spellings.tokens(pair.opening), spellings.tokens(pair.middle)
    for token in until[0]:
        for other in opens[0]:
            if token.startswith(other) or other.startswith(token):
                raise fail(
                    f"the end of the arguments, {token!r}, and the beginning of one, {other!r}, "
                    "cannot be told apart",
                    "let them differ before one of them ends",
                    "print a marker between the loop and the end of the call",
                )
    core = pair.closing.strip()
    before = pair.closing[: len(pair.closing) - len(pair.closing.lstrip())]
    ends = spellings.of(before + core)
    last = pair.after if pair.typed else pair.middle
    scalars = dict(pair.value.options).get("scalars", "json")
    table: dict[str, Any] = {
        "open": opens,
        "middle": middles,
        "lead": last[len(last.rstrip()) :],
        "json": pair.value.name == "json",
        "ends": ends,
        "longest": max(map(len, ends)),
        "quick": tuple(dict.fromkeys(end[0] for end in ends)),
        "follow": (*opens[0], *until[0], *declaration.stop),
        "until": until[0],
        "nulls": _NULLS[str(scalars)],
    }
    if dict(pair.value.options).get("cdata") == "needed":
        shut = tuple(f"]]>{end}" for end in ends)
        table["cdata"] = {"ends": shut, "longest": max(map(len, shut)), "quick": ("]",)}
    if pair.typed:
        table["typed"] = {"after": spellings.tokens(pair.after), "words": pair.words}
    space = pair.opening[len(pair.opening.rstrip()) :]
    if space:
        table["before_key"] = space
    if pair.key.name == "attribute":
        table["escaped"] = True
    return table
