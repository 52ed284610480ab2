"""``adapters list``: nothing in, what adapters there are out; read from the index alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from .facts import summary


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(as_json: bool) -> None:
    """List the adapters there are: name, models, what they carry, what they were verified against.

    \b
    Examples:
      adapters list
      adapters list --json
    """
    rows = entries()
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return
    from .terminal import print_table

    print_table(
        ("name", "models", "carries", "verified against"),
        [
            (
                name,
                ", ".join(row["models"]) or "-",
                summary(row["capabilities"]) if "capabilities" in row else "not in the index",
                ", ".join(row.get("sha256", {}).get("official", {})) or "-",
            )
            for name, row in rows.items()
        ],
    )


def entries() -> dict[str, dict[str, Any]]:
    """Return the index's entry of every adapter; one that is not there has only its models."""
    from ..registry import index, models

    known = index()
    return {name: known.get(name) or {"models": found} for name, found in models().items()}
