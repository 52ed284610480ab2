"""The registry: what a name, a model id or a path stands for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import chatadapters
from chatadapters import registry, tables
from chatadapters.conflicts import conflicts, overlap
from chatadapters.errors import ChatAdaptersError, DeclarationError, UnknownAdapterError

PLAIN = """\
title = "Plain chat"
models = {models}
[prompt]
user = "<u>{{ content }}\\n"
assistant = "<a>{{ output }}\\n"
generation = "<a>"
[output]
text = "{{ content }}"
"""

ALIASES = "aliases = {aliases}\n"


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Write declarations into a folder that stands for the package's own."""
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path / name)
    monkeypatch.setattr(registry, "_registered", {})
    (tmp_path / "adapters").mkdir()

    def write(name: str, models: list[str], text: str = PLAIN, folder: str = "adapters") -> Path:
        path = tmp_path / folder / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("{models}", json.dumps(models)), encoding="utf-8")
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


def test_no_two_adapters_claim_the_same():
    assert not conflicts()


def test_models_that_overlap_and_are_equally_exact_are_a_conflict(declare):
    declare("one", ["Maker/*-chat"])
    declare("two", ["maker/*chat", "Maker/Plain-*"])
    declare("three", ["Maker/Plain-7B", "Other/*", "Maker/Plain-*-base"])
    end = (
        ", and neither is the more exact one: make one pattern longer, or leave the models to one "
        "adapter"
    )
    assert conflicts() == [
        f"the models 'Maker/*-chat' of 'one' and 'maker/*chat' of 'two' overlap{end}",
        f"the models 'Maker/Plain-*-base' of 'three' and 'Maker/Plain-*' of 'two' overlap{end}",
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("a*", "*b", True), ("a*", "b*", False), ("a*c", "a*d", False), ("a?", "ab", True)],
)
def test_overlap_of_patterns(one, other, expected):
    assert overlap(one, other) is expected


def test_an_alias_of_an_engine_belongs_to_one_adapter(declare):
    declare("one", [], ALIASES.format(aliases='{ "engine" = ["x", "y"] }') + PLAIN)
    declare("two", [], ALIASES.format(aliases='{ "engine" = ["x"], "other" = ["y"] }') + PLAIN)
    assert conflicts() == [
        "the alias 'x' of engine is used twice, by 'one' and 'two': "
        "leave it to the one that this engine's parser reads"
    ]
    with pytest.raises(ChatAdaptersError, match=r"'one'.*'two'"):
        registry.resolve("engine:x")


@pytest.mark.parametrize("other", ["Plain.toml", "pl-ain.toml", "deeper/pl_ain.toml"])
def test_two_files_with_one_name_are_a_conflict(declare, tmp_path, other):
    declare("plain", [])
    declare("pl_ain", [])
    path = tmp_path / "adapters" / other
    path.parent.mkdir(exist_ok=True)
    path.write_text((tmp_path / "adapters" / "plain.toml").read_text())
    (said,) = conflicts()
    assert said.startswith("two files have one name") and str(path) in said
    assert said.endswith("rename one of them")


def test_two_registered_files_with_one_name_are_an_error(declare):
    first = declare("plain", [], folder="one")
    second = declare("plain", [], folder="two")
    registry.register(first)
    registry.register(first)
    with pytest.raises(ChatAdaptersError, match="two files have the name 'plain'"):
        registry.register(second)
    assert registry.resolve("plain") == first


def test_an_alias_finds_its_adapter(declare):
    path = declare("plain", [], ALIASES.format(aliases='{ "engine" = ["x"], "b" = ["z"] }') + PLAIN)
    other = declare("other", [], ALIASES.format(aliases='{ "b" = ["x"] }') + PLAIN)
    assert registry.resolve("engine:x") == registry.resolve("z") == path
    assert registry.resolve("b:x") == other
    with pytest.raises(ChatAdaptersError, match=r"'other' \(as b:x\) and 'plain' \(as engine:x\)"):
        registry.resolve("x")
    with pytest.raises(UnknownAdapterError, match="did you mean 'engine:x'"):
        registry.resolve("engin:x")


def test_the_name_of_an_adapter_goes_before_an_alias(declare):
    path = declare("plain", [])
    declare("other", [], ALIASES.format(aliases='{ "engine" = ["plain"] }') + PLAIN)
    assert registry.resolve("plain") == path
    assert registry.resolve("engine:plain").stem == "other"


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
        assert row["aliases"] == table.get("aliases", {})


@pytest.mark.parametrize("wanted", ["plain7", "Maker/Plain-7", "engine:p7", "p7"])
def test_loading_reads_the_index_and_one_declaration(declare, tmp_path, monkeypatch, wanted):
    rows = {}
    for number in range(20):
        declare(f"plain{number}", [f"Maker/Plain-{number}"])
        row = {"models": [f"Maker/Plain-{number}"], "aliases": {"engine": [f"p{number}"]}}
        rows[f"plain{number}"] = row
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "index.json").write_text(json.dumps({"adapters": rows}))
    reads = []
    real = tables.read_text
    monkeypatch.setattr(tables, "read_text", lambda path: reads.append(path) or real(path))
    assert chatadapters.load(wanted).name == "plain7"
    assert [path.stem for path in reads] == ["plain7"]


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
