"""The engines that render chat templates elsewhere: a template and contexts in, texts out.

Each engine is one class with a name, a version and ``render``; its constructor raises ``Missing``
with what to do where the engine cannot be had. Every engine reads the same clock, ``DAY``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any, cast

from chatadapters import render as sandbox

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "portability"
DAY = datetime(2026, 1, 1)  # llama.cpp's engine in ggufdoctor knows only this one
JAVASCRIPT = ("@huggingface/jinja", "0.5.11")
WEBASSEMBLY = ("ggufdoctor", "0.3.0")
ASKED = "_asked_by_portability"
FUEL, MEMORY = 20_000_000_000, 1 << 30  # limits of one rendering, far above what one needs
Context = dict[str, Any]


class Missing(Exception):
    """An engine that is not here; the text says what to do."""


@dataclass(frozen=True)
class Printed:
    """What an engine made of one conversation: its text, or what it said instead."""

    text: str | None = None
    error: str = ""


class Engine:
    """One engine of one version; a subclass has ``one`` or ``render``."""

    version: str

    def one(self, source: str, context: Context) -> Printed:
        """Render one template on one context."""
        return self.render(source, [context])[0]

    def render(self, source: str, contexts: Sequence[Context]) -> list[Printed]:
        """Render one template on each context."""
        return [self.one(source, context) for context in contexts]

    def close(self) -> None:
        """End what the engine started."""


def now(form: str) -> str:
    """Return the pinned day in a form of strftime."""
    return DAY.strftime(form)


class Sandbox(Engine):
    """jinja2 as transformers and vLLM set it up: what the others are compared with."""

    def __init__(self) -> None:
        self.version = metadata.version("jinja2")
        self._environment = sandbox.environment()
        self._environment.globals["strftime_now"] = now

    def render(self, source: str, contexts: Sequence[Context]) -> list[Printed]:
        template = self._environment.from_string(source)
        return [_tried(template.render, context) for context in contexts]


class Minijinja(Engine):
    """minijinja through its Python binding, with the filter and functions that servers add."""

    def __init__(self) -> None:
        try:
            import minijinja
        except ImportError as error:
            raise Missing("minijinja is not installed: pip install -e '.[test]'") from error
        self.version = metadata.version("minijinja")
        made = minijinja.Environment(trim_blocks=True, lstrip_blocks=True)
        self._environment = cast(Any, made)  # its type hints lack functions
        self._environment.add_filter("tojson", sandbox.tojson)
        self._environment.add_function("raise_exception", _raise)
        self._environment.add_function("strftime_now", now)

    def one(self, source: str, context: Context) -> Printed:
        return _tried(lambda given: self._environment.render_str(source, **given), context)


class JavaScript(Engine):
    """huggingface.js' engine, run with node; npm installs it under build/."""

    def __init__(self) -> None:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                raise Missing(f"there is no {program} here: install Node.js 20 or later")
        name, self.version = JAVASCRIPT
        folder = BUILD / "node_modules" / name
        if not self._installed(folder):
            BUILD.mkdir(parents=True, exist_ok=True)
            asked = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
            asked += ["--prefix", str(BUILD), f"{name}@{self.version}"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=BUILD)
            if done.returncode or not self._installed(folder):
                said = (done.stderr.strip().splitlines() or ["npm said nothing"])[-1]
                raise Missing(f"npm could not install {name}@{self.version}: {said}")
        script = str(Path(__file__).with_suffix("").parent / "portability.mjs")
        module = str(folder / "dist" / "index.js")
        day = [str(part) for part in (DAY.year, DAY.month, DAY.day)]
        self._process = subprocess.Popen(
            ["node", script, module, *day],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def _installed(self, folder: Path) -> bool:
        package = folder / "package.json"
        return package.is_file() and json.loads(package.read_text())["version"] == self.version

    def render(self, source: str, contexts: Sequence[Context]) -> list[Printed]:
        asked = {"source": source, "contexts": list(contexts)}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("node ended without an answer; what it said stands above")
        return [Printed(one.get("text"), one.get("error", "")) for one in json.loads(line)]

    def close(self) -> None:
        self._process.communicate()


class LlamaCpp(Engine):
    """llama.cpp's engine (common/jinja) as WebAssembly, out of the package ggufdoctor."""

    def __init__(self) -> None:
        name, version = WEBASSEMBLY
        try:
            found = metadata.version(name)
            import wasmtime
        except (metadata.PackageNotFoundError, ImportError) as error:
            raise Missing(f"{name} is not installed: pip install {name}=={version}") from error
        if found != version:
            raise Missing(f"{name} is {found}, not {version}: pip install {name}=={version}")
        data = resources.files("ggufdoctor.engine_data")
        manifest = json.loads(data.joinpath("llamacpp-jinja.json").read_text(encoding="utf-8"))
        code = data.joinpath("llamacpp-jinja.wasm").read_bytes()
        if hashlib.sha256(code).hexdigest() != manifest["sha256"]:
            raise Missing(f"llamacpp-jinja.wasm is not what its manifest says: reinstall {name}")
        self.version = manifest["build_tag"]
        config = wasmtime.Config()
        config.wasm_exceptions = True
        config.consume_fuel = True
        with suppress(Exception):  # a folder for compiled code is a help, no need
            config.cache = True
        self._wasmtime, self._engine = wasmtime, wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, code)
        self._linker = wasmtime.Linker(self._engine)
        self._linker.define_wasi()

    def one(self, source: str, context: Context) -> Printed:
        # The module first renders fourteen conversations of its own, whatever is asked of it.
        source = f"{{%- if {ASKED} is defined -%}}{source}{{%- endif -%}}"
        return self.said(source, {**context, ASKED: True})

    def said(self, source: str, context: Context) -> Printed:
        """Render as the module does, without the rewriting of messages that llama-server does."""
        asked = {"template": source, "context": context, "normalize": False}
        payload = json.dumps(asked).encode()
        store = self._wasmtime.Store(self._engine)
        store.set_fuel(FUEL)
        store.set_limits(memory_size=MEMORY)
        store.set_wasi(self._wasmtime.WasiConfig())
        try:
            exports = self._linker.instantiate(store, self._module).exports(store)
            exports["_initialize"](store)
            place = exports["gd_alloc"](store, len(payload))
            exports["memory"].write(store, payload, place)
            at = exports["gd_render"](store, place, len(payload))
            raw = exports["memory"].read(store, at, at + exports["gd_out_len"](store))
        except (self._wasmtime.Trap, self._wasmtime.WasmtimeError) as error:
            return Printed(error=f"trap: {_first(error)}")
        said = json.loads(bytes(raw))
        if said.get("ok"):
            return Printed(said["text"])
        lines = [line for line in str(said.get("error")).splitlines() if line.strip()]
        return Printed(error=f"{said.get('stage', '')}: {lines[-1].strip() if lines else ''}")


ENGINES: dict[str, Callable[[], Engine]] = {
    "minijinja": Minijinja,
    "javascript": JavaScript,
    "llamacpp": LlamaCpp,
}


def _raise(message: str) -> str:
    raise ValueError(message)


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _tried(rendered: Callable[[Context], str], context: Context) -> Printed:
    # An engine may fail on a conversation in any way; all of them are a refusal.
    try:
        return Printed(rendered(context))
    except Exception as error:
        return Printed(error=f"{type(error).__name__}: {_first(error)[:200]}")
