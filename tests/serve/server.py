"""A vLLM server of this environment: what to serve in, an address that answers out."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_LIMIT = 600.0  # seconds; it takes 25 to 60 on two cores, far more where they are busy
STOP_LIMIT = 30.0
CONTEXT = 4096  # tokens of prompt and answer
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB: 45,000 tokens of this model
    "TOKENIZERS_PARALLELISM": "false",
}
ENGINE = (
    "serve",
    *("--enforce-eager", "--dtype", "bfloat16"),  # compiling takes a minute and saves 20 %
    # A request with a seed ends vLLM 0.32 on a CPU if its prompt is read in more than one piece.
    *("--no-enable-chunked-prefill", "--max-num-batched-tokens", str(CONTEXT)),
)
RENDER = ("launch", "render")


class ServerError(Exception):
    """The server did not start, or it died: with the end of its log."""


@dataclass
class Server:
    """One server process: ``start``, ``wait``, use ``url``, ``stop``."""

    folder: Path
    log: Path
    models: tuple[str, ...] = ("model",)  # the names it goes by
    engine: bool = True
    flags: tuple[str, ...] = ()
    modules: str = ""  # a folder to import from
    port: int = 0
    seconds: float = 0.0  # how long it took to start
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _begun: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> Server:
        """Start the process and return at once; ``wait`` waits until it answers."""
        vllm = Path(sys.executable).parent / "vllm"
        if not vllm.is_file():
            raise ServerError(
                f"no vllm command beside {sys.executable}: see tests/serve/conftest.py"
            )
        self.port = free_port()
        kind = ENGINE if self.engine else RENDER
        words = 1 if self.engine else 2
        command = [str(vllm), *kind[:words], str(self.folder), *kind[words:]]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--served-model-name", *self.models]
        command += ["--max-model-len", str(CONTEXT), *self.flags]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as out:
            out.write((" ".join(command) + "\n").encode())
            out.flush()
            self._begun = time.monotonic()
            self._process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **QUIET, "PYTHONPATH": self.modules},
                start_new_session=True,  # so that its engine can be stopped with it
            )
        return self

    def wait(self, limit: float = START_LIMIT) -> Server:
        """Wait until the server answers. Raises ``ServerError``."""
        if self._process is None:
            self.start()
        while not self.seconds:
            if not self.alive():
                raise ServerError(f"the server ended before it answered\n{self.tail()}")
            if self.answers():
                self.seconds = time.monotonic() - self._begun
            elif time.monotonic() - self._begun > limit:
                self.stop()
                raise ServerError(f"the server did not answer within {limit:.0f} s\n{self.tail()}")
            else:
                time.sleep(0.25)
        return self

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as reply:
                return bool(reply.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def tail(self, lines: int = 12) -> str:
        """Return the log's first complaints and its end."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        found = text.splitlines()
        first = [line for line in found if "Error: " in line or " ERROR " in line][:lines]
        return "\n".join([f"-- {self.log}", *first, "...", *found[-lines:]])

    def stop(self) -> None:
        """Ask the process to end; after a time limit, end it and the processes it made."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._end_group()
                process.wait(STOP_LIMIT)
        self._end_group()  # an engine that outlived a server that crashed
        self._process = None

    def _end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # its own session: nobody else is in it

    def __enter__(self) -> Server:
        return self.start().wait()

    def __exit__(self, *_: Any) -> None:
        self.stop()


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Fleet:
    """Servers made on demand, two at a time: the one in use, and the next one, starting.

    ``plan`` says in which order they will be asked for; ``make`` makes one from its key.
    """

    def __init__(self, plan: list[Any], make: Any) -> None:
        self.plan, self.make = plan, make
        self.running: dict[Any, Server] = {}
        self.started: dict[Any, float] = {}  # seconds, for the report
        self.failed: dict[Any, ServerError] = {}

    def get(self, key: Any) -> Server:
        """Return a running server; all but it and the one after it are stopped."""
        if key in self.failed:
            raise self.failed[key]
        upcoming = self._after(key)
        for other in [k for k in self.running if k not in (key, upcoming)]:
            self.running.pop(other).stop()
        for wanted in (key, upcoming):
            if wanted is not None and wanted not in self.running:
                self.running[wanted] = self.make(wanted).start()
        try:
            server = self.running[key].wait()
        except ServerError as error:
            self.failed[key] = error
            self.running.pop(key).stop()
            raise
        if not server.alive():
            raise ServerError(f"the server died\n{server.tail()}")
        self.started.setdefault(key, server.seconds)
        return server

    def _after(self, key: Any) -> Any:
        at = self.plan.index(key) + 1 if key in self.plan else len(self.plan)
        return self.plan[at] if at < len(self.plan) else None

    def close(self) -> None:
        for server in self.running.values():
            server.stop()
        self.running.clear()
