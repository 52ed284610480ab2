"""A template that nobody trusts in; what it prints out, within limits of time and size."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, Queue
from types import TracebackType
from typing import Any

from ..errors import ChatAdaptersError

SECONDS = 5  # of computing, for all probes; templates of the reference set need less than one
PATIENCE = 60  # seconds, on a machine that is busy with other things
MEMORY = 1 << 30
LONGEST = 1_000_000  # characters of one rendering
_START = "import sys; sys.path[:] = {path!r}; from {module} import main; main()"


class Sandbox:
    """A process that renders one template; it is ended when it takes too long.

    >>> with Sandbox("{{ messages[0].content }}!") as sandbox:
    ...     sandbox.render({"messages": [{"role": "user", "content": "Hi"}]})
    'Hi!'
    """

    def __init__(self, template: str, seconds: int = SECONDS, patience: float = PATIENCE) -> None:
        self.patience = patience
        start = _START.format(path=sys.path, module=f"{__package__}.worker")
        self._process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.refusals: list[str] = []
        limits = {"memory": MEMORY, "seconds": seconds, "most": LONGEST}
        answer = self._ask({"template": template, **limits})
        if "syntax" in answer:
            self.close()
            line = f"line {answer['line']}: " if answer["line"] else ""
            raise ChatAdaptersError(f"not a Jinja template: {line}{answer['syntax']}")

    def render(self, variables: Mapping[str, Any]) -> str | None:
        """Return what the template prints, or None where it refuses.

        Raises ``ChatAdaptersError`` where it does not end, or prints without end.
        """
        answer = self._ask(dict(variables))
        if "grows" in answer:
            self.close()
            raise ChatAdaptersError(
                f"the template prints more than {LONGEST:,} characters for a short conversation: "
                "it is not a chat template that can be served"
            )
        if "text" not in answer:
            self.refusals.append(answer["error"])
            return None
        return str(answer["text"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was never read by the process
                if pipe is not None:
                    pipe.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, value: dict[str, Any]) -> dict[str, Any]:
        from time import monotonic

        assert self._process.stdin is not None
        started = monotonic()
        try:
            self._process.stdin.write(json.dumps(value) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=max(self.patience, 0.01))
        except Empty:
            line = ""
        except OSError:
            line = "\n"
        self.patience -= monotonic() - started
        if not line.strip():
            self.close()
            raise ChatAdaptersError(
                f"the template takes too long for a few short conversations (more than {SECONDS} s "
                f"or {MEMORY >> 20} MiB): it may loop without end"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("\n")  # it has ended
