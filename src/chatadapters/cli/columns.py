"""A plain table: rows of words in, text that fits the terminal out, without importing rich."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence

PIPE_WIDTH, LEAST, GAP = 120, 12, "  "


def print_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their column names: bold on a terminal, which also gives the width."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else PIPE_WIDTH
    lines = list(layout([columns, *rows], width))
    plain = not terminal or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    if lines and not plain:
        lines[0] = f"\x1b[1m{lines[0]}\x1b[0m"
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def layout(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Give the lines of a table; cells of all columns but the first are folded to fit."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width:
        widest = max(range(1, len(widths)), key=widths.__getitem__, default=0)
        if widest == 0 or widths[widest] <= LEAST:
            break
        widths[widest] -= 1
    for row in rows:
        cells = [[row[0]], *(list(_folded(c, w)) for c, w in zip(row[1:], widths[1:], strict=True))]
        for number in range(max(map(len, cells))):
            line = (cell[number] if number < len(cell) else "" for cell in cells)
            yield GAP.join(map(str.ljust, line, widths)).rstrip()


def _folded(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
        while len(line) > width:
            yield line[:width]
            line = line[width:]
    yield line
