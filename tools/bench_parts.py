"""The benchmark of templates and start-up, a part of what `python tools/bench.py` runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chatadapters

Row = tuple[str, str, str, str]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "write_file",
            "description": "Write a file",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
                "required": ["path", "text"],
            },
        },
    }
]


def best(work: Callable[[], Any], times: int = 7) -> float:
    """Return the least CPU milliseconds of a few runs."""
    found = []
    for _ in range(times):
        start = time.process_time_ns()
        work()
        found.append((time.process_time_ns() - start) / 1e6)
    return min(found)


def start_up() -> list[Row]:
    def spent(arguments: list[str], folder: str = ".") -> float:
        script = (
            "import resource, subprocess, sys; "
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "print((u.ru_utime + u.ru_stime) * 1000)"
        )
        return min(
            float(
                subprocess.run(
                    [sys.executable, "-c", script, *arguments],
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for _ in range(7)
        )

    python = [sys.executable, "-I"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "compiled_parser.py").write_text(
            chatadapters.load(chatadapters.names()[0]).emit("python"), encoding="utf-8"
        )
        load = "import sys; sys.path.insert(0, '.'); import compiled_parser"
        subprocess.run([*python, "-c", load], cwd=folder, check=True)
        bare = spent([*python, "-c", "pass"], folder)
        compiled = spent([*python, "-c", load], folder)
        tool = Path(sys.executable).with_name("adapters")
        help_ = (
            spent([str(tool), "--help"]) - spent([sys.executable, "-c", "pass"])
            if tool.exists()
            else float("nan")
        )
    return [
        (
            "import of a compiled parser, over bare Python",
            f"{compiled - bare:.1f} ms",
            "",
            "<= 12 ms",
        ),
        ("adapters --help, over bare Python", f"{help_:.1f} ms", "", "<= 60 ms"),
    ]


def templates() -> list[Row]:
    from chatadapters import render
    from chatadapters.verify import references

    def conversation(count: int) -> list[dict[str, Any]]:
        call = {
            "id": "call00001",
            "type": "function",
            "function": {"name": "write_file", "arguments": {"path": "a", "text": "b"}},
        }
        messages: list[dict[str, Any]] = []
        while len(messages) < count:
            messages += [
                {"role": "user", "content": f"Please write file {len(messages)}."},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call00001", "content": "done"},
                {"role": "assistant", "content": "It is written."},
            ]
        return messages

    rows = []
    for name in chatadapters.names():
        adapter = chatadapters.load(name)
        short, long = conversation(200), conversation(2000)

        def run(compiled: Any, messages: list[dict[str, Any]], adapter: Any = adapter) -> float:
            return best(
                lambda: render.render_text(compiled, messages, TOOLS, True, adapter.declaration), 5
            )

        start = time.process_time_ns()
        ours = render.compile_template(adapter.template())
        compiling = (time.process_time_ns() - start) / 1e6
        try:
            some, many = run(ours, short), run(ours, long)
        except chatadapters.ConversationError as error:
            rows.append(
                (f"{name}: template", f"refuses the benchmark conversation ({error})"[:60], "", "")
            )
            continue
        official = ""
        for reference in adapter.declaration.references[:1]:
            found = references.find(reference.sha256)
            if found:
                try:
                    ratio = some / run(render.compile_template(found.text), short)
                    official = f"{ratio:.2f}x of the official one"
                except Exception as error:  # the official template may refuse what ours takes
                    official = f"official refuses: {type(error).__name__}"
        rows.append(
            (
                f"{name}: template, per message",
                f"{some / 200 * 1000:.1f} µs; compile {compiling:.0f} ms",
                f"{official}; t(2000)/t(200) = {many / some:.1f}",
                "<= 6 µs, <= 1.5x, <= 12, <= 15 ms",
            )
        )
    return rows
