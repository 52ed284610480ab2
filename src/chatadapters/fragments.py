"""The fragments of a declaration: Jinja text in, a syntax tree of the allowed kinds and names out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from . import codecs, ir
from .declaration import Declaration
from .errors import DeclarationError, Place, did_you_mean

CONVERSATION_NAMES = frozenset(
    "tools messages system system_message systems bos_token eos_token unk_token pad_token date add_generation_prompt "
    "raise_exception strftime_now range namespace".split()
)
TURN_NAMES = frozenset(
    "content reasoning calls results result message position role name tool_call_id first last first_user "
    "last_user after_last_user follows_tool precedes_tool previous next previous_turn next_turn".split()
)
CODECS = frozenset(name for name in codecs.CODECS if name != "raw")
FILTERS = frozenset(
    "abs capitalize count default dictsort first float int items join last length list lower lstrip map "
    "reject rejectattr replace reverse round rstrip select selectattr sort string title trim unique upper".split()
)
TESTS = frozenset(
    "boolean defined divisibleby eq equalto even false float ge gt in integer iterable le lower lt mapping "
    "ne none number odd sameas sequence string true undefined upper".split()
)
METHODS = frozenset("startswith endswith split strip lstrip rstrip replace items keys values get upper lower".split())
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.NSRef,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.AssignBlock,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Concat,
    nodes.Call,
    nodes.Keyword,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Macro,
)


@dataclass(frozen=True)
class Fragment:
    """One fragment: its key in the declaration, its text, and the tree of it."""

    declaration: Declaration
    key: str
    text: str
    tree: nodes.Template

    def error(self, message: str, line: int = 0, *fixes: str) -> DeclarationError:
        """Return the error that says where in this fragment something stands, with the quoted line."""
        lines = self.text.split("\n")
        quote = lines[line - 1] if 0 < line <= len(lines) else ""
        return DeclarationError(
            message, place=self.declaration.place(self.key, line), quote=quote, fixes=fixes
        )


def environment() -> Environment:
    """Return the environment that parses fragments: no trim flags, line breaks kept."""
    made = Environment(keep_trailing_newline=True)
    made.filters |= dict.fromkeys({*CODECS, "lstrip", "rstrip"} - {"items"}, str)
    return made


def texts(declaration: Declaration) -> dict[str, str]:
    """Return the text of every fragment that the declaration has, by key; macros first."""
    prompt = declaration.prompt
    found = {
        "prompt.macros": prompt.macros,
        "prompt.opening": prompt.opening,
        "prompt.system": prompt.system,
        "prompt.user": prompt.user,
        "prompt.assistant": prompt.assistant,
        "prompt.tool": prompt.tool,
        "prompt.other": prompt.other,
        "prompt.generation": prompt.generation,
        "output.text": declaration.output.text,
    }
    for number, deviation in enumerate(declaration.deviations):
        found[f"deviations[{number}].when"] = deviation.when
    return {key: text for key, text in found.items() if text is not None}


def parse_all(declaration: Declaration) -> dict[str, Fragment]:
    """Parse and check every fragment. Raises ``DeclarationError``."""
    found = {key: _parse(declaration, key, text) for key, text in texts(declaration).items()}
    macros = found["prompt.macros"]
    _drop_blanks(macros, macros.tree.body)
    shared = _shared_names(macros)
    for fragment in found.values():
        _check_nodes(fragment, shared)
        _check_names(fragment, shared)
    return found


def parse(declaration: Declaration, key: str) -> Fragment:
    """Parse and check one fragment, such as ``output.text``. Raises ``DeclarationError``."""
    return parse_all(declaration)[key]


def codec_of(fragment: Fragment, node: nodes.Filter, field: str | None = None) -> ir.Codec:
    """Return the checked codec that a filter node names; ``field`` is that of the hole. Raises ``DeclarationError``."""
    lines = fragment.text.split("\n")
    place = fragment.declaration.place(fragment.key, node.lineno)
    try:
        positional = [argument.as_const() for argument in node.args]
        options: Mapping[str, object] = {k.key: k.value.as_const() for k in node.kwargs}
    except nodes.Impossible:
        raise fragment.error(
            f"the options of the codec {node.name!r} must be constants",
            node.lineno,
            "write the value itself instead of a variable",
        ) from None
    quote = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    return codecs.resolve(node.name, positional, options, field=field, place=place, quote=quote)


def warnings(declaration: Declaration, source: str = "") -> list[str]:
    """Return what is legal but probably not meant; ``source`` is the TOML text, where there is one."""
    found = []
    for match in re.finditer(r"^([a-z]+)\s*=\s*'''\r?\n", source, re.MULTILINE):
        if match.group(1) != "macros":
            line = source.count("\n", 0, match.start()) + 1
            place = Place(declaration.place("").file, match.group(1), line)
            found.append(f"{place}: TOML drops the line break right after '''; add an empty line if it is meant")
    for fragment in parse_all(declaration).values():
        for loop in fragment.tree.find_all(nodes.For):
            place = declaration.place(fragment.key, loop.lineno)
            if _ends_with(loop.iter, "content"):
                found.append(
                    f"{place}: a loop over the parts of `content` makes vLLM pass every content as a list; "
                    "use the variable content"
                )
            elif isinstance(loop.iter, nodes.Name) and loop.iter.name == "messages" and _is_turn(fragment.key):
                found.append(
                    f"{place}: a loop over all messages in a turn takes quadratic time; "
                    "compute it once with {% set %} in prompt.macros"
                )
    return found


def _is_turn(key: str) -> bool:
    return key not in ("prompt.macros", "prompt.opening", "prompt.generation")


def _ends_with(node: nodes.Node, name: str) -> bool:
    match node:
        case nodes.Getattr(attr=attr):
            return bool(attr == name)
        case nodes.Getitem(arg=nodes.Const(value=value)):
            return bool(value == name)
        case nodes.Name(name=value):
            return bool(value == name)
    return False


def _parse(declaration: Declaration, key: str, text: str) -> Fragment:
    try:
        if key.startswith("deviations"):
            tree = environment().parse(f"{{{{ {text} }}}}")
        else:
            tree = environment().parse(text)
    except TemplateSyntaxError as error:
        broken = Fragment(declaration, key, text, nodes.Template([]))
        fixes = ["correct the Jinja syntax of this line"]
        if "{{{" in text:
            fixes = ["codecs print their own braces: write {{ x | json }}, not {{{ x }}}", 'print a brace as {{ "{" }}']
        raise broken.error(f"not valid Jinja: {error.message}", error.lineno, *fixes) from None
    return Fragment(declaration, key, text, tree)


def _drop_blanks(macros: Fragment, body: list[nodes.Node]) -> None:
    """Take the white space outside macros away; other text there is an error."""
    kept = []
    for statement in body:
        if isinstance(statement, nodes.For | nodes.If):
            for inner in (statement.body, statement.else_):
                _drop_blanks(macros, inner)
            for branch in statement.elif_ if isinstance(statement, nodes.If) else ():
                _drop_blanks(macros, branch.body)
        if isinstance(statement, nodes.Output):
            for part in statement.nodes:
                if not isinstance(part, nodes.TemplateData) or part.data.strip():
                    raise macros.error(
                        "`macros` holds macros and {% set %} only: this would be printed in front of everything",
                        part.lineno,
                        "move the text to `opening`",
                        "put it into a macro",
                    )
        else:
            kept.append(statement)
    body[:] = kept


def _shared_names(macros: Fragment) -> frozenset[str]:
    names = {node.name for node in macros.tree.find_all(nodes.Macro)}
    for statement in macros.tree.body:
        if isinstance(statement, nodes.Assign | nodes.AssignBlock):
            names |= {n.name for n in statement.target.find_all(nodes.Name)} | _target_names(statement.target)
    return frozenset(names)


def _target_names(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _check_nodes(fragment: Fragment, shared: frozenset[str]) -> None:
    for node in _walk(fragment.tree):
        line = node.lineno or 0
        match node:
            case nodes.Filter(name=name):
                if name in CODECS:
                    codec_of(fragment, node)
                elif name == "tojson":
                    raise fragment.error("unknown filter 'tojson'", line, "write `| json`, the codec of that name")
                elif name not in FILTERS:
                    raise fragment.error(
                        f"unknown filter {name!r}{did_you_mean(name, FILTERS | CODECS)}",
                        line,
                        f"use a codec: {', '.join(sorted(CODECS))}",
                        f"use one of: {', '.join(sorted(FILTERS))}",
                    )
            case nodes.Test(name=name) if name not in TESTS:
                raise fragment.error(
                    f"unknown test {name!r}{did_you_mean(name, TESTS)}", line, f"use one of: {', '.join(sorted(TESTS))}"
                )
            case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str() as name)) if name.startswith("_"):
                raise fragment.error(f"the name {name!r} begins with an underscore", line, "use a key of the data only")
            case nodes.Name(name=name, ctx="store" | "param") if (
                name.startswith("_") or (name in CONVERSATION_NAMES | TURN_NAMES and not _rebinds(fragment, name))
            ):
                raise fragment.error(
                    f"{name!r} cannot be set: it is a fragment variable or begins with an underscore",
                    line,
                    "choose another name",
                )
            case nodes.Call(node=target):
                _check_call(fragment, target, line, shared)
            case nodes.Macro() if fragment.key != "prompt.macros":
                raise fragment.error("a macro stands outside prompt.macros", line, "move it to `macros` under [prompt]")
            case _ if not isinstance(node, _ALLOWED):
                raise fragment.error(
                    f"Jinja's {type(node).__name__} is not allowed in a fragment",
                    line,
                    "use if, for, set, plain expressions and the known filters only",
                )


def _rebinds(fragment: Fragment, name: str) -> bool:
    """Loop targets and macro parameters may have these names; they are local."""
    locals_ = {"result", "name", "content", "role", "message", "system", "value"}
    return name in locals_


def _check_call(fragment: Fragment, target: nodes.Node, line: int, shared: frozenset[str]) -> None:
    match target:
        case nodes.Name(name=name):
            known = shared | {"raise_exception", "strftime_now", "range", "namespace"}
            if name in known:
                return
            fix = "define it in `macros` under [prompt]"
        case nodes.Getattr(attr=name):
            known = METHODS
            if name in known:
                return
            fix = f"use one of: {', '.join(sorted(METHODS))}"
        case _:
            raise fragment.error("this is not something that can be called", line, "call a macro or a known method")
    raise fragment.error(f"unknown function {name!r}{did_you_mean(name, known)}", line, fix)


def _check_names(fragment: Fragment, shared: frozenset[str]) -> None:
    declaration = fragment.declaration
    known = CONVERSATION_NAMES | shared | set(declaration.options) | set(declaration.tokens)
    if fragment.key not in ("prompt.macros", "prompt.opening"):
        known |= TURN_NAMES
    if fragment.key == "prompt.assistant":
        known |= {"output"}
    unknown = meta.find_undeclared_variables(fragment.tree) - known
    if not unknown:
        return
    line, name = min((n.lineno, n.name) for n in fragment.tree.find_all(nodes.Name) if n.name in unknown)
    fixes = [f"use one of: {', '.join(sorted(known))}", f"declare it under [options]: {name} = ..."]
    if name in TURN_NAMES:
        fixes = [f"{name!r} belongs to a turn: use it in user, assistant, tool, ... or loop over messages"]
    if name == "output":
        fixes = ["{{ output }} stands in `assistant` only"]
    raise fragment.error(f"unknown variable {name!r}{did_you_mean(name, known)}", line, *fixes)
