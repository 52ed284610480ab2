"""``adapters list``: nothing in, what adapters there are out; read from the index alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from .facts import summary


@click.command()
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(words: tuple[str, ...], as_json: bool) -> int:
    """List the adapters there are: name, models, what they carry, what they were verified against.

    With WORDs, those with each of them in their name, title, models or names in other engines.

    \b
    Examples:
      adapters list
      adapters list glm
      adapters list --json
    """
    rows = {name: row for name, row in entries().items() if has(name, row, words)}
    if not rows:
        said = " and ".join(map(repr, words))
        click.echo(f"no adapter has {said}: `adapters list` shows all of them", err=True)
        return 1
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return 0
    from .columns import print_columns

    print_columns(
        ("name", "models", "in other engines", "carries", "verified against"),
        [
            (
                name,
                ", ".join(row["models"]) or "-",
                ", ".join(spelled(row.get("aliases") or {})) or "-",
                summary(row["capabilities"]) if "capabilities" in row else "not in the index",
                verified(row),
            )
            for name, row in rows.items()
        ],
    )
    return 0


def has(name: str, row: dict[str, Any], words: tuple[str, ...]) -> bool:
    """Return whether each word, in any case, is in what an entry says of itself."""
    said = [name, row.get("title", ""), *row["models"], *spelled(row.get("aliases") or {})]
    text = "\n".join(said).lower()
    return all(word.lower() in text for word in words)


def spelled(aliases: dict[str, list[str]]) -> list[str]:
    """Return aliases as `load` takes them: ENGINE:NAME."""
    return [f"{engine}:{name}" for engine, names in aliases.items() for name in names]


def verified(row: dict[str, Any]) -> str:
    """Return the official templates of an entry, or what else the declaration is read from."""
    official = ", ".join(row.get("sha256", {}).get("official", {}))
    kind = row.get("evidence", {}).get("from", "template")
    return official or ("-" if kind == "template" else f"({kind})")


def entries() -> dict[str, dict[str, Any]]:
    """Return the index's entry of every adapter; one that is not there has only its models."""
    from ..registry import aliases, index, models

    known, also = index(), aliases()
    return {
        name: known.get(name) or {"models": found, "aliases": also[name]}
        for name, found in models().items()
    }
