"""docs/formats.md: the index, the board and what has no adapter in, the page's text out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatadapters.cli import facts

UNCOVERED = Path(__file__).resolve().parent.parent / "registry" / "uncovered.toml"
ENGINES = {"vllm": "vLLM", "sglang": "SGLang"}
SHOWN = 8  # digits of a sha256


def page(index: dict[str, Any], board: dict[str, Any], notice: str) -> str:
    """Return docs/formats.md: the conformance board, other engines' names, what is missing."""
    compared = sum(any(entry.get("compared", {}).values()) for entry in board.values())
    holding = sum(entry.get("holds", False) for entry in board.values())
    lines = [
        "# Formats",
        notice,
        "",
        f"{len(index)} adapters; {compared} were compared, byte for byte, with an official chat "
        f"template, and {holding} hold all laws. `python tools/board.py` wrote these figures and "
        "`adapters verify --all` repeats them.",
        "",
        "A model has an adapter if `adapters show MODEL` finds one; `adapters detect` finds the "
        "one that fits a template. The columns *reference* and *generated* count conversations: "
        "equal / different as declared / accepted by the official template. A format's page "
        "shows a worked example, what it cannot carry, and which bugs of its official template "
        "are not copied.",
        "",
        "| name | what it is | models | carries | official template | reference | generated | "
        "laws | tokenizers |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_row(name, index[name], board.get(name, {})))} |" for name in index]
    for engine, title in ENGINES.items():
        lines += ["", f"## What {title} calls them", "", f"| {title} | adapter |", "|---|---|"]
        lines += [f"| `{alias}` | {_link(name)} |" for alias, name in _aliases(index, engine)]
    lines += ["", "## What has no adapter", "", "| name | why |", "|---|---|"]
    lines += [f"| {name} | {cell(why)} |" for name, why in _uncovered()]
    return "\n".join(lines) + "\n"


def uncovered() -> dict[str, dict[str, str]]:
    """Return what has no adapter: engine, or "formats" -> name -> why."""
    found: dict[str, dict[str, str]] = tomllib.loads(UNCOVERED.read_text(encoding="utf-8"))
    return found


def cell(text: str) -> str:
    """Return a text as a cell of a table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("\n", "\\n")


def _row(name: str, entry: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    yield _link(name)
    yield cell(entry["title"])
    yield _lines(f"`{model}`" for model in entry["models"])
    yield facts.summary(entry["capabilities"])
    compared = found.get("compared", {})
    official = entry["sha256"]["official"]
    none = facts.EVIDENCE.get(entry["evidence"]["from"], "none")
    yield _lines(f"`{model}` {sha256[:SHOWN]}" for model, sha256 in official.items()) or none
    for part in ("reference", "generated"):
        yield _lines(compared.get(model, {}).get(part, "not compared") for model in official)
    yield f"{len(found.get('laws', ()))} hold"
    yield _lines(found.get("tokenizers", ()))


def _lines(words: Any) -> str:
    return "<br>".join(words)


def _link(name: str) -> str:
    return f"[`{name}`](formats/{name}.md)"


def _aliases(index: dict[str, Any], engine: str) -> list[tuple[str, str]]:
    return sorted(
        (alias, name) for name, entry in index.items() for alias in entry["aliases"].get(engine, ())
    )


def _uncovered() -> Iterator[tuple[str, str]]:
    for engine, found in uncovered().items():
        for name, why in found.items():
            yield f"`{name}` of {ENGINES[engine]}" if engine in ENGINES else name, why
