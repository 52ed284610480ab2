"""``adapters verify``: adapters and perhaps a model's folder in, a table of the laws out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .files import InputError

if TYPE_CHECKING:
    from ..adapter import Adapter
    from ..verify import Report


@click.command()
@click.argument("name", metavar="NAME|FILE", required=False)
@click.option("--all", "everything", is_flag=True, help="Verify every adapter.")
@click.option("--model", "model_folder", metavar="DIR", help="Folder of a real model.")
@click.option("--seed", default=0, show_default=True, help="What is generated depends on it.")
@click.option("--samples", default=200, show_default=True, help="How many conversations.")
def command(
    name: str | None, everything: bool, model_folder: str | None, seed: int, samples: int
) -> int:
    """Check an adapter against the laws and its official templates; exit 1 if something fails.

    With --model, the chat template (chat_template.jinja or tokenizer_config.json) and the
    tokenizer (tokenizer.json) of that folder take the place of the official ones.

    \b
    Examples:
      adapters verify chatglm3
      adapters verify chatglm3 --model path/to/chatglm3-6b
      adapters verify --all
    """
    from .. import load
    from ..registry import names

    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it misses PyTorch, we do not
    if bool(name) == everything:
        raise click.UsageError("give one NAME, or --all")
    if model_folder and not Path(model_folder).is_dir():
        raise InputError(model_folder, "not a folder", "name the folder of a model")
    folder = Path(model_folder) if model_folder else None
    reports = []
    for adapter in [load(each) for each in ([name] if name else names())]:
        if sys.stderr.isatty():
            click.echo(f"{adapter.name} ...", err=True)
        reports.append(_report(adapter, folder, seed, samples))

    from ..verify import board

    board.show(reports)
    compared = [found.found for report in reports for found in report.agreements]
    click.echo(f"references: {sum(compared)} compared, {compared.count(False)} skipped")
    return 0 if all(report.ok for report in reports) else 1


def _report(adapter: Adapter, folder: Path | None, seed: int, samples: int) -> Report:
    from ..verify import model, verify

    report = verify(adapter, seed=seed, generated=samples, model_folder=folder)
    tokenizer = model.tokenizer(folder) if folder else ""
    if not isinstance(tokenizer, str):
        declared = adapter.declaration
        for kind, words in (("marker", declared.special), ("stop string", declared.stop)):
            report.notes += [
                f"the {kind} {word!r} is not one id of this tokenizer: is it the right model?"
                for word in dict.fromkeys(words)
                if tokenizer.marker(word) is None
            ]
    return report
