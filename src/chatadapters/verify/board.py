"""The table of what was verified: reports in, lines on a terminal or plain text out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from . import Report

COLUMNS = ("adapter", "reference", "reference set", "generated", "other shapes", "laws", "")
LEGEND = (
    "Conversations: equal / deviating as declared / accepted by the official template. "
    "Other shapes: null contents, parts, string arguments, ..."
)


def rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """Return the table's rows: one per reference, the laws beside the first one of an adapter."""
    found: list[tuple[str, ...]] = []
    for report in reports:
        laws = ", ".join(
            f"{law.name} {law.checked}{'' if law.ok else ' FAILS'}" for law in report.laws
        )
        verdict = "ok" if report.ok else "FAILS"
        if not report.agreements:
            known = "" if report.evidence == "template" else f" ({report.evidence} only)"
            found.append((report.adapter, f"no reference{known}", "", "", "", laws, verdict))
        for agreement in report.agreements:
            if not agreement.found:
                cells = [f"{agreement.model} {agreement.sha256[:8]}", "not found", "not found", ""]
            else:
                part = " (opening)" if agreement.part == "opening" else ""
                name = f"{agreement.model} {agreement.sha256[:8]}{part}".strip()
                sets = (agreement.reference, agreement.generated, agreement.shapes)
                cells = [name, *map(str, sets)]
            found.append((report.adapter, *cells, laws, verdict))
            laws = verdict = ""
    return found


def details(reports: Sequence[Report]) -> list[str]:
    """Return the lines under the table: failures, deviations with counts, shares, notes."""
    lines: list[str] = []
    for report in reports:
        lines += [f"{report.adapter}: FAILS {failure}" for failure in report.failures]
        for agreement in report.agreements:
            for when, count in agreement.deviations.items():
                place = f"{count} conversations where {' '.join(when.split())}"
                lines.append(f"{report.adapter}: differs as declared in {place}")
            if agreement.shares:
                shares = ", ".join(
                    f"{name.replace('_', ' ')} {share:.0%}"
                    for name, share in agreement.shares.items()
                )
                lines.append(
                    f"{report.adapter}: generated with {shares}; rendered by {agreement.renderer}"
                )
        lines += [
            f"{report.adapter}: {law.name}: {law.note}"
            for law in report.laws
            if law.note and law.name != "tokenizer"
        ]
        lines += [f"{report.adapter}: {name}" for name in report.tokenizers]
        lines += [f"{report.adapter}: {note}" for note in report.notes]
    return lines


def show(reports: Sequence[Report], file: TextIO | None = None) -> None:
    """Print the table and what stands under it; in colours on a terminal."""
    out = file or sys.stdout
    table = rows(reports)
    if out.isatty():
        _rich(table, out)
    else:
        widths = [max(len(row[n]) for row in (COLUMNS, *table)) for n in range(len(COLUMNS))]
        for row in (COLUMNS, *table):
            print(
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, widths, strict=True)
                ).rstrip(),
                file=out,
            )
    print(LEGEND, file=out)
    for line in details(reports):
        print(line, file=out)
    good = sum(report.ok for report in reports)
    compared = sum(report.compared for report in reports)
    print(
        f"{len(reports)} adapters, {good} hold all laws, {compared} compared with a reference",
        file=out,
    )


def _rich(table: Sequence[tuple[str, ...]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table(*COLUMNS, show_lines=False)
    for row in table:
        view.add_row(*row, style="red" if row[-1] == "FAILS" else None)
    Console(file=out).print(view)
