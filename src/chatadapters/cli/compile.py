"""``adapters compile``: an adapter in; its chat template, parser and vLLM plugin as files out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..emit import FOLDER, OTHER_TARGETS, REQUEST_TARGETS, TARGETS
from . import grammar_files
from .facts import capabilities, file_name, model
from .files import read_text, write_files

if TYPE_CHECKING:
    from ..adapter import Adapter

WORDS = {
    "jinja": "chat template",
    "python": "parser",
    "vllm": "plugin for vLLM",
    "hardened": "chat template that breaks markers in texts",
    "training": "chat template with marks around what the model writes",
    "stable": "chat template that only appends",
    "ollama": "Modelfile for Ollama",
    "response_template": "response template for transformers",
    "hf": "for transformers, in a model's folder",
    "structural_tag": "grammar for xgrammar",
    "lark": "grammar for llguidance",
    "gbnf": "grammar in GBNF",
}
ASLEEP = "the same, asleep until a call begins: fields of a request"


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("-o", "--output", "folder", default=".", metavar="DIR", help="Folder to write to.")
@click.option(
    "-t", "--target", "targets", multiple=True,
    type=click.Choice([*TARGETS, *OTHER_TARGETS, FOLDER, *REQUEST_TARGETS]),
    help=f"What to write; give it again for more. [default: {', '.join(TARGETS)}]",
)  # fmt: skip
@click.option("--tools", metavar="F", help="JSON file of the tools; for grammars.")
@click.option(
    "--tool-choice", "choice", default="auto", show_default=True, metavar="WORD|NAME",
    help="auto, required, none, or the name of a tool; for grammars.",
)  # fmt: skip
@click.option("--model", metavar="DIR", help="Folder with tokenizer.json; for lark.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the files on disk differ.")
def command(
    name: str,
    folder: str,
    targets: tuple[str, ...],
    tools: str | None,
    choice: str,
    model: str | None,
    check: bool,
) -> int:
    """Write the chat template, the parser and the vLLM plugin of an adapter, all or none.

    NAME is an adapter's name or a model id; FILE is a declaration. The template and the plugin go
    to `vllm serve`, with the flags that are printed; the parser is one Python file that needs
    nothing but Python.

    Other targets are written where they are asked for; what one cannot keep is printed. "hf" puts
    the template and what `tokenizer.parse_response` reads into a model's folder, and keeps all else
    in its tokenizer_config.json. Grammars are for one set of tools: "structural_tag", "lark" and
    "gbnf" take --tools. "gbnf" also writes a grammar that sleeps until a call begins, as fields of
    a request to a server. llguidance must know which markers are special tokens: --model says so.

    \b
    Examples:
      adapters compile chatglm3 -o build
      adapters compile zai-org/chatglm3-6b -o build --target jinja
      adapters compile chatglm3 -o build --check
      adapters compile qwen3 -o MODEL_DIR --target hf
      adapters compile qwen3 -o build --target gbnf --tools tools.json
    """
    from .. import load

    adapter = load(name)
    wanted = list(dict.fromkeys(targets)) or list(TARGETS)
    request = grammar_files.request(wanted, tools, choice, model)
    made = {target: _files(adapter, target, Path(folder), request) for target in wanted}
    files = {path: text for some in made.values() for path, text in some.items()}
    if check:
        return _check(files)
    report = [line for target in wanted for line in _losses(adapter, target, Path(folder), request)]
    write_files(files)
    width = max(len(str(path)) for path in files)
    for target, some in made.items():
        for path in some:
            asleep = path.name.endswith(grammar_files.LAZY)
            click.echo(f"{path!s:{width}}  {ASLEEP if asleep else WORDS.get(target, target)}")
    for line in report:
        click.echo(line, err=True)
    paths = {target: next(iter(some)) for target, some in made.items()}
    click.echo(_advice(adapter, paths), err=True)
    return 0


def _files(adapter: Adapter, target: str, folder: Path, request: dict[str, Any]) -> dict[Path, str]:
    """Return the text of each file of a target."""
    if target in REQUEST_TARGETS:
        return grammar_files.files(adapter, target, folder, request)
    if target != FOLDER:
        return {folder / file_name(adapter.name, target): adapter.emit(target)}
    from ..emit.hf import folder as texts

    return {folder / name: text for name, text in texts(adapter, _config(folder)).items()}


def _config(folder: Path) -> str | None:
    from ..emit.hf import CONFIG

    path = folder / CONFIG
    return read_text(str(path)) if path.exists() else None


def _losses(adapter: Adapter, target: str, folder: Path, request: dict[str, Any]) -> list[str]:
    """Return what a target cannot keep, as lines."""
    from ..emit.hf import warnings

    found = grammar_files.losses(adapter, target, request)
    found += warnings(_config(folder)) if target == FOLDER else []
    return [f"{target} loses:", *(f"  {loss}" for loss in found)] if found else []


def _check(files: dict[Path, str]) -> int:
    stale = 0
    for path, text in files.items():
        if not path.is_file():
            reason = "missing"
        elif path.read_bytes() != text.encode():
            reason = "differs"
        else:
            click.echo(f"{path}  is up to date")
            continue
        stale += 1
        click.echo(f"{path}  {reason}")
    if stale:
        click.echo("write the files again: the same command without --check", err=True)
    return 1 if stale else 0


def _advice(adapter: Adapter, paths: dict[str, Path]) -> str:
    """Return how to use what was written, with flags that start a server as they stand."""
    lines = []
    if "jinja" in paths or "vllm" in paths:
        lines += ["", *serve(adapter, paths)]
    if "python" in paths:
        lines += ["", "Or read the answers in a program of your own, with"]
        lines += [f"  from {paths['python'].stem} import Parser"]
    if FOLDER in paths:
        lines += ["", "Then a tokenizer of this folder reads the answers to its own prompts, with"]
        lines += ["  tokenizer.parse_response(answer, prefix=prompt" + _tools(adapter) + ")"]
    return "\n".join(lines)


def _tools(adapter: Adapter) -> str:
    from ..emit.response_template import response_template

    return ", tools=tools" if response_template(adapter).typed else ""


def serve(adapter: Adapter, paths: dict[str, Path], served: str | None = None) -> list[str]:
    """Return the lines of the command that starts a server of a model with the files."""
    able = capabilities(adapter)
    own = adapter.declaration.flags.get("vllm")
    flags = [own] if own else []
    if "jinja" in paths:
        flags.append(f"--chat-template {_word(paths['jinja'])}")
    if "vllm" in paths and able["tools"]:
        plugin, name = _word(paths["vllm"]), f"adapters_{adapter.name}"
        flags.append("--enable-auto-tool-choice")
        flags.append(f"--tool-parser-plugin {plugin} --tool-call-parser {name}")
    if "vllm" in paths and able["reasoning"]:
        plugin, name = _word(paths["vllm"]), f"adapters_{adapter.name}"
        flags.append(f"--reasoning-parser-plugin {plugin} --reasoning-parser {name}")
    return [" \\\n  ".join([f"vllm serve {shlex.quote(served or model(adapter))}", *flags])]


def _word(path: Path) -> str:
    """Return a path as one word of a shell command."""
    return shlex.quote(str(path))
