"""House rules that a machine can check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "chatadapters"
FILES = sorted(SOURCE.rglob("*.py"))
ALL_FILES = [
    *FILES,
    *sorted((ROOT / "tools").glob("*.py")),
    *sorted((ROOT / "tests").rglob("*.py")),
]

FORMATS = {path.stem for path in (ROOT / "adapters").glob("*.toml")}
WORDS = {
    "command",
    "dots",
    "k",
    "m",
    "r",
    "react",
    "ring",
    "seed",
    "step",
    "tiny",
}  # of any program
FAMILIES = {re.match(r"[a-z]+", name).group() for name in FORMATS} - WORDS
NAMED = re.compile(
    rf"(?<![a-z])(?:{'|'.join(sorted((FORMATS | FAMILIES) - WORDS, reverse=True))})(?![a-z])"
)
LONGEST_FILE = 400

# Design, section 6: imports go one way, from a later floor to an earlier one, or stay on theirs.
FLOORS = (
    ("errors", "ir", "pairs", "runtime", "grammar", "cfg"),
    (
        "declaration",
        "tables",
        "complaints",
        "codecs",
        "fragments",
        "vocabulary",
        "markers",
        "emit",
        "plugin",
    ),
    (
        "objects",
        "invertible",
        "overlaps",
        "lower",
        "positions",
        "prefix",
        "prefix_stable",
        "prefix_words",
        "spellings",
        "pairtable",
        "calltable",
        "routes",
        "machine",
        "starts",
        "abilities",
        "certify",
        "domain",
        "render",
        "injection",
        "check",
    ),
    ("registry", "conflicts"),
    ("adapter",),
    ("verify", "client", "detection"),
    ("cli",),
)
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}

# Spelled in pieces, so that this file does not find itself.
PIECES = (
    ("TO", "DO"),
    ("FIX", "ME"),
    ("NotImplemented", "Error"),
    ("mark.", "skip"),
    ("/wo", "rk/"),
)
FORBIDDEN = tuple("".join(pair) for pair in PIECES)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give every name and every text of a program except its docstrings, with its line."""
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        if text and id(node) not in prose:
            yield line, str(node.value)
        for field in ("id", "attr", "name", "arg", "asname", "module"):
            if isinstance(found := getattr(node, field, None), str):
                yield line, found


def names_in(source: str) -> list[str]:
    return [
        f"line {line}: {hit!r} in {word!r:.60}"
        for line, word in words(ast.parse(source))
        for hit in NAMED.findall(word.lower())
    ]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_python_file_contains_the_name_of_a_format(path):
    assert not names_in(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source", ["x = '{}'", "def {}(): ...", "a.{}", "f'<{}>'", "import {}", "f({}=1)", "x = b'{}'"]
)
def test_the_check_for_names_finds_them(source):
    name = sorted(FORMATS)[0]
    assert names_in(source.format(name))
    assert not names_in(f"'''{name}'''\n# {name}\n")


@pytest.mark.parametrize("path", ALL_FILES, ids=relative)
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_module_says_what_goes_in_and_what_comes_out(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", ALL_FILES, ids=relative)
def test_nothing_is_left_for_later(path):
    text = path.read_text(encoding="utf-8")
    assert not [word for word in FORBIDDEN if word in text]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_go_one_way(path):
    module = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if module == "__init__":
        return
    assert module in FLOOR, f"give {module!r} a floor"
    upwards = [name for name in imported(path) if FLOOR[name] > FLOOR[module]]
    assert not upwards


def imported(path: Path) -> Iterator[str]:
    """Give the modules of the package that a file imports when it runs."""
    depth = len(path.relative_to(SOURCE).parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Import):
            dotted = [a.name for a in node.names if a.name.startswith("chatadapters.")]
            yield from (name.split(".")[1] for name in dotted)
        elif node.level == depth or node.module == "chatadapters":
            inside = node.module if node.level else None
            tops = [inside.split(".")[0]] if inside else [a.name for a in node.names]
            yield from (top for top in tops if top in FLOOR)
        elif not node.level and (node.module or "").startswith("chatadapters."):
            yield (node.module or "").split(".")[1]


EMBEDDED = [path for part in ("runtime", "grammar") for path in (SOURCE / part).glob("*.py")]


@pytest.mark.parametrize("path", sorted(EMBEDDED), ids=relative)
def test_what_files_embed_needs_only_the_standard_library(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {a.name.split(".")[0] for a in node.names} <= sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] in sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or str(node.module).startswith("runtime")


def test_the_corpus_is_of_formats():
    corpus = {path.stem for path in (ROOT / "tests" / "corpus").glob("*.txt")}
    assert corpus <= FORMATS and len(corpus) > 10
