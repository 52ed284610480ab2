"""Verify every adapter and write what was found to registry/board.json.

python tools/board.py             verify all, write
python tools/board.py NAME ...    only these; the others' entries stay
python tools/board.py --check     write nothing; exit 1 if an entry differs from what is on disk
python tools/board.py --check --every 5   the same of every fifth adapter, as CI does

Exits with 1 too if a law fails, or if a reference that a package carries was not compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import real_tokenizers

import chatadapters
from chatadapters import registry
from chatadapters.cli.verify import verified, with_progress
from chatadapters.errors import ChatAdaptersError
from chatadapters.verify import Agreement, LawResult, Report, board, verify

FILE = Path(__file__).resolve().parent.parent / "registry" / "board.json"
PACKAGE = "package "  # how the place of a reference begins that a package carries


def main() -> int:
    """Verify, print the board, write or compare the entries, and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--check", action="store_true", help="compare, write nothing")
    options.add_argument("--every", type=int, default=1, metavar="N", help="each Nth adapter only")
    given = options.parse_args()
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it misses PyTorch, we do not
    known, names = read(), (given.names or registry.names())[:: given.every]
    if given.every > 1:
        print(f"{len(names)} of {len(registry.names())} adapters: one in {given.every}")
    made = verified(report_of, names, min(os.cpu_count() or 1, len(names)))
    reports = list(with_progress(made, len(names)))
    board.show(reports)
    entries = {report.adapter: entry(report, known.get(report.adapter, {})) for report in reports}
    wrong = [line for report in reports for line in absent(report, known.get(report.adapter, {}))]
    skipped = [
        f"skipped: {report.adapter}: {found.model} {found.sha256[:8]} cannot be had here"
        for report in reports
        for found in report.agreements
        if not found.found
    ]
    print("\n".join([f"{len(skipped)} references skipped", *skipped]))
    if given.check:
        wrong += [
            f"{name}: registry/board.json says {json.dumps(known.get(name))}, found was "
            f"{json.dumps(found)}; run `python tools/board.py {name}` and read what changed"
            for name, found in entries.items()
            if known.get(name) != found
        ]
    else:
        kept = known if given.names or given.every > 1 else {}
        write({name: (kept | entries)[name] for name in sorted(kept | entries)})
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong or not all(report.ok for report in reports) else 0


def report_of(name: str) -> Report:
    """Return what verifying an adapter finds; a declaration that is not valid is a failure."""
    try:
        adapter = chatadapters.load(name)
        return verify(adapter, tokenizers=list(real_tokenizers.fitting(adapter.declaration)))
    except (ChatAdaptersError, AssertionError) as error:
        return Report(name, laws=[LawResult("declaration", 1, [str(error)])])


def entry(report: Report, known: dict[str, Any]) -> dict[str, Any]:
    """Return an adapter's entry; of a reference that is not here, what was known of the same."""
    sha256 = hashes(report.adapter)
    before = known.get("compared", {}) if known.get("sha256") == sha256 else {}
    compared = {
        found.model: counts(found) if found.found else before.get(found.model, {})
        for found in report.agreements
    }
    laws = [law.name for law in report.laws if law.ok and law.name != "tokenizer"]
    return {
        "sha256": sha256,
        "compared": compared,
        "laws": laws,
        "tokenizers": report.tokenizers,
        "holds": report.ok,
    }


def counts(found: Agreement) -> dict[str, Any]:
    """Return how many conversations were equal / deviating / accepted, and where the text was."""
    return {
        "where": found.where,
        "part": found.part,
        "reference": str(found.reference),
        "generated": str(found.generated),
        "deviations": found.deviations,
    }


def absent(report: Report, known: dict[str, Any]) -> list[str]:
    """Return the references that a package carried when the board was written and that are gone."""
    before = known.get("compared", {})
    return [
        f"{report.adapter}: {found.model} was compared from the {place}, and was not found now"
        for found in report.agreements
        if not found.found
        and (place := before.get(found.model, {}).get("where", "")).startswith(PACKAGE)
    ]


def hashes(name: str) -> dict[str, Any]:
    """Return the sha256 of a declaration, with what it extends, and of its references."""
    declared = registry.read(name)
    return {
        "declaration": hashlib.sha256(declared.model_dump_json().encode()).hexdigest(),
        "official": {r.model: r.sha256 for r in declared.references},
    }


def read() -> dict[str, dict[str, Any]]:
    """Return the entries on disk."""
    if not FILE.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["adapters"]
    return found


def write(entries: dict[str, dict[str, Any]]) -> None:
    """Write the entries, an adapter a line."""
    lines = [
        f"    {json.dumps(name)}: {json.dumps(found, ensure_ascii=False)}"
        for name, found in entries.items()
    ]
    text = '{\n  "adapters": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    FILE.write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    sys.exit(main())
