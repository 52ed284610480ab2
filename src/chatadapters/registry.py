"""The registry: a name, a model id, an alias or a path in, the declaration it stands for out."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from functools import cache
from os import PathLike, fspath, sep
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ChatAdaptersError, DeclarationError, Place, UnknownAdapterError, did_you_mean

if TYPE_CHECKING:
    from .declaration import Declaration
    from .tables import Loader

SUFFIX = ".toml"
_WILDCARDS = "*?["
_registered: dict[str, Path] = {}


def folder(name: str) -> Path:
    """Return a data folder: ``adapters``, ``chat-template`` or ``registry``.

    A wheel carries them inside the package; an editable install uses the repository's own.
    """
    here = Path(__file__).resolve().parent
    packaged = here / "_data" / name
    return packaged if packaged.is_dir() else here.parent.parent / name


def names() -> list[str]:
    """Return the names of all adapters, sorted; those registered in this process included."""
    return sorted({path.stem for path in folder("adapters").glob(f"*{SUFFIX}")} | set(_registered))


def register(path: str | PathLike[str]) -> str:
    """Add the declaration at ``path`` for this process and return its name.

    It may take the place of an adapter of the package, not of another registered file of the same
    name. Raises ``DeclarationError`` and ``ChatAdaptersError``.
    """
    found = Path(path)
    name = read(found).name
    other = _registered.get(name, found)
    if other.resolve() != found.resolve():
        raise ChatAdaptersError(
            f"two files have the name {name!r}, {other} and {found}: rename one of them"
        )
    _registered[name] = found
    return name


def unregister(name: str) -> None:
    """Take back a ``register``."""
    _registered.pop(name, None)


def resolve(name: str | PathLike[str]) -> Path:
    """Return the path of the declaration that a name, a model id, an alias or a path stands for.

    An alias is another engine's name, such as ``ENGINE:NAME``; ``NAME`` alone will do where no
    adapter is called so and all engines mean the same. Raises ``UnknownAdapterError``.
    """
    text = fspath(name)
    if text in _registered:
        return _registered[text]
    if not isinstance(name, str) or text.endswith(SUFFIX):
        return Path(text)
    if text and sep not in text and "/" not in text:
        path = folder("adapters") / f"{text}{SUFFIX}"
        if path.is_file():
            return path
    owner = _owner(text) if "/" in text else _alias(text)
    if owner is None:
        raise UnknownAdapterError(text, _known() if text else names())
    return _registered.get(owner) or folder("adapters") / f"{owner}{SUFFIX}"


def read(name: str | PathLike[str]) -> Declaration:
    """Read the declaration that ``name`` stands for.

    Raises ``UnknownAdapterError`` and ``DeclarationError``.
    """
    from . import declaration

    path = resolve(name)
    return declaration.read(path, _base_loader(path))


def index() -> dict[str, dict[str, Any]]:
    """Return the adapters of ``registry/index.json``: name -> title, models, capabilities, ..."""
    path = folder("registry") / "index.json"
    return _index(path, path.stat().st_mtime_ns) if path.is_file() else {}


def models() -> dict[str, list[str]]:
    """Return the patterns of model ids of every adapter: from the index, else from its file."""
    return {name: _strings(row.get("models")) for name, row in _rows().items()}


def aliases() -> dict[str, dict[str, list[str]]]:
    """Return what other engines call every adapter: adapter -> engine -> names."""
    tables = {name: row.get("aliases") for name, row in _rows().items()}
    return {
        name: {engine: _strings(found) for engine, found in table.items()}
        if isinstance(table, dict)
        else {}
        for name, table in tables.items()
    }


def specificity(pattern: str) -> tuple[int, bool]:
    """Return what decides between patterns: the literal prefix's length, then no wildcard."""
    cut = min((pattern.find(c) for c in _WILDCARDS if c in pattern), default=len(pattern))
    return cut, cut == len(pattern)


def matches(model: str, pattern: str) -> bool:
    """Return whether a model id fits a pattern; case does not count, as on the model hub."""
    model, pattern = model.lower(), pattern.lower()
    # most patterns fail here, which saves compiling each of them
    return model.startswith(pattern[: specificity(pattern)[0]]) and fnmatchcase(model, pattern)


def _owner(model: str) -> str | None:
    best: tuple[int, bool] = (-1, False)
    owners: list[str] = []
    for name, patterns in models().items():
        fits = [specificity(pattern) for pattern in patterns if matches(model, pattern)]
        if fits and max(fits) >= best:
            owners = [name] if max(fits) > best else [*owners, name]
            best = max(fits)
    ours = [name for name in owners if name in _registered]
    if len(ours or owners) > 1:
        raise ChatAdaptersError(
            f"model id {model!r} fits {' and '.join(map(repr, ours or owners))} equally well: "
            "load one of them by its name"
        )
    return next(iter(ours or owners), None)


def _alias(text: str) -> str | None:
    engine, _, alias = text.rpartition(":")
    owners = {
        (name, each)
        for name, engines in aliases().items()
        for each, found in engines.items()
        if alias in found and engine in ("", each)
    }
    if len({name for name, _ in owners}) < 2:
        return next((name for name, _ in owners), None)
    said = " and ".join(f"{name!r} (as {each}:{alias})" for name, each in sorted(owners))
    raise ChatAdaptersError(f"{text!r} is another name of {said}: load one of them by its own name")


def _known() -> list[str]:
    literal = [p for patterns in models().values() for p in patterns if specificity(p)[1]]
    other = [
        f"{engine}:{alias}"
        for engines in aliases().values()
        for engine, found in engines.items()
        for alias in found
    ]
    return [*names(), *literal, *dict.fromkeys(other)]


def _rows() -> dict[str, dict[str, Any]]:
    """Return what is known of every adapter: its entry of the index, else its file."""
    known = index()
    return {
        name: known[name] if name in known and name not in _registered else _table(resolve(name))
        for name in names()
    }


def _table(path: Path) -> dict[str, Any]:
    from .tables import read_table

    return read_table(path)


def _strings(found: object) -> list[str]:
    return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []


def _base_loader(path: Path) -> Loader:
    """Look up what ``extends`` names: a file beside this one, else an adapter."""
    from .tables import read_table

    def load_base(base: str) -> dict[str, Any]:
        beside = path.with_name(f"{base}{SUFFIX}")
        if "/" not in base and sep not in base and beside.is_file():
            return read_table(beside)
        if base not in names():
            raise DeclarationError(
                f"extends {base!r}, which is no adapter{did_you_mean(base, names())}",
                place=Place(path.name, "extends"),
                fixes=[f"use one of: {', '.join(names())}", "remove `extends`"],
            )
        return read_table(resolve(base))

    return load_base


@cache
def _index(path: Path, _changed: int) -> dict[str, dict[str, Any]]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["adapters"]
    except (ValueError, KeyError, TypeError) as error:
        raise ChatAdaptersError(
            f"{path}: not the index that this version writes ({error}): write it again with "
            "`python tools/generate.py`, or install the package again"
        ) from None
    return dict(table)
