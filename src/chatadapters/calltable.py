"""The table of one call: its body in the IR in, what the runtime needs to read it out."""

from __future__ import annotations

from typing import Any

from .declaration import Declaration
from .errors import DeclarationError
from .ir import Alt, Hole, Lit, Obj, Rep, Seq, walk
from .pairtable import pair_table
from .positions import CallBody
from .runtime.calls import NAME_MARKS
from .spellings import KEY, Spellings


def call_table(
    declaration: Declaration,
    body: CallBody,
    spellings: Spellings,
    outer: tuple[str, ...],
    exact: bool,
) -> dict[str, Any]:
    """Return the table of one call.

    ``outer`` are tokens around calls, at which a broken one may end; ``exact``: white space before
    a name matters.
    """
    steps = _header(declaration, body, spellings, exact)
    holes = [node.field for node in body.header if isinstance(node, Hole)]
    close = spellings.tokens(body.close)
    match body.payload:
        case Obj():
            kind, table = "object", _object(body.payload)
            has_id = any(
                isinstance(node, Hole) and node.field == "id" for node in walk((body.payload,))
            )
        case Rep():
            kind, table = "pairs", pair_table(declaration, body, spellings)
            has_id = "id" in holes
        case Hole(codec=codec):
            kind = codec.name if codec.name in ("json", "elements") else "literal"
            make = {"json": _json, "elements": _elements}.get(kind, _literal)
            table = make(declaration, body, dict(codec.options))
            has_id = "id" in holes
    strong = [token for spelled in close[-1:] for token in spelled if len(token) > 2]
    return {
        "header": steps,
        "payload": kind,
        "table": table,
        "ahead": _ahead(kind, table),
        "close": close,
        "closers": tuple(strong),
        "recover": tuple(dict.fromkeys([*strong, *outer, *declaration.stop])),
        "has_id": has_id,
        "derived": "id" in holes and "name" not in holes,
    }


def _header(
    declaration: Declaration, body: CallBody, spellings: Spellings, exact: bool
) -> tuple[tuple[Any, ...], ...]:
    steps: list[tuple[Any, ...]] = []
    for n, node in enumerate(body.header):
        match node:
            case Hole(field="name", line=line):
                steps.append(("name", not exact, _stop(declaration, body.header[n + 1 :], line)))
            case Hole(field="id", line=line):
                after = _next_token(body.header[n + 1 :], spellings)
                if not after:
                    raise declaration.error(
                        "nothing but white space ends {{ call.id }}",
                        KEY,
                        line,
                        "print literal text between {{ call.id }} and what follows it",
                    )
                steps.append(("id", after))
            case Hole(field="count"):
                steps.append(("count",))
            case Lit(text):
                if spellings.tokens(text):
                    steps.append(("lit", spellings.tokens(text)))
            case Alt(branches) if all(
                isinstance(inner, Lit) for branch in branches for inner in branch
            ):
                for branch in branches:
                    text = "".join(inner.text for inner in branch if isinstance(inner, Lit))
                    if spellings.tokens(text):
                        steps.append(("optional", spellings.tokens(text)))
            case _:
                raise declaration.error(
                    "only literal text may stand under a condition between a call's marker and "
                    "its arguments",
                    KEY,
                    getattr(node, "line", 0) or body.line,
                    "take the hole out of the {% if %}",
                    "declare two formats, one with it and one without",
                )
    return tuple(steps)


def _json(declaration: Declaration, body: CallBody, options: dict[str, Any]) -> dict[str, Any]:
    return {}


def _elements(declaration: Declaration, body: CallBody, options: dict[str, Any]) -> dict[str, Any]:
    until = Spellings(declaration).tokens(body.close)[:1]
    if not until:
        raise declaration.error(
            "nothing ends the elements",
            KEY,
            body.payload.line,
            "print literal text after {{ call.arguments | elements }}",
        )
    opener = options["mark"] + "<"
    return {
        "mark": options["mark"],
        "item": options["item"],
        "until": until[0],
        "follow": (opener, *until[0], *declaration.stop),
        "nulls": ("null", "None"),
    }


def _ahead(kind: str, table: dict[str, Any]) -> tuple[str, ...]:
    """Return what must follow a complete header: a pair, the call's end or a brace."""
    if kind == "pairs":
        return (*table["until"], *table["open"][0])
    if kind == "elements":
        return (*table["until"], table["mark"] + "<")
    return ("{",) if kind == "literal" and not table["keywords"] else ()


def _stop(declaration: Declaration, nodes: Seq, line: int) -> str:
    """Return the character that ends a name, where names may otherwise hold it."""
    first = next((node.text[0] for node in nodes[:1] if isinstance(node, Lit)), "")
    if first.isalnum():
        raise DeclarationError(
            f"the literal after {{{{ call.name }}}} begins with {first!r}, which a name may hold",
            place=declaration.place(KEY, line),
            fixes=[
                "begin the literal with another character, such as a line break or (",
                "put the name into a JSON object",
            ],
        )
    return first if first in NAME_MARKS else ""


def _next_token(nodes: Seq, spellings: Spellings) -> tuple[str, ...]:
    for node in nodes:
        if isinstance(node, Lit) and node.text.split():
            return spellings.tokens(node.text)[0]
    return ()


def _object(obj: Obj) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in obj.fields:
        match value:
            case Hole(field=field):
                table[key] = field
            case Obj():
                table[key] = _object(value)
            case Lit():
                table[key] = None
    return table


def _literal(declaration: Declaration, body: CallBody, options: dict[str, Any]) -> dict[str, Any]:
    if "quote" in options:
        return {
            "keywords": False,
            "end": "",
            "bare": options["bare_keys"],
            "quotes": ((options["quote"], False),),
        }
    end = body.close.strip()[:1]
    if not end:
        hole = body.payload
        raise declaration.error(
            "nothing ends the keyword arguments",
            KEY,
            hole.line,
            "print a literal such as ) after {{ call.arguments | python }}",
        )
    return {"keywords": True, "end": end, "bare": False, "quotes": (("'", True), ('"', True))}
