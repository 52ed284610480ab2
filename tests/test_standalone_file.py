"""The emitted parser file: the same bytes each time, and nothing but the standard library."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import chatadapters
from chatadapters import runtime
from tests.strategies import NAMES

MESSAGES = [{"role": "user", "content": "Hello"}]
USE = """
from {name}_parser import Parser, parse
import json, sys
text = sys.stdin.read()
parser = Parser()
for character in text:
    parser.feed(character)
parser.close()
assert parser.message.to_openai()["content"] == parse(text).to_openai()["content"]
foreign = {{m.partition(".")[0] for m in sys.modules}} - set(sys.stdlib_module_names)
print(json.dumps([parser.message.to_openai(), sorted(foreign)]))
"""


@cache
def emitted(name: str) -> str:
    """Return the parser file of an adapter."""
    return chatadapters.load(name).emit("python")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_bytes(name: str) -> None:
    assert chatadapters.load(name).emit("python") == emitted(name)


def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "import chatadapters, sys; "
        "adapters = map(chatadapters.load, sys.argv[1:]); "
        "sys.stdout.write(chr(0).join(a.emit('python') + a.emit('jinja') for a in adapters))"
    )
    here = "\0".join(emitted(name) + chatadapters.load(name).emit("jinja") for name in NAMES)
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, *NAMES],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(source()), "PYTHONUTF8": "1"},
        )
        assert done.stdout.decode("utf-8") == here


def source() -> Path:
    """Return the folder from which the package is imported."""
    return Path(str(chatadapters.__file__)).parent.parent


@pytest.mark.parametrize("name", NAMES)
def test_only_the_standard_library_is_imported(name: str) -> None:
    modules = set()
    for node in ast.walk(ast.parse(emitted(name))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None
            modules.add(node.module.partition(".")[0])
    assert modules <= set(sys.stdlib_module_names), modules


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_is_defined_twice_but_the_parser(name: str) -> None:
    tree = ast.parse(emitted(name))
    defined = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert sorted(d for d in set(defined) if defined.count(d) > 1) == ["Parser"]


@pytest.mark.parametrize("name", NAMES)
def test_it_works_in_an_empty_folder_with_nothing_installed(name: str, tmp_path: Path) -> None:
    adapter = chatadapters.load(name)
    answer = [*MESSAGES, {"role": "assistant", "content": "Good morning.\nIt is é, 中, 🌞."}]
    text = adapter.output(answer)
    (tmp_path / f"{name}_parser.py").write_text(emitted(name), encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + USE.format(name=name)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", code],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    message, foreign = json.loads(done.stdout)
    assert message == adapter.parse(text).to_openai()
    assert foreign == ["__main__", f"{name}_parser"]


@pytest.mark.parametrize("name", NAMES)
def test_its_head_says_what_it_is_and_how_to_use_it(name: str) -> None:
    head = ast.get_docstring(ast.parse(emitted(name))) or ""
    assert f"from {name}_parser import Parser" in head
    assert chatadapters.load(name).declaration.title.split(" ")[0] in head


def test_the_runtime_names_no_format() -> None:
    folder = Path(str(runtime.__file__)).parent
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        for name in NAMES:
            assert name not in text, path.name
            family = re.match("[a-z]+", name)
            assert family and not re.search(rf"\b{family.group()}", text), path.name
