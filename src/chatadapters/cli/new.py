"""``adapters new``: a name and a base in, a declaration to start from out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from string import ascii_lowercase, digits

import click

from .files import InputError, write_files

HEAD = """\
# What is special about this format, in a few sentences; `adapters show` prints them.
title = "{name}: say what it is"
models = []          # patterns of repository ids, such as "OWNER/NAME-*"
references = []      # {{ model = "OWNER/NAME", template = "FILE", sha256 = "..." }}
extends = {base}

# All else is taken over from {base}, which reads as follows.
# Uncomment what differs and change it; drop `extends` once nothing is left.

"""


@click.command()
@click.argument("name")
@click.option("--from", "base", required=True, metavar="BASE", help="Adapter to start from.")
@click.option("-o", "--output", "folder", default=".", metavar="DIR", help="Folder; - is stdout.")
def command(name: str, base: str, folder: str) -> None:
    """Write NAME.toml, a declaration that starts as a copy of another; it compiles at once.

    \b
    Examples:
      adapters new my_format --from qwen3
      adapters new my_format --from qwen3 -o adapters
    """
    from ..registry import names, read, resolve

    if not name or set(name) - set(ascii_lowercase + digits + "_") or name[0] in digits:
        raise click.BadParameter(
            f"{name!r} is not a name: use lower-case letters, digits and _", param_hint="NAME"
        )
    if base not in names():
        base = read(base).name  # a model id, or UnknownAdapterError
    text = HEAD.format(name=name, base=json.dumps(base)) + _commented(resolve(base))
    if folder == "-":
        sys.stdout.write(text)
        return
    path = Path(folder) / f"{name}.toml"
    if path.exists():
        raise InputError(str(path), "exists already", "choose another name, or remove it first")
    write_files({path: text})
    click.echo(f"{path}  declaration")
    click.echo(f"\nTry it:\n  adapters compile {path} -o build\n  adapters show {path}", err=True)


def _commented(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    return "\n".join(f"# {line}".rstrip() for line in lines) + "\n"
