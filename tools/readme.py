"""Do what the README says, and write down what is printed.

python tools/readme.py              write what changed
python tools/readme.py --check      write nothing; exit 1 if the README says something else
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
FENCED = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S)
COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n", re.M)
RANDOM_ID = re.compile(r"call_[0-9a-f]{24}")
ONE_ID = "call_1f0c2b7e9d5a4c3b8e6f7a90"  # instead of each run's own


@dataclass(frozen=True)
class Run:
    """Something that a page runs, what it says that this prints, where, and what it does print."""

    what: str
    said: str
    start: int
    printed: str


def main() -> int:
    """Write or compare what the README's examples print and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--check", action="store_true", help="compare, write nothing")
    check = options.parse_args().check
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        changed = [run for run in replay(text, Path(folder)) if run.said != run.printed]
    for run in reversed(changed):
        print(f"{'differs' if check else 'wrote'}: {run.what.splitlines()[0]}")
        text = text[: run.start] + run.printed + text[run.start + len(run.said) :]
    if not check:
        README.write_text(text, encoding="utf-8", newline="")
    return 1 if check and changed else 0


def replay(text: str, folder: Path) -> Iterator[Run]:
    """Run a page's examples in a folder.

    A block ``json NAME`` is a file; ``console`` is a session; ``python`` is a program, and the
    ``text`` block after it is what it prints.
    """
    found = list(FENCED.finditer(text))
    for block, after in zip(found, [*found[1:], None], strict=True):
        kind, _, name = block["info"].partition(" ")
        if kind == "json" and name:
            (folder / name).write_text(block["text"], encoding="utf-8")
        elif kind == "console":
            commands = list(COMMAND.finditer(block["text"]))
            ends = [*(command.start() for command in commands[1:]), len(block["text"])]
            for command, end in zip(commands, ends, strict=True):
                said = block["text"][command.end() : end]
                start = block.start("text") + command.end()
                printed = _run(["bash", "-c", command["command"]], folder)
                yield Run(command["command"], said, start, printed)
        elif kind == "python" and after is not None and after["info"] == "text":
            printed = _run([sys.executable, "-c", block["text"]], folder)
            yield Run(block["text"], after["text"], after.start("text"), printed)


def _run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder / "build")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    text = RANDOM_ID.sub(ONE_ID, ran.stdout.decode()).rstrip("\n")
    return f"{text}\n" if text else ""


if __name__ == "__main__":
    sys.exit(main())
