"""Law 7: an adapter's emitted parser file in, where it differs from the library out."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .checks import joined, partition, run, same_id
from .choices import Choices

if TYPE_CHECKING:
    from .laws import LawResult, Printed, Subject

_ALONE = """
import importlib.util, json, sys
before = set(sys.modules)
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["emitted"] = module
spec.loader.exec_module(module)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = sorted(loaded - set(sys.stdlib_module_names) - {"emitted"})
cases = json.load(sys.stdin)
done = []
for case in cases:
    parser = module.Parser(
        tools=case["tools"], prompt=case["prompt"], make_id=lambda index, name: f"call_{index}"
    )
    events = [e for piece in case["pieces"] for e in parser.feed(piece)] + parser.close()
    done.append([e.as_dict() for e in events])
print(json.dumps({"foreign": foreign, "events": done}))
"""


def load(source: str) -> ModuleType:
    """Return an emitted parser file as a module of its own."""
    module = ModuleType("emitted_parser")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, "emitted_parser.py", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def differs(
    subject: Subject, module: ModuleType, printed: Printed, text: str, choices: Choices
) -> str | None:
    """Return where the emitted parser and the library give different events for a text, or None."""
    make = partial(
        module.Parser, tools=printed.conversation.tools, prompt=printed.prompt, make_id=same_id
    )
    pieces = partition(choices, text)
    alone = joined(run(make, pieces)[0])
    library = joined(run(printed.make, pieces)[0])
    if alone != library:
        return f"{text!r} gives {alone} alone and {library} in the library"
    return None


def alone(subject: Subject, printed: list[Printed], choices: Choices) -> str | None:
    """Run the emitted file in a Python with nothing installed; compare its events."""
    cases: list[dict[str, Any]] = [
        {"tools": p.conversation.tools, "prompt": p.prompt, "pieces": partition(choices, p.text)}
        for p in printed
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "emitted_parser.py"
        path.write_text(subject.adapter.emit("python"), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _ALONE, str(path)],
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
    if done.returncode:
        return f"the emitted file does not run alone: {done.stderr.strip()}"
    said: dict[str, Any] = json.loads(done.stdout)
    if said["foreign"]:
        return f"the emitted file imports {', '.join(said['foreign'])}"
    for case, p, events in zip(cases, printed, said["events"], strict=True):
        got = joined(events)
        library = joined(run(p.make, case["pieces"])[0])
        if json.dumps(got) != json.dumps(library):
            return f"{p.text!r} gives {got} alone and {library} in the library"
    return None


def standalone(subject: Subject, printed: list[Printed], choices: Choices) -> LawResult:
    """Try law 7 on printed answers: in this process on all, in a bare Python on some."""
    from .laws import LawResult

    result = LawResult("standalone")
    module = load(subject.adapter.emit("python"))
    for item in printed:
        result.add(differs(subject, module, item, item.text, choices))
    result.add(alone(subject, printed[:40], choices))
    return result
