"""Break the runtime in known ways, one at a time, and see that the tests notice each.

    python tools/mutate.py [--jobs N] [NUMBER ...]

Each mutation is put into a copy of the checkout; the quickest tests run first, the laws only where
those notice nothing. Exit status 1 if a mutation survives or does not apply, or if the tests fail
without any.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "src/chatadapters/runtime"
COPIED = ("src", "adapters", "chat-template", "registry", "tests", "pyproject.toml")
QUICK = ("test_runtime.py", "test_runtime_calls.py", "test_values.py", "test_pitfalls*.py")
SLOW = ("test_corpus.py", "test_law_1*.py")
SEEDED = "not parse_of_print"  # of the laws, what takes seconds
MOST_SECONDS = 300


@dataclass(frozen=True)
class Mutation:
    """One way to break the runtime: in a file, each old text becomes the new one."""

    what: str
    file: str
    old: str
    new: str

    def apply(self, root: Path) -> str:
        """Change the file under ``root``; return why that is not possible, or nothing."""
        path = root / RUNTIME / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            return f"{self.file} has {text.count(self.old)} places like {self.old!r}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        return ""


MUTATIONS = (
    Mutation(
        "never hold back a partial marker",
        "scan.py",
        "                if needle.startswith(rest):\n                    return place",
        "                if needle == rest:\n                    return place",
    ),
    Mutation(
        "drop the last character",
        "parser.py",
        "        self.closed = self.ended = True\n",
        "        self.closed = self.ended = True\n        self.buffer = self.buffer[:-1]\n",
    ),
    Mutation(
        "off by one in the depth count",
        "json_stream.py",
        "                    done = not stack\n",
        "                    done = len(stack) < 2\n",
    ),
    Mutation(
        "ignore escapes in JSON strings",
        "json_stream.py",
        "    escaped = escaped and inside\n",
        "    escaped = False\n",
    ),
    Mutation(
        "forget the framing before a marker",
        "parser.py",
        "                return len(framing)\n",
        "                return 0\n",
    ),
    Mutation(
        "close a raw value at any closer, whatever follows",
        "pairs.py",
        "    return found > 0 or (",
        "    return found > -9 or (",
    ),
    Mutation(
        "emit held text twice",
        "scan.py",
        "            self.buffer = self.buffer[self.at :] + delta\n",
        "            self.buffer = self.buffer[self.at :] * 2 + delta\n",
    ),
    Mutation(
        "lose the text after a call",
        "parser.py",
        '                    index = state["then"]\n',
        '                    index = state["then"]\n'
        "                    if self.message.tool_calls:\n"
        "                        self.at = len(self.buffer)\n",
    ),
    Mutation(
        "the second call has the index of the first",
        "scan.py",
        "ToolCall(len(self.message.tool_calls), ",
        "ToolCall(0, ",
    ),
    Mutation(
        "lose the marker of a call whose header fails",
        "parser.py",
        '            self.say(self.at + offset - len(which) + route.get("again", len(which)), ',
        "            self.at += max(offset, ",
    ),
    Mutation(
        "read on after a stop string",
        "parser.py",
        "                yield from self._after_stop()\n                return None\n",
        "                continue\n",
    ),
    Mutation(
        "read null as a string",
        "values.py",
        '    if word == "null" and "null" in types and (',
        '    if word == "null" and types == {"null"} and (',
    ),
    Mutation(
        "read digits as a number where a string is allowed",
        "values.py",
        '    if "string" in types:\n        return',
        '    if "string" in types and not is_number(text):\n        return',
    ),
    Mutation(
        "of a repeated key both count",
        "pairs.py",
        "        fresh = key not in seen\n",
        "        fresh = True\n",
    ),
    Mutation(
        "start afresh, whatever the prompt has opened",
        "parser.py",
        "        if before:\n",
        "        if not before and before:\n",
    ),
    Mutation(
        "call tools that nobody declared",
        "calls.py",
        "        return self.unknown_tools or self.declared(name)\n",
        "        return bool(name)\n",
    ),
    Mutation(
        "a call that is cut off is complete",
        "calls.py",
        '            return "truncated" if self.ended else "malformed"\n',
        '            return "" if self.ended else "malformed"\n',
    ),
    Mutation(
        "ignore escapes in Python strings",
        "literals.py",
        "        text = escape(_ESCAPES[kind])\n",
        "        text = escape(kind)\n",
    ),
    Mutation(
        "spans end one too late",
        "scan.py",
        "        return (self.base + start, self.base + end)\n",
        "        return (self.base + start, self.base + end + 1)\n",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """Whether the tests noticed, by which test, in how many seconds."""

    noticed: bool
    by: str
    seconds: float


def main() -> int:
    """Try the mutations, print the table and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    options.add_argument("numbers", nargs="*", type=int, help="try these only, counted from 1")
    given = options.parse_args()
    chosen = given.numbers or range(1, len(MUTATIONS) + 1)
    started = time.monotonic()
    width = max(len(MUTATIONS[number - 1].what) for number in chosen)
    noticed = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        base = pool.submit(try_one, None)
        outcomes = pool.map(try_one, [MUTATIONS[number - 1] for number in chosen])
        for number, outcome in zip(chosen, outcomes, strict=True):
            what = MUTATIONS[number - 1].what
            print(f"{number:2}  {what:{width}}  {outcome.seconds:5.1f} s  {outcome.by}", flush=True)
            noticed += outcome.noticed
    seconds = time.monotonic() - started
    print(f"{noticed} of {len(chosen)} mutations noticed, in {seconds:.0f} seconds")
    if base.result().noticed:
        print(f"the same tests fail without any mutation: {base.result().by}")
    return 0 if noticed == len(chosen) and not base.result().noticed else 1


def try_one(mutation: Mutation | None) -> Outcome:
    """Run the tests on a copy with one mutation, or with none."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / name, root / name)
        if mutation is not None and (reason := mutation.apply(root)):
            return Outcome(False, f"DOES NOT APPLY: {reason}", 0)
        by = run(root, QUICK) or run(root, SLOW)
    return Outcome(bool(by), by or "SURVIVED", time.monotonic() - started)


def run(root: Path, patterns: Iterable[str]) -> str:
    """Run tests in a copy up to the first failure; return its name, or nothing."""
    files = [str(path) for pattern in patterns for path in sorted((root / "tests").glob(pattern))]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "CI": "true"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", SEEDED]
    try:
        done = subprocess.run(
            [*command, *files],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {MOST_SECONDS} seconds"
    if done.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", done.stdout, re.MULTILINE)
    return (
        found.group(1) if found else f"pytest exited with {done.returncode}: {done.stdout[-300:]}"
    )


if __name__ == "__main__":
    sys.exit(main())
