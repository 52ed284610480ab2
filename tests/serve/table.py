"""The table of a run: cells in, lines of text out, and which cells are missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chatadapters

MODES = ("auto", "strict", "required", "named", "one call", "none")
WAYS = ("whole", "stream")


CORPUS = Path(__file__).resolve().parents[1] / "corpus"


def served() -> list[str]:
    """Return the adapters that are served here: those that the whole suite is run with."""
    return [name for name in chatadapters.names() if (CORPUS / f"{name}.txt").is_file()]


def calling(names: Sequence[str] | None = None) -> list[str]:
    """Return those that carry tool calls, of the adapters that are served: the table's rows."""
    given = served() if names is None else names
    return [name for name in given if chatadapters.load(name).declaration.limits.calls != 0]


@dataclass
class Cell:
    """How often one adapter was asked in one mode and way, and how often the answer was right."""

    right: int = 0
    asked: int = 0
    failed: bool = False
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = f"{self.right}/{self.asked}"
        return f"{text} FAILED" if self.failed else " ".join([text, *self.notes])


@dataclass
class Table:
    """Adapter x (auto, strict, required, named, one call, none) x (whole, stream)."""

    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # server -> time to start
    whole: bool = False

    def add(self, values: list[Any], passed: bool) -> None:
        adapter, mode, way, right, asked, note = values
        cell = self.cells.setdefault((adapter, mode, way), Cell())
        cell.right += right
        cell.asked += asked
        cell.failed |= not passed or right != asked
        cell.notes += [note] if note else []

    def gaps(self) -> list[str]:
        """Return the cells that a whole run must fill and this one did not."""
        return [
            f"{name} {mode} {way}"
            for name in calling()
            for mode in MODES
            for way in WAYS
            if not (cell := self.cells.get((name, mode, way))) or not cell.asked
        ]

    def rows(self) -> list[list[str]]:
        """Return the heading and a row for every adapter."""
        columns = [(mode, way) for mode in MODES for way in WAYS]
        rows = [["adapter", *(" ".join(column) for column in columns)]]
        for name in dict.fromkeys([*calling(), *(key[0] for key in self.cells)]):
            found = [self.cells.get((name, *column)) for column in columns]
            rows.append([name, *(str(cell) if cell else "-" for cell in found)])
        return rows

    def lines(self) -> list[str]:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        found = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        found += ["", *sorted(self.notes)]
        if self.seconds:
            slowest = max(self.seconds.values())
            found.append(f"{len(self.seconds)} servers started, the slowest in {slowest:.0f} s")
        if self.whole and (gaps := self.gaps()):
            found.append(f"FAILED: nothing was asked for {', '.join(gaps)}")
        return found

    def as_json(self) -> str:
        cells = [
            [*key, cell.right, cell.asked, cell.failed, cell.notes]
            for key, cell in self.cells.items()
        ]
        found = {"cells": cells, "notes": sorted(self.notes), "seconds": self.seconds}
        return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
