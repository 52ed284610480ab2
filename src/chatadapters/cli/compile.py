"""``adapters compile``: an adapter in; its chat template, parser and vLLM plugin as files out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..emit import TARGETS
from .facts import capabilities, file_name, model
from .files import write_files

if TYPE_CHECKING:
    from ..adapter import Adapter

WORDS = {"jinja": "chat template", "python": "parser", "vllm": "plugin for vLLM"}


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("-o", "--output", "folder", default=".", metavar="DIR", help="Folder to write to.")
@click.option(
    "-t", "--target", "targets", multiple=True, type=click.Choice(list(TARGETS)),
    help="What to write; give it again for more. [default: all]",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the files on disk differ.")
def command(name: str, folder: str, targets: tuple[str, ...], check: bool) -> int:
    """Write the chat template, the parser and the vLLM plugin of an adapter, all or none.

    NAME is an adapter's name or a model id; FILE is a declaration. The template and the plugin go
    to `vllm serve`, with the flags that are printed; the parser is one Python file that needs
    nothing but Python.

    \b
    Examples:
      adapters compile chatglm3 -o build
      adapters compile zai-org/chatglm3-6b -o build --target jinja
      adapters compile chatglm3 -o build --check
    """
    from .. import load

    adapter = load(name)
    wanted = list(dict.fromkeys(targets)) or list(TARGETS)
    files = {Path(folder) / file_name(adapter.name, t): adapter.emit(t) for t in wanted}
    if check:
        return _check(files)
    write_files(files)
    width = max(len(str(path)) for path in files)
    for target, path in zip(wanted, files, strict=True):
        click.echo(f"{path!s:{width}}  {WORDS.get(target, target)}")
    click.echo(_advice(adapter, dict(zip(wanted, files, strict=True))), err=True)
    return 0


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
    return "\n".join(lines)


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
