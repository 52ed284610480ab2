"""Tables and marked text for terminals: rows in, printed text out; only this file imports rich."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 120

STYLES = {
    "framing": "dim",
    "marker": "cyan",
    "content": "bold green",
    "reasoning": "italic yellow",
    "name": "bold magenta",
    "arguments": "bold blue",
    "heading": "bold underline",
    "good": "green",
    "bad": "bold red",
}


def console() -> Console:
    """Return a console on today's stdout; colours appear only on a terminal."""
    wide = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, width=wide, highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print rows under their column names."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, column in enumerate(columns):
        table.add_column(column, no_wrap=position == 0, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    out = console()
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def heading(text: str) -> None:
    """Print a heading with a blank line before it."""
    console().print(Text(f"\n{text}", STYLES["heading"]))


def marked(parts: Iterable[tuple[str, str]]) -> Text:
    """Return text whose parts, (kind, text), have the colour of their kind."""
    return Text.assemble(*((text, STYLES.get(kind, "")) for kind, text in parts))


def print_text(text: str | Text) -> None:
    """Print text as it is, without wrapping it."""
    console().print(text if isinstance(text, Text) else Text(text), soft_wrap=True)
