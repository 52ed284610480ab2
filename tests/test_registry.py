"""The registry: what a name, a model id or a path stands for."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

import chatadapters
from chatadapters import registry, tables
from chatadapters.errors import ChatAdaptersError, DeclarationError, UnknownAdapterError

PLAIN = """\
title = "Plain chat"
models = {models}
[prompt]
user = "<u>{{{{ content }}}}\\n"
assistant = "<a>{{{{ output }}}}\\n"
generation = "<a>"
[output]
text = "{{{{ content }}}}"
"""


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Write declarations into a folder that stands for the package's own."""
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path / name)
    monkeypatch.setattr(registry, "_registered", {})
    (tmp_path / "adapters").mkdir()

    def write(name: str, models: list[str], text: str = PLAIN, folder: str = "adapters") -> Path:
        path = tmp_path / folder / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(models=json.dumps(models)), encoding="utf-8")
        return path

    return write


def test_every_declaration_in_the_folder_has_a_name():
    assert registry.names() == sorted(p.stem for p in registry.folder("adapters").glob("*.toml"))


def test_a_name_a_model_id_and_a_path_find_the_same_declaration(declare):
    path = declare("plain", ["Maker/Plain-*"])
    assert registry.resolve("plain") == registry.resolve("Maker/Plain-7B") == path
    assert registry.resolve(path) == registry.resolve(str(path)) == path


def test_case_does_not_count_in_model_ids(declare):
    declare("plain", ["Maker/Plain-*"])
    assert registry.read("maker/plain-7b").name == "plain"


def test_the_longest_literal_prefix_wins(declare):
    declare("wide", ["Maker/*"])
    declare("narrow", ["Maker/Plain-*"])
    declare("exact", ["Maker/Plain-7B"])
    assert registry.read("Maker/Other").name == "wide"
    assert registry.read("Maker/Plain-1B").name == "narrow"
    assert registry.read("Maker/Plain-7B").name == "exact"


def test_a_tie_names_both_adapters(declare):
    declare("one", ["Maker/*-chat"])
    declare("two", ["Maker/*chat"])
    with pytest.raises(ChatAdaptersError, match="'one' and 'two'"):
        registry.resolve("Maker/x-chat")


def test_no_model_id_fits_two_adapters_equally_well():
    patterns = [(name, p) for name, found in registry.models().items() for p in found]
    ties = [
        (one, other)
        for (one, a), (other, b) in combinations(patterns, 2)
        if one != other
        and registry.specificity(a.lower()) == registry.specificity(b.lower())
        and overlap(a.lower(), b.lower())
    ]
    assert not ties


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("a*", "*b", True), ("a*", "b*", False), ("a*c", "a*d", False), ("a?", "ab", True)],
)
def test_overlap_of_patterns(one, other, expected):
    assert overlap(one, other) is expected


@cache
def overlap(one: str, other: str) -> bool:
    """Return whether some text fits both patterns (of ``*``, ``?`` and literal text)."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])


@pytest.mark.parametrize("name", ["plian", "maker/plain", "", "../plain", "/etc/passwd", "a/b/c"])
def test_an_unknown_name_is_an_error(declare, name):
    declare("plain", ["Maker/Plain"])
    if name == "maker/plain":
        assert registry.read(name).name == "plain"
        return
    with pytest.raises(UnknownAdapterError) as error:
        registry.resolve(name)
    if name == "plian":
        assert "did you mean 'plain'?" in str(error.value)


def test_a_path_that_does_not_exist_is_an_error_with_the_path(tmp_path):
    with pytest.raises(DeclarationError, match=r"nowhere\.toml: cannot be read"):
        chatadapters.load(str(tmp_path / "nowhere.toml"))


def test_register_adds_a_declaration_for_this_process(declare):
    declare("plain", ["Maker/Plain-*"])
    path = declare("mine", ["Maker/Plain-*"], folder="elsewhere")
    assert registry.register(path) == "mine"
    assert registry.names() == ["mine", "plain"]
    assert registry.read("Maker/Plain-1B").name == "mine"  # a tie: the registered one wins
    registry.unregister("mine")
    assert registry.read("Maker/Plain-1B").name == "plain"


def test_register_refuses_a_declaration_that_is_not_valid(declare, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("title = 1", encoding="utf-8")
    with pytest.raises(DeclarationError):
        registry.register(bad)
    assert "bad" not in registry.names()


def test_extends_takes_over_the_keys_of_another_declaration(declare, tmp_path):
    declare("plain", ["Maker/Plain"])
    child = tmp_path / "child.toml"
    child.write_text('extends = "plain"\ntitle = "Child"\n[prompt]\ngeneration = "<A>"\n')
    found = registry.read(child)
    assert (found.title, found.prompt.generation, found.prompt.user) == (
        "Child", "<A>", "<u>{{ content }}\n",
    )  # fmt: skip
    assert found.models == ()


def test_extends_prefers_a_file_beside_the_declaration(declare, tmp_path):
    declare("plain", [])
    declare("plain", [], PLAIN.replace("Plain chat", "Beside"), folder="elsewhere")
    (tmp_path / "elsewhere" / "child.toml").write_text('extends = "plain"\n')
    assert registry.read(tmp_path / "elsewhere" / "child.toml").title == "Beside"


def test_extends_of_an_unknown_name_says_which_there_are(declare, tmp_path):
    declare("plain", [])
    child = tmp_path / "child.toml"
    child.write_text('extends = "plian"\n')
    with pytest.raises(DeclarationError, match="did you mean 'plain'") as error:
        registry.read(child)
    assert "child.toml, extends" in str(error.value)


def test_the_index_agrees_with_the_folder():
    assert sorted(registry.index()) == registry.names()
    for name, row in registry.index().items():
        table = tables.read_table(registry.resolve(name))
        assert row["models"] == table.get("models", [])


def test_loading_by_model_id_reads_the_index_and_one_declaration(monkeypatch):
    reads = []
    real = tables.read_text
    monkeypatch.setattr(tables, "read_text", lambda path: reads.append(path) or real(path))
    name, model = next(
        (n, m) for n, ms in registry.models().items() for m in ms if registry.specificity(m)[1]
    )
    reads.clear()
    assert registry.read(model).name == name
    assert len(reads) == 1 + ("extends" in tables.read_table(registry.resolve(name)))


def test_a_broken_index_says_what_to_do(declare, tmp_path):
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "index.json").write_text("{}")
    with pytest.raises(ChatAdaptersError, match=r"generate\.py"):
        registry.index()


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, chatadapters; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert not {"jinja2", "pydantic", "click", "rich", "typing"} & set(loaded.split())


def test_public_names_are_all_there():
    for name in chatadapters.__all__:
        assert getattr(chatadapters, name)
    assert dir(chatadapters) == sorted(chatadapters.__all__)
    with pytest.raises(AttributeError, match="no attribute 'detekt'"):
        chatadapters.detekt  # noqa: B018
