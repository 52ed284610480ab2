"""The standalone parser: an adapter's table in, one Python file of the standard library out."""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources
from pprint import pformat
from types import ModuleType
from typing import Any

from .. import runtime

_HEAD = '''"""Streaming parser of the chat format {name}: {title}.

Written by `adapters compile {name}`; do not edit. It needs Python 3.11 and nothing else:

    from {name}_parser import Parser

    parser = Parser(tools=tools, prompt=prompt)
    for delta in stream:
        for event in parser.feed(delta):
            print(event)
    parser.close()
    print(parser.message.to_openai())
"""

from __future__ import annotations

{imports}
'''

_TAIL = '''

_Parser = Parser


class Parser(_Parser):  # type: ignore[no-redef]
    __doc__ = _Parser.__doc__

    def __init__(self, *, tools=None, prompt=None, make_id=None, unknown_tools=False):
        super().__init__(
            TABLE, tools=tools, prompt=prompt, make_id=make_id, unknown_tools=unknown_tools
        )


def parse(text, *, tools=None, prompt=None):
    """Return the message that a whole answer is."""
    parser = Parser(tools=tools, prompt=prompt)
    parser.feed(text)
    parser.close()
    return parser.message
'''


def parser_file(name: str, title: str, table: dict[str, Any]) -> str:
    """Return the text of ``NAME_parser.py``."""
    imports, body = joined((runtime,))
    spelled = pformat(table, width=108, sort_dicts=False)
    title = title.replace("\\", "/").replace('"""', "'''").rstrip(".")
    head = _HEAD.format(name=name, title=title, imports=imports)
    return f"{head}{body}\n\nTABLE: dict[str, Any] = {spelled}\n{_TAIL}"


@cache
def joined(packages: tuple[ModuleType, ...]) -> tuple[str, str]:
    """Return the modules' imports from the standard library, and their text without any import."""
    imports: set[str] = set()
    defined: set[str] = set()
    bodies = []
    sources = [
        resources.files(package).joinpath(f"{module}.py").read_text(encoding="utf-8")
        for package in packages
        for module in package.MODULES
    ]
    for text in sources:
        lines = text.split("\n")
        tree = ast.parse(text)
        for node in tree.body:
            if (
                node is tree.body[0]
                or isinstance(node, ast.Import | ast.ImportFrom)
                or _is_for_types(node)
            ):
                if (
                    isinstance(node, ast.Import | ast.ImportFrom)
                    and node.names[0].name != "annotations"
                ):
                    imports.update([ast.unparse(node)] if not getattr(node, "level", 0) else [])
                for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                    lines[number] = ""
                continue
            names = _defined(node)
            if names & defined:
                raise RuntimeError(
                    f"two modules define {sorted(names & defined)}: one file holds both"
                )
            defined |= names
        summary = (ast.get_docstring(tree) or "").split("\n")[0]
        bodies.append(f"\n\n# -- {summary}\n\n\n" + "\n".join(lines).strip("\n"))
    return "\n".join(sorted(imports)), "\n".join(bodies).strip("\n") + "\n"


def _is_for_types(node: ast.stmt) -> bool:
    """Whether a statement is there for the type checker only."""
    target = (
        node.test
        if isinstance(node, ast.If)
        else node.targets[0]
        if isinstance(node, ast.Assign)
        else None
    )
    return isinstance(target, ast.Name) and target.id == "TYPE_CHECKING"


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines there."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return {
        name.id
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
