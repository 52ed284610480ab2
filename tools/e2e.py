"""Run the end-to-end tests with vLLM and write their table.

python tools/e2e.py           the run of .ci/run: three real generations per adapter and mode
python tools/e2e.py --full    twenty; writes docs/e2e.md

More arguments go to pytest: `--special stop` takes the other kind of tokenizer.

Run it in the environment that tools/vllm_setup.py makes.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "e2e.md"
MODES = ("auto", "strict", "required", "named", "one call", "none")
WAYS = ("whole", "stream")
PACKAGES = ("vllm", "torch", "transformers", "xgrammar", "openai", "jinja2")
FULL = ("--prompts", "20", "--answers", "20")


@dataclass
class Run:
    """One run of tests/serve: its exit status, seconds, and what the table holds."""

    status: int
    seconds: float
    found: dict[str, Any]


def main() -> int:
    """Run the tests and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="20 generations; writes docs/e2e.md")
    given, tests = parser.parse_known_args()  # the rest is pytest's
    if not given.full:
        return run(tests).status
    one = run([*FULL, *tests])
    if not one.found:
        print("e2e: the run left no table, so docs/e2e.md stays as it is", file=sys.stderr)
        return 1
    command = " ".join(["python tools/e2e.py --full", *tests])
    PAGE.write_text(page(one, command, datetime.date.today().isoformat()), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return one.status


def run(arguments: list[str]) -> Run:
    """Run tests/serve."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.json"
        command = [sys.executable, "-m", "pytest", "tests/serve"]
        begun = time.monotonic()
        status = subprocess.run([*command, "--table", str(table), *arguments], cwd=ROOT).returncode
        found = json.loads(table.read_text(encoding="utf-8")) if table.is_file() else {}
        return Run(status, time.monotonic() - begun, found)


def page(one: Run, command: str, date: str) -> str:
    """Return docs/e2e.md."""
    lines = [
        "# End to end: the SDK, vLLM, real weights",
        "",
        f"<!-- Written by `{command}`. -->",
        "",
        f"Run on {date}: {versions()};",
        "SmolLM2-135M-Instruct with every marker of the adapter as one id (`tools/real_model.py`).",
        "",
        "Each cell says how many answers were right, of how many. Under `auto` the model is made",
        "to say a printed answer (`structured_outputs.choice`), and the SDK must return its",
        "content and its calls. Under `strict` (`auto`, strict tools) it is made to begin a call;",
        "from there on, and under `required` and a named tool from the start, it generates freely",
        "at temperature 0.7 under the adapter's grammar, and every call must satisfy its tool's",
        "JSON Schema; `cut` counts those that `max_tokens` ended first. `one call` counts those of",
        "`required` and named that were asked with `parallel_tool_calls=false`: there, and under",
        "`strict`, an answer with two calls is wrong. Under `none` it must make no",
        "call. Every stream, joined, must equal the whole answer.",
    ]
    minutes = one.seconds / 60
    result = "All passed" if not one.status else "**Not all passed**"
    lines += ["", f"{result}, {minutes:.0f} minutes.", "", *table(one.found["cells"]), ""]
    lines += [f"- {note}" for note in one.found["notes"]]
    if seconds := one.found["seconds"].values():
        mean = sum(seconds) / len(seconds)
        lines += [
            f"- {len(seconds)} servers started in {mean:.0f} s on average, the slowest in "
            f"{max(seconds):.0f} s"
        ]
    return "\n".join(lines) + "\n"


def table(cells: list[list[Any]]) -> list[str]:
    """Return the table's lines."""
    known = {(name, mode, way): rest for name, mode, way, *rest in cells}
    columns = [(mode, way) for mode in MODES for way in WAYS]
    lines = ["| adapter | " + " | ".join(f"{mode}, {way}" for mode, way in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name in dict.fromkeys(key[0] for key in known):
        shown = [_cell(known.get((name, *column))) for column in columns]
        lines.append(f"| `{name}` | " + " | ".join(shown) + " |")
    return lines


def _cell(found: list[Any] | None) -> str:
    if found is None:
        return "-"
    right, asked, failed, notes = found
    return " ".join([f"{right}/{asked}", *notes, *(["**failed**"] if failed else [])])


def versions() -> str:
    """Return the versions that decide the result."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


if __name__ == "__main__":
    raise SystemExit(main())
