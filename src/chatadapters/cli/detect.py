"""``adapters detect``: a model's folder or a chat template in, the adapters that fit it out."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..detection import Detection, Fit


@click.command()
@click.argument("path", metavar="MODEL_DIR|TEMPLATE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(path: str, as_json: bool) -> int:
    """Say which adapter fits a chat template, by what both print; exit 1 if none does exactly.

    The template is that of a model's folder (chat_template.jinja or tokenizer_config.json), one of
    these files, or any Jinja file. It is run on short probe conversations, in a process of its own
    with limits of time and memory; no model's name is looked at.

    \b
    Examples:
      adapters detect path/to/model
      adapters detect tokenizer_config.json
      adapters detect chat_template.jinja --json
    """
    from ..detection import detect
    from ..detection.known import entries
    from ..detection.sources import templates
    from ..errors import ChatAdaptersError

    given = templates(Path(path))
    known = entries()
    found: dict[str, Detection] = {}
    for place, text in given.items():
        try:
            found[place] = detect(text, known)
        except ChatAdaptersError as error:
            raise ChatAdaptersError(f"{path}, {place}: {error}") from None
    exact = [one for one in found.values() if one.exact]
    if as_json:
        print_json(found)
    else:
        for place, one in found.items():
            sys.stdout.write("\n".join([place, *lines(one)]) + "\n")
        click.echo("\n".join(advice(path, list(found.values()))), err=True)
    return 0 if exact else 1


def print_json(found: dict[str, Detection]) -> None:
    """Print what was found for every template of a file or folder."""
    table = {place: asdict(one) for place, one in found.items()}
    sys.stdout.write(json.dumps(table, indent=2, ensure_ascii=False) + "\n")


def lines(found: Detection) -> list[str]:
    """Return a line for each adapter that fits, and one on what the template refuses."""
    fits = [*found.exact, *found.near]
    width = max((len(fit.adapter) for fit in fits), default=0)
    rows = [f"  exact  {fit.adapter:{width}}  {_exact(fit)}" for fit in found.exact]
    rows += [f"  near   {fit.adapter:{width}}  {_near(fit)}" for fit in found.near]
    if not rows:
        rows.append("  none   no adapter prints anything like it")
    if found.refused:
        rows.append(f"  the template refuses {found.refused} probes, the first: {found.refusal}")
    return rows


def _exact(fit: Fit) -> str:
    declared = f", {len(fit.deviating)} differ as it declares" if fit.deviating else ""
    aside = f"; {fit.aside} of pictures or rare schemas differ" if fit.aside else ""
    return f"{fit.equal} of {fit.accepted} probes equal{declared}{aside}"


def _near(fit: Fit) -> str:
    calls = ", calls are spelled the same" if fit.calls else ""
    count = f"{len(fit.differing)} of {fit.accepted} probes differ{calls}"
    return f"{count}\n         {fit.difference}"


def advice(path: str, found: list[Detection]) -> list[str]:
    """Return what to do next: the commands that serve the model, or those that start an adapter."""
    from .. import load
    from .compile import serve
    from .facts import file_name

    name = next((one.adapter for one in reversed(found) if one.adapter), None)
    if name is not None:
        adapter = load(name)
        paths = {t: Path("build") / file_name(name, t) for t in ("jinja", "vllm")}
        served = path if Path(path).is_dir() else None
        return [
            "",
            "Serve it:",
            f"  adapters compile {name} -o build",
            *serve(adapter, paths, served),
        ]
    near = next((fit.adapter for one in found for fit in one.near), None)
    if near is None:
        return []
    return [
        "",
        "Start an adapter of your own from the nearest one:",
        f"  adapters new my_format --from {near}",
        f"  adapters verify my_format.toml --model {shlex.quote(path)}",
    ]
