"""Speed of the registry: loading one of many adapters, listing all, detecting one template."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_parts import Row

from chatadapters import registry
from chatadapters.verify import references

FEW = 10
NAME, MODEL = "qwen3", "Qwen/Qwen3-8B"
LOAD = """
import sys
from pathlib import Path
import chatadapters
from chatadapters import registry
if len(sys.argv) > 2:
    registry.folder = Path(sys.argv[2]).joinpath
chatadapters.load(sys.argv[1])
"""
CLI = "from chatadapters.cli import main; main()"
SPENT = (
    "import resource, subprocess, sys; "
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print((u.ru_utime + u.ru_stime) * 1000)"
)


def rows() -> list[Row]:
    """Return what the registry's size costs, in ms of processor time."""
    names, found = registry.names(), []
    with tempfile.TemporaryDirectory() as folder:
        _few(Path(folder), names)
        for wanted in (NAME, MODEL):
            many, few = spent("-c", LOAD, wanted), spent("-c", LOAD, wanted, folder)
            what = f"import and load({wanted!r}), {len(names)} adapters against {FEW}"
            found.append((what, f"{many:.0f} ms", f"{many / few:.2f}x", "<= 1.2x"))
    bare = spent("-c", "pass")
    listed = spent("-c", CLI, "list") - bare
    found.append(
        (
            f"adapters list, {len(names)} adapters, over bare Python",
            f"{listed:.0f} ms",
            "",
            "<= 150 ms",
        )
    )
    official = references.find(registry.read(NAME).references[0].sha256)
    if official is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "template.jinja")
            path.write_text(official.text, encoding="utf-8")
            took = spent("-c", CLI, "detect", str(path), times=3)
        what = f"adapters detect, the template of {MODEL}"
        found.append((what, f"{took / 1000:.1f} s", "", "<= 5 s"))
    return found


def spent(*arguments: str, times: int = 7) -> float:
    """Return the least processor time of some runs of Python, in ms."""
    command = [sys.executable, "-c", SPENT, sys.executable, *arguments]
    runs = (subprocess.run(command, capture_output=True, text=True) for _ in range(times))
    return min(float(run.stdout) for run in runs if run.stdout)


def _few(folder: Path, names: list[str]) -> None:
    """Make a registry of a few adapters; what they extend comes along."""
    kept = {NAME, *names[: FEW - 1]}
    (folder / "adapters").mkdir()
    for path in registry.folder("adapters").glob("*.toml"):
        if path.stem in kept:
            shutil.copy(path, folder / "adapters")
    (folder / "registry").mkdir()
    index = {name: row for name, row in registry.index().items() if name in kept}
    (folder / "registry" / "index.json").write_text(json.dumps({"adapters": index}))
