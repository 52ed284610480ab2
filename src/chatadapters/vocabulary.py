"""What a fragment may contain: its tree in, an error that names what is not known out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jinja2 import meta, nodes

from . import codecs
from .errors import did_you_mean

if TYPE_CHECKING:
    from .fragments import Fragment


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONVERSATION_NAMES = _words(
    "tools messages system system_message systems bos_token eos_token unk_token pad_token date "
    "add_generation_prompt raise_exception strftime_now range namespace"
)
TURN_NAMES = _words(
    "content reasoning calls results result message position role name tool_call_id first last "
    "first_user last_user after_last_user follows_tool precedes_tool previous next previous_turn "
    "next_turn"
)
LOOP_TARGETS = frozenset(("message", "result", "system"))
FUNCTIONS = frozenset(("raise_exception", "strftime_now", "range", "namespace"))
CODECS = frozenset(name for name in codecs.CODECS if name != "raw")
FILTERS = _words(
    "abs capitalize count default dictsort first float int items join last length list lower "
    "lstrip map reject rejectattr replace reverse round rstrip select selectattr sort string title "
    "trim unique upper"
)
TESTS = _words(
    "boolean defined divisibleby eq equalto even false float ge gt in integer iterable le lower lt "
    "mapping ne none number odd sameas sequence string true undefined upper"
)
METHODS = _words(
    "startswith endswith split strip lstrip rstrip replace items keys values get upper lower"
)
_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.AssignBlock, nodes.Macro, nodes.Name, nodes.NSRef, nodes.Getattr, nodes.Getitem),
    *(nodes.Slice, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Filter),
    *(nodes.Test, nodes.Call, nodes.Keyword, nodes.CondExpr, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Add, nodes.Sub, nodes.Mul, nodes.FloorDiv),
    *(nodes.Mod, nodes.Concat),
)


def check(fragment: Fragment, shared: frozenset[str]) -> None:
    """Check that a fragment uses known syntax and names only. Raises ``DeclarationError``.

    ``shared`` are the names that ``prompt.macros`` defines.
    """
    for node in _walk(fragment.tree):
        _check_node(fragment, node, shared)
    _check_names(fragment, shared)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _check_node(fragment: Fragment, node: nodes.Node, shared: frozenset[str]) -> None:
    line = node.lineno or 0
    if not isinstance(node, _NODES):
        raise fragment.error(
            f"Jinja's {type(node).__name__} is not allowed in a fragment",
            line,
            "use if, for, set, plain expressions and the known filters only",
        )
    if getattr(node, "dyn_args", None) or getattr(node, "dyn_kwargs", None):
        raise fragment.error("* and ** are not allowed", line, "write the arguments themselves")
    match node:
        case nodes.Filter(name=name):
            _check_filter(fragment, node, name, line)
        case nodes.Test(name=name) if name not in TESTS:
            raise _unknown(fragment, "test", name, TESTS, line)
        case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str(name))):
            if name.startswith("_"):
                message = f"the name {name!r} begins with an underscore"
                raise fragment.error(message, line, "read keys of the data only")
        case nodes.Name(name=name, ctx="store" | "param" as kind):
            taken = CONVERSATION_NAMES | TURN_NAMES
            if kind == "param" or fragment.key == "prompt.macros":
                taken -= TURN_NAMES
            if fragment.key == "prompt.assistant":  # what the output fragment will print
                taken -= {"content", "reasoning", "calls"}
            if name.startswith("_") or name in taken - LOOP_TARGETS:
                message = f"{name!r} cannot be set: the compiled template has a use for that name"
                raise fragment.error(message, line, "choose another name")
        case nodes.Call(node=target):
            _check_call(fragment, target, line, shared)
        case nodes.Macro() if fragment.key != "prompt.macros":
            message = "a macro stands outside prompt.macros"
            raise fragment.error(message, line, "move it to `macros` under [prompt]")


def _check_filter(fragment: Fragment, node: nodes.Filter, name: str, line: int) -> None:
    if name in CODECS:
        fragment.codec(node)
    elif name == "tojson":
        raise fragment.error("unknown filter 'tojson'", line, "write `| json`, the codec")
    elif name not in FILTERS:
        raise _unknown(fragment, "filter", name, FILTERS | CODECS, line)


def _check_call(fragment: Fragment, target: nodes.Node, line: int, shared: frozenset[str]) -> None:
    match target:
        case nodes.Name(name=name):
            if name not in shared | FUNCTIONS:
                message = f"unknown function {name!r}{did_you_mean(name, shared | FUNCTIONS)}"
                raise fragment.error(message, line, "define it in `macros` under [prompt]")
        case nodes.Getattr(attr=name):
            if name not in METHODS:
                raise _unknown(fragment, "method", name, METHODS, line)
        case _:
            message = "this is not something that can be called"
            raise fragment.error(message, line, "call a macro or a known method")


def _unknown(
    fragment: Fragment, kind: str, name: str, known: frozenset[str], line: int
) -> Exception:
    fixes = [f"use one of: {', '.join(sorted(known - CODECS))}"]
    if kind == "filter":
        fixes.insert(0, f"use a codec: {', '.join(sorted(CODECS))}")
    return fragment.error(f"unknown {kind} {name!r}{did_you_mean(name, known)}", line, *fixes)


def _check_names(fragment: Fragment, shared: frozenset[str]) -> None:
    declaration = fragment.declaration
    known = CONVERSATION_NAMES | shared | set(declaration.options) | set(declaration.tokens)
    if fragment.key not in ("prompt.macros", "prompt.opening"):
        known |= TURN_NAMES
    names = list(fragment.tree.find_all(nodes.Name))
    if fragment.key == "prompt.assistant":
        known |= {"output"}
        outputs = [part for out in fragment.tree.find_all(nodes.Output) for part in out.nodes]
        for name in names:
            if name.name == "output" and name not in outputs:
                message = "`output` can only be printed as it is"
                fix = "write {{ output }} alone; put trims and conditions into [output] text"
                raise fragment.error(message, name.lineno, fix)
    unknown = meta.find_undeclared_variables(fragment.tree) - known
    sets = fragment.tree.find_all((nodes.Assign, nodes.AssignBlock))  # in a branch, jinja2 forgets
    stored = (name for found in sets for name in found.find_all(nodes.Name) if name.ctx == "store")
    unknown -= {name.name for name in stored}
    if unknown:
        line, word = min((name.lineno, name.name) for name in names if name.name in unknown)
        fixes = [
            f"use one of: {', '.join(sorted(known))}",
            f"declare it under [options]: {word} = ...",
        ]
        if word in TURN_NAMES:
            fixes = [f"{word!r} belongs to a turn: use it in user, assistant, tool, ..."]
        elif word == "output":
            fixes = ["write {{ output }} in `assistant` only"]
        message = f"unknown variable {word!r}{did_you_mean(word, known)}"
        raise fragment.error(message, line, *fixes)
