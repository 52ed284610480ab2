"""The fragments of a declaration: Jinja text in, a syntax tree of known syntax and names out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from . import codecs, ir, vocabulary
from .declaration import Declaration
from .errors import DeclarationError, Place, did_you_mean
from .vocabulary import CODECS

__all__ = [
    "CODECS",
    "Fragment",
    "codec_of",
    "compared_with",
    "parse",
    "parse_all",
    "texts",
    "warnings",
]

_PROMPT = ("macros", "opening", "system", "user", "assistant", "tool", "other", "generation")
_ONCE = ("prompt.macros", "prompt.opening", "prompt.generation")


@dataclass(frozen=True)
class Fragment:
    """One fragment: its key in the declaration, its text, and the tree of it."""

    declaration: Declaration
    key: str
    text: str
    tree: nodes.Template

    def place(self, line: int = 0) -> Place:
        """Return where a line of this fragment stands."""
        return self.declaration.place(self.key, line)

    def quote(self, line: int) -> str:
        """Return a line of this fragment, counted from 1, or nothing."""
        lines = self.text.split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def error(self, message: str, line: int = 0, *fixes: str) -> DeclarationError:
        """Return the error that says where something stands, with the quoted line."""
        place = self.place(line)
        return DeclarationError(message, place=place, quote=self.quote(line), fixes=fixes)

    def codec(self, node: nodes.Filter, field: str | None = None) -> ir.Codec:
        """Return the checked codec that a filter names. Raises ``DeclarationError``.

        ``field`` is the field of the hole; ``None`` on the prompt side.
        """
        try:
            positional = [argument.as_const() for argument in node.args]
            options: Mapping[str, object] = {
                str(option.key): option.value.as_const() for option in node.kwargs
            }
        except nodes.Impossible:
            message = f"the options of the codec {node.name!r} must be constants"
            raise self.error(message, node.lineno, "write the value itself") from None
        return codecs.resolve(
            node.name,
            positional,
            options,
            field=field,
            place=self.place(node.lineno),
            quote=self.quote(node.lineno),
        )


def codec_of(fragment: Fragment, node: nodes.Filter, field: str | None = None) -> ir.Codec:
    """Return ``fragment.codec(node, field)``."""
    return fragment.codec(node, field)


def texts(declaration: Declaration) -> dict[str, str]:
    """Return the text of every fragment that the declaration has, by key; macros first."""
    prompt = declaration.prompt
    found = {f"prompt.{name}": getattr(prompt, name) for name in _PROMPT}
    found["output.text"] = declaration.output.text
    if declaration.output.history_when is not None:
        found["output.history_when"] = declaration.output.history_when
    for number, deviation in enumerate(declaration.deviations):
        found[f"deviations[{number}].when"] = deviation.when
    return {key: text for key, text in found.items() if text is not None}


def parse_all(declaration: Declaration) -> dict[str, Fragment]:
    """Parse and check every fragment. Raises ``DeclarationError``."""
    found = {key: _parse(declaration, key, text) for key, text in texts(declaration).items()}
    macros = found["prompt.macros"]
    own = {node.name for node in macros.tree.find_all(nodes.Macro)}
    kept = [node for name in declaration.prompt.use for node in _set(declaration, name)]
    kept = [node for node in kept if not (isinstance(node, nodes.Macro) and node.name in own)]
    macros.tree.body[:0] = kept
    _drop_blanks(macros, macros.tree.body)
    shared = _shared(macros)
    for fragment in found.values():
        vocabulary.check(fragment, shared)
    return found


def parse(declaration: Declaration, key: str) -> Fragment:
    """Parse every fragment and return one, such as ``output.text``. Raises ``DeclarationError``."""
    return parse_all(declaration)[key]


def compared_with(declaration: Declaration, name: str) -> list[str]:
    """Return the texts that the fragments compare a variable with, in their order."""
    found: dict[str, None] = {}
    for fragment in parse_all(declaration).values():
        for node in fragment.tree.find_all(nodes.Compare):
            if isinstance(node.expr, nodes.Name) and node.expr.name == name:
                for const in node.find_all(nodes.Const):
                    value = const.value
                    several = value if isinstance(value, list | tuple) else [value]
                    found |= dict.fromkeys(text for text in several if isinstance(text, str))
    return list(found)


def warnings(declaration: Declaration, source: str = "") -> list[str]:
    """Return what is legal but probably not meant; ``source`` is the TOML text, if there is one."""
    found = []
    for match in re.finditer(r"^([a-z]+)\s*=\s*'''\r?\n", source, re.MULTILINE):
        if match.group(1) != "macros":
            line = source.count("\n", 0, match.start()) + 1
            place = Place(declaration.place("").file, match.group(1), line)
            found.append(
                f"{place}: TOML drops the line break right after '''; "
                "if the text begins with one, leave an empty line, else begin on this line"
            )
    for fragment in parse_all(declaration).values():
        for loop in fragment.tree.find_all(nodes.For):
            whole = isinstance(loop.iter, nodes.Name) and loop.iter.name == "messages"
            if _names_content(loop.iter):
                found.append(
                    f"{fragment.place(loop.lineno)}: a loop over `content` makes vLLM pass every "
                    "content as a list of parts; use the variable content, which is text"
                )
            elif whole and fragment.key not in _ONCE:
                found.append(
                    f"{fragment.place(loop.lineno)}: a loop over all messages in every turn "
                    "takes quadratic time; compute it once with {% set %} in prompt.macros"
                )
    return found


def _parse(declaration: Declaration, key: str, text: str) -> Fragment:
    environment = Environment(keep_trailing_newline=True)
    environment.filters |= dict.fromkeys((*CODECS, "lstrip", "rstrip"), str)
    try:
        condition = key.startswith("deviations") or key == "output.history_when"
        tree = environment.parse(f"{{{{ {text} }}}}" if condition else text)
    except TemplateSyntaxError as error:
        broken = Fragment(declaration, key, text, nodes.Template([]))
        fixes = ["correct the Jinja syntax of this line"]
        if "{{{" in text:
            fixes = [
                "codecs print their own braces: write {{ x | json }}, not {{{ x }}}",
                'print a brace as {{ "{" }}',
            ]
        message = f"not valid Jinja: {error.message}"
        raise broken.error(message, error.lineno, *fixes) from None
    return Fragment(declaration, key, text, tree)


def _set(declaration: Declaration, name: str) -> list[nodes.Node]:
    """Return the statements of a set of macros that the package keeps."""
    from importlib import resources  # few declarations need it

    folder = resources.files(__package__) / "macros"
    known = sorted(file.name.removesuffix(".jinja") for file in folder.iterdir())
    if name not in known:
        raise declaration.error(
            f"no set of macros is called {name!r}{did_you_mean(name, known)}",
            "prompt.use",
            0,
            f"use one of: {', '.join(known)}",
            "write the macros under `macros`",
        )
    text = (folder / f"{name}.jinja").read_text(encoding="utf-8")
    return _parse(declaration, f"macros/{name}.jinja", text).tree.body


def _drop_blanks(macros: Fragment, body: list[nodes.Node]) -> None:
    """Take the white space outside macros away; other text there is an error."""
    kept = []
    for statement in body:
        match statement:
            case nodes.Output(nodes=parts):
                for part in parts:
                    if not isinstance(part, nodes.TemplateData) or part.data.strip():
                        raise macros.error(
                            "`macros` prints something, in front of everything else",
                            part.lineno,
                            "move the text to `opening`",
                            "put it into a macro",
                        )
                continue
            case nodes.If(body=inner, elif_=elifs, else_=otherwise):
                for branch in (inner, otherwise, *(other.body for other in elifs)):
                    _drop_blanks(macros, branch)
            case nodes.For(body=inner, else_=otherwise):
                _drop_blanks(macros, inner)
                _drop_blanks(macros, otherwise)
        kept.append(statement)
    body[:] = kept


def _shared(macros: Fragment) -> frozenset[str]:
    """Return the names that macros give to the other fragments."""
    names = {node.name for node in macros.tree.find_all(nodes.Macro)}
    for statement in macros.tree.body:
        if isinstance(statement, nodes.Assign | nodes.AssignBlock):
            target = statement.target
            parts = target.items if isinstance(target, nodes.Tuple) else [target]
            names |= {part.name for part in parts if isinstance(part, nodes.Name)}
    return frozenset(names)


def _names_content(node: nodes.Node) -> bool:
    match node:
        case nodes.Getattr(attr=name) | nodes.Name(name=name):
            return bool(name == "content")
        case nodes.Getitem(arg=nodes.Const(value=name)):
            return bool(name == "content")
    return False
