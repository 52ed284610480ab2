"""Where an answer begins: the prompt fragments in, what the parser has read already out.

Templates often open the reasoning block inside the generation prompt. Every text that the fragment
can print is listed over its conditions; what stands after the assistant header is output that the
prompt holds already.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes

from . import fragments
from .declaration import Declaration
from .errors import DeclarationError
from .fragments import Fragment

_MOST = 64
_ANY = "\0"


def begun(known: Sequence[tuple[str, str]], prompt: str) -> str:
    """Return what of an answer a prompt holds already; ``known`` are ``expansions``."""
    return next((rest for text, rest in known if prompt.endswith(text)), "")


def expansions(declaration: Declaration) -> tuple[tuple[str, str], ...]:
    """Return (text of the generation prompt, the part of it that is output), longest first.

    Raises ``DeclarationError`` where the fragment prints more than literal text.
    """
    generation = fragments.parse(declaration, "prompt.generation")
    assistant = fragments.parse(declaration, "prompt.assistant")
    ways = _before_output(assistant.tree.body)
    if not ways:
        raise assistant.error(
            "the assistant fragment never prints {{ output }}",
            1,
            "write {{ output }} where the answer goes",
        )
    lines = [part.lineno for part in assistant.tree.find_all(nodes.Name) if part.name == "output"]
    if (
        sum(isinstance(part, nodes.Name) and part.name == "output" for part in _printed(assistant))
        > 1
    ):
        raise assistant.error("{{ output }} is printed twice", lines[1], "print it once")
    printed = {text for way in ways for text in _texts(assistant, way, ("",))}
    headers = sorted(printed, key=lambda text: (-len(text), text))
    found: dict[str, str] = {}
    for text in _texts(generation, generation.tree.body, ("",)):
        rest = next(
            (rest for header in headers if (rest := _after(header, text)) is not None), None
        )
        if rest is None and not text:
            continue  # where nothing is printed, nothing says how an answer begins
        if rest is None:
            wanted = " or ".join(repr(header.replace(_ANY, "...")) for header in headers)
            raise declaration.error(
                f"the generation prompt can be {text!r}, which does not begin with what stands "
                f"before {{{{ output }}}}",
                "prompt.generation",
                1,
                f"begin `generation` with {wanted}",
                "print the same text before {{ output }} in `assistant`",
            )
        found[text] = rest
    return tuple(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _printed(fragment: Fragment) -> list[nodes.Expr]:
    """Return what a fragment prints whatever the conditions say."""
    return [
        part for node in fragment.tree.body if isinstance(node, nodes.Output) for part in node.nodes
    ]


def _before_output(body: Sequence[nodes.Node]) -> list[list[nodes.Node]]:
    """Return the nodes before {{ output }}: one list for each branch that prints it."""
    found: list[nodes.Node] = []
    for node in body:
        if isinstance(node, nodes.Output):
            parts: list[nodes.Expr] = []
            for part in node.nodes:
                if isinstance(part, nodes.Name) and part.name == "output":
                    return [[*found, nodes.Output(parts, lineno=node.lineno)]]
                parts.append(part)
        elif isinstance(node, nodes.If):
            bodies = [node.body, *(other.body for other in node.elif_), node.else_]
            if ways := [way for branch in bodies for way in _before_output(branch)]:
                return [[*found, *way] for way in ways]
        elif any(name.name == "output" for name in node.find_all(nodes.Name)):
            return [found]
        found.append(node)
    return []


def _texts(
    fragment: Fragment, body: Sequence[nodes.Node], before: tuple[str, ...]
) -> tuple[str, ...]:
    """Return every text that nodes can print after each of the texts before them."""
    for node in body:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    before = _join(fragment, before, _expression(fragment, part), node.lineno)
            case nodes.If():
                bodies = [node.body, *(other.body for other in node.elif_), node.else_]
                printed = tuple(
                    text for branch in bodies for text in _texts(fragment, branch, ("",))
                )
                before = _join(fragment, before, printed, node.lineno)
            case nodes.Assign():
                pass
            case _:
                raise _refuse(fragment, node.lineno)
    return before


def _after(header: str, text: str) -> str | None:
    """Return what stands after a header, in which each ``_ANY`` is some text, or None."""
    first, *others = header.split(_ANY)
    if not text.startswith(first):
        return None
    text = text[len(first) :]
    for other in others:
        place = text.find(other)
        if place < 0:
            return None
        text = text[place + len(other) :]
    return text


def _join(
    fragment: Fragment, before: tuple[str, ...], after: tuple[str, ...], line: int
) -> tuple[str, ...]:
    joined = tuple(dict.fromkeys(one + other for one in before for other in after))
    if len(joined) > _MOST:
        raise fragment.error(
            f"more than {_MOST} different texts can be printed here",
            line,
            "use fewer conditions",
            "set a name to what varies together",
        )
    return joined


def _expression(fragment: Fragment, node: nodes.Expr | None) -> tuple[str, ...]:
    tokens = {"bos_token": "", "eos_token": ""} | fragment.declaration.tokens
    match node:
        case None:
            return ("",)
        case nodes.TemplateData(data=data):
            return (data,)
        case nodes.Const(value=str() as text):
            return (text,)
        case nodes.Name(name=name) if name in tokens:
            return (tokens[name],)
        case nodes.Call(node=nodes.Name(name="raise_exception")):
            return ()
        case nodes.CondExpr(expr1=one, expr2=other):
            return (*_expression(fragment, one), *_expression(fragment, other))
    if fragment.key == "prompt.assistant":
        return (_ANY,)
    raise _refuse(fragment, node.lineno)


def _refuse(fragment: Fragment, line: int) -> DeclarationError:
    return fragment.error(
        "only literal text can stand here, as the parser must know where an answer begins",
        line,
        "write the text itself, with {% if %} around what varies",
        "print it in another fragment",
    )
