"""What the registry covers: other engines' names, official templates, sizes of declarations."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chatadapters
from chatadapters import registry
from chatadapters.errors import UnknownAdapterError
from chatadapters.verify import references
from tests.strategies import ABSENT, COMPARED
from tools.catalogue import uncovered

ROOT = Path(__file__).resolve().parent.parent
LISTED = re.compile(r"^- (vllm|sglang):(\S+)", re.M)  # in a format's record: who parses it
LEAST = {"vllm": 54, "sglang": 44}
LEAST_REFERENCE, LEAST_GENERATED = 30, 150  # equal, so outside every deviation


def listed() -> dict[str, set[str]] | None:
    """Return the parser names of the records beside the reference folder, or None."""
    folder = references.folder()
    records = folder.parent / "formats" if folder is not None else Path("nowhere")
    if not records.is_dir():
        return None
    found: dict[str, set[str]] = {engine: set() for engine in LEAST}
    for path in records.glob("*.yaml"):
        for engine, name in LISTED.findall(path.read_text(encoding="utf-8")):
            found[engine].add(name)
    return found


@pytest.mark.parametrize("engine", LEAST)
def test_every_parser_name_of_the_engines_has_an_adapter_or_a_reason(
    engine: str, record_property: Callable[[str, object], None]
) -> None:
    names = listed()
    if names is None:
        record_property(ABSENT, f"the list of {engine}'s parser names")
        return
    assert len(names[engine]) >= LEAST[engine]
    reasons = uncovered().get(engine, {})
    without = set()
    for name in names[engine]:
        try:
            registry.resolve(f"{engine}:{name}")
        except UnknownAdapterError:
            without.add(name)
    assert without == set(reasons)
    assert all(len(reason) > 20 for reason in reasons.values())
    said = f"{len(names[engine])} parser names of {engine}: all resolve but {len(without)}"
    record_property(COMPARED, f"coverage: {said}")


def board() -> dict[str, dict[str, Any]]:
    path = ROOT / "registry" / "board.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["adapters"]
    return found


def test_the_board_is_of_the_adapters() -> None:
    assert list(board()) == chatadapters.names()
    assert len(board()) >= 90
    assert [name for name, entry in board().items() if not entry["holds"]] == []


def test_every_declared_reference_was_compared() -> None:
    for name, entry in board().items():
        declared = {reference.model for reference in registry.read(name).references}
        assert set(entry["compared"]) == declared, name
        assert all(entry["compared"].values()), name


def test_enough_adapters_equal_an_official_template() -> None:
    whole = [
        [found for found in entry["compared"].values() if found["part"] == "all"]
        for entry in board().values()
    ]
    many = [each for each in whole if each]
    assert len(many) >= 75
    assert sum(any(map(mostly_equal, each)) for each in many) >= 60


def mostly_equal(found: dict[str, Any]) -> bool:
    reference, generated = (int(found[part].split(" / ")[0]) for part in ("reference", "generated"))
    return reference >= LEAST_REFERENCE and generated >= LEAST_GENERATED


def test_real_tokenizers_were_tried() -> None:
    assert sum(bool(entry["tokenizers"]) for entry in board().values()) >= 60


def test_declarations_are_short() -> None:
    paths = registry.folder("adapters").glob("*.toml")
    sizes = [len(path.read_text(encoding="utf-8").splitlines()) for path in paths]
    assert statistics.median(sizes) <= 60
