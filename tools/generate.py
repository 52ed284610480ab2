"""Write what is generated from the declarations: templates, registry files and pages of the docs.

python tools/generate.py            write what changed
python tools/generate.py --check    write nothing; exit 1 if something on disk differs
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import chatadapters
from chatadapters import registry
from chatadapters.cli import facts, schema, show
from chatadapters.cli.app import COMMANDS, cli, help_text
from chatadapters.cli.example import example
from chatadapters.verify import agreement, references

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
        print(f"left out: {message}", file=sys.stderr)
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
    index = {}
    for name in registry.names():
        try:
            adapter = chatadapters.load(name)
            template, page = adapter.emit("jinja"), format_page(adapter)
            index[name] = entry(adapter)
        except chatadapters.ChatAdaptersError as error:
            broken.append(str(error))
            continue
        yield ROOT / "chat-template" / f"{name}.jinja", template
        yield ROOT / "docs" / "formats" / f"{name}.md", page
    yield ROOT / "registry" / "schema.json", schema.text()
    yield ROOT / "registry" / "index.json", _json({"adapters": index})
    yield ROOT / "src" / "chatadapters" / "cli" / "help.txt", help_text()
    yield ROOT / "docs" / "formats.md", formats_page(index)
    yield ROOT / "docs" / "cli.md", commands_page()


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
        "aliases": {},
        "capabilities": facts.capabilities(adapter),
        "sha256": sha256,
        "evidence": evidence(adapter, sha256),
    }


def evidence(adapter: chatadapters.Adapter, sha256: dict[str, Any]) -> dict[str, Any]:
    """Return what was compared with the official templates, and with what result.

    Where these cannot be had, what the index says of the same texts still holds.
    """
    declared = adapter.declaration.references
    if references.conversations() is None or not all(references.find(r.sha256) for r in declared):
        old = registry.index().get(adapter.name, {})
        found: dict[str, Any] = old.get("evidence", {}) if old.get("sha256") == sha256 else {}
        return found
    return {
        found.model: {"part": found.part, "conversations": _counts(found.reference)}
        | {"generated": _counts(found.generated), "failures": len(found.failures)}
        for found in agreement.agreements(adapter)
    }


def _counts(tally: agreement.Tally) -> dict[str, int]:
    return {"accepted": tally.accepted, "equal": tally.equal, "deviating": tally.deviating}


def formats_page(index: dict[str, dict[str, Any]]) -> str:
    """Return docs/formats.md: one row for each adapter."""
    lines = [
        "# Formats",
        NOTICE,
        "",
        "| name | what it is | models | carries | equal to the template of |",
        "|---|---|---|---|---|",
    ]
    for name, row in index.items():
        models = "<br>".join(f"`{m}`" for m in row["models"]) or "-"
        official = "<br>".join(f"`{m}`" for m in row["sha256"]["official"]) or "-"
        link = f"[`{name}`](formats/{name}.md)"
        can = facts.summary(row["capabilities"])
        lines.append(f"| {link} | {_cell(row['title'])} | {models} | {can} | {official} |")
    return "\n".join(lines) + "\n"


def format_page(adapter: chatadapters.Adapter) -> str:
    """Return the page of one format: its author's words, an example, what it cannot carry."""
    worked = example(adapter)
    title = f"## Prompt{show.with_options(worked.options)}"
    read = json.dumps(worked.read_back(), indent=2, ensure_ascii=False)
    lines = [f"# {adapter.name}: {adapter.declaration.title}", NOTICE, ""]
    if note := facts.prose(registry.resolve(adapter.name)):
        lines += [note, ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in show.rows(adapter)]
    lines += ["", title, "", *_fenced(worked.prompt), "", "## Answer", "", *_fenced(worked.answer)]
    lines += ["", "## Read back", "", *_fenced(read)]
    for about, found in show.sections(adapter):
        lines += ["", f"## {about}", "", *(f"- {_cell(line)}" for line in found)]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Return docs/cli.md: the help of every command."""
    lines = ["# Command line", NOTICE, "", *_fenced(_help(cli, "adapters"))]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        lines += ["", f"## adapters {name}", "", *_fenced(_help(command, f"adapters {name}"))]
    return "\n".join(lines) + "\n"


def _help(command: click.Command, name: str) -> str:
    with click.Context(command, info_name=name, terminal_width=88, max_content_width=88) as context:
        return command.get_help(context)


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}text", text, fence]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("\n", "\\n")


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
