"""Detection on the official templates: what is said of each, and that it is true.

`tests/detected.json` holds the table: template -> the adapters that fit it exactly, best first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import chatadapters
from chatadapters import registry
from chatadapters.detection import compare
from chatadapters.errors import ChatAdaptersError
from chatadapters.verify import agreement, references
from tests.detection_cases import Here, everything
from tests.strategies import ABSENT, COMPARED

TABLE = Path(__file__).parent / "detected.json"
PARTS = 8  # tests that share the templates, so that several processes do


def known_templates() -> dict[str, str]:
    """Return the templates that are adapters' references: sha256 -> adapter."""
    return {
        reference.sha256: name
        for name in registry.names()
        for reference in registry.read(name).references
        if reference.part == "all"
    }


def fitting(text: str) -> list[str]:
    try:
        return [fit.adapter for fit in compare(text, Here(text), everything()).exact]
    except ChatAdaptersError:
        return []


@pytest.mark.parametrize("part", range(PARTS))
def test_the_table(
    part: int, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    folder = references.file("templates")
    if folder is None:
        record_property(ABSENT, f"detection on official templates, part {part}")
        return
    whole = known_templates()
    paths = sorted(folder.glob("*.jinja"))[part::PARTS]
    found, wrong = {}, []
    for path in paths:
        text = path.read_bytes().decode()
        found[path.stem] = names = fitting(text)
        owner = whole.get(hashlib.sha256(path.read_bytes()).hexdigest())
        if owner is not None and owner not in names[:1]:
            wrong.append(f"{path.stem} is a reference of {owner}, not {names}")
        for name in names:
            if name != owner:  # the owner's is the fourth law's own test
                wrong += [f"{path.stem} is not {name}: {line}" for line in differences(name, text)]
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    if request.config.getoption("--update-detected"):
        lines = (f"  {json.dumps(s)}: {json.dumps(n)}" for s, n in sorted((table | found).items()))
        TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    else:
        assert found == {path.stem: table.get(path.stem) for path in paths}
    assert not wrong
    exact = sum(bool(names) for names in found.values())
    said = f"detection: part {part}: {exact} of {len(found)} official templates fit exactly"
    record_property(COMPARED, said)


def differences(name: str, text: str) -> list[str]:
    """Return where an adapter and a template differ on the reference conversations."""
    adapter = chatadapters.load(name)
    (found,) = agreement.agreements(adapter, generated=0, model_template=text)
    return [line for line in found.failures if ": after" in line]


def test_the_table_holds_every_template() -> None:
    folder = references.file("templates")
    names = set(json.loads(TABLE.read_text(encoding="utf-8")))
    assert folder is None or names == {path.stem for path in folder.glob("*.jinja")}
