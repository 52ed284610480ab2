"""Write what is generated from the declarations: templates, registry files and pages of the docs.

python tools/generate.py            write what changed
python tools/generate.py --check    write nothing; exit 1 if something on disk differs
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import board
import catalogue
import click
import pages

import chatadapters
from chatadapters import registry
from chatadapters.cli import facts, schema
from chatadapters.cli.app import COMMANDS, cli, help_text
from chatadapters.conflicts import conflicts
from chatadapters.detection import known, probes, rendering
from chatadapters.verify import references

ROOT = Path(__file__).resolve().parent.parent
OURS = ("chat-template/*.jinja", "docs/formats/*.md")  # files here that nothing generates are stale
NOTICE = (
    "<!-- Written by tools/generate.py: change the declarations or the program, not this page. -->"
)


def main() -> int:
    """Write or compare the generated files and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--check", action="store_true", help="compare, write nothing")
    check = options.parse_args().check
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it misses PyTorch, we do not
    broken: list[str] = []
    wanted = dict(generated(broken))
    for message in broken:
        print(f"wrong: {message}", file=sys.stderr)
    changed = 0
    for path, text in wanted.items():
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        if old == text:
            continue
        changed += 1
        print(f"{'differs' if check else 'wrote'}: {path.relative_to(ROOT)}")
        if check:
            _print_difference(old, text)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
    for path in sorted({p for pattern in OURS for p in ROOT.glob(pattern)} - set(wanted)):
        changed += 1
        print(f"{'stale' if check else 'removed'}: {path.relative_to(ROOT)}")
        if not check:
            path.unlink()
    print(f"{len(wanted)} generated files, {changed} {'differ' if check else 'changed'}")
    if check and changed:
        print("run `python tools/generate.py` and commit what it writes", file=sys.stderr)
    return 1 if broken or (check and changed) else 0


def generated(broken: list[str]) -> Iterator[tuple[Path, str]]:
    """Give every generated file and its text; what cannot be compiled is left out and said."""
    index, seen, probed, known_board = {}, {}, {}, board.read()
    broken += conflicts()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        names = registry.names()
        for name, made in zip(names, pool.map(compiled, names, chunksize=4), strict=True):
            if isinstance(made, str):
                broken.append(made)
                continue
            template, page, index[name], probed[name] = made
            seen[name] = verified(name, known_board.get(name, {}), broken)
            yield ROOT / "chat-template" / f"{name}.jinja", template
            yield ROOT / "docs" / "formats" / f"{name}.md", page
    yield ROOT / "registry" / "schema.json", schema.text()
    yield ROOT / "registry" / "index.json", _json({"adapters": index})
    yield ROOT / "registry" / known.FILE, probes_file(probed)
    yield ROOT / "src" / "chatadapters" / "cli" / "help.txt", help_text()
    yield ROOT / "docs" / "formats.md", catalogue.page(index, seen, NOTICE)
    yield ROOT / "docs" / "cli.md", commands_page()


def compiled(name: str) -> tuple[str, str, dict[str, Any], dict[str, Any]] | str:
    """Return an adapter's template, page, entry of the index and probes, or why it has none."""
    try:
        adapter = chatadapters.load(name)
        page = pages.page(adapter, NOTICE)
        return adapter.emit("jinja"), page, entry(adapter), probes_of(name)
    except chatadapters.ChatAdaptersError as error:
        return str(error)


def entry(adapter: chatadapters.Adapter) -> dict[str, Any]:
    """Return an adapter's entry of the index."""
    declared = adapter.declaration
    sha256 = {
        "declaration": _sha256(registry.resolve(adapter.name).read_bytes()),
        "template": _sha256(adapter.emit("jinja").encode()),
        "official": {r.model: r.sha256 for r in declared.references},
    }
    return {
        "title": declared.title,
        "models": list(declared.models),
        "aliases": {engine: list(names) for engine, names in declared.aliases.items()},
        "capabilities": facts.capabilities(adapter),
        "sha256": sha256,
        "evidence": {"from": declared.evidence},
    }


def verified(name: str, known: dict[str, Any], broken: list[str]) -> dict[str, Any]:
    """Return what tools/board.py found of an adapter, as long as it holds of what is on disk."""
    if known.get("sha256") != board.hashes(name):
        broken.append(f"{name}: changed since it was verified: run `python tools/board.py {name}`")
        return {}
    return known


def probes_of(name: str) -> dict[str, Any]:
    """Return an adapter's renderings of the probes, and those of its official templates."""
    declared = registry.read(name)
    whole = [r.sha256 for r in declared.references if r.part == "all"]
    found = [official.text for official in map(references.find, whole) if official]
    return {**rendering.made(declared, found), "complete": len(found) == len(whole)}


def probes_file(probed: dict[str, dict[str, Any]]) -> str:
    """Return what `adapters detect` compares with: an adapter's renderings of the probes a line."""
    path = ROOT / "registry" / known.FILE
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    before = old.get("adapters", {}) if old.get("probes") == probes.digest() else {}
    lines = []
    for name, made in probed.items():
        same = before.get(name, {}).get("declaration") == made["declaration"]
        if not made.pop("complete") and same:  # the official templates cannot be had here
            made["official"] = before[name]["official"]
        lines.append(f"    {json.dumps(name)}: {json.dumps(made, ensure_ascii=False)}")
    head = f'{{\n  "probes": {json.dumps(probes.digest())},\n  "adapters": {{\n'
    return head + ",\n".join(lines) + "\n  }\n}\n"


def commands_page() -> str:
    """Return docs/cli.md: the help of every command."""
    lines = ["# Command line", NOTICE, "", *pages.fenced(_help(cli, "adapters"))]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        lines += ["", f"## adapters {name}", "", *pages.fenced(_help(command, f"adapters {name}"))]
    return "\n".join(lines) + "\n"


def _help(command: click.Command, name: str) -> str:
    with click.Context(command, info_name=name, terminal_width=88, max_content_width=88) as context:
        return command.get_help(context)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _print_difference(old: str, new: str, most: int = 8) -> None:
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "disk", "new", "", "", 0))
    for line in lines[2 : 2 + most]:
        print(f"    {line[:160]}")
    if len(lines) > 2 + most:
        print(f"    ... and {len(lines) - 2 - most} more lines")


if __name__ == "__main__":
    sys.exit(main())
