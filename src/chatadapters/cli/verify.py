"""``adapters verify``: adapters and perhaps a model's folder in, a table of the laws out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .files import InputError

if TYPE_CHECKING:
    from ..verify import Report

FEW = 4  # adapters that one process verifies before another one has started


@click.command()
@click.argument("name", metavar="NAME|FILE", required=False)
@click.option("--all", "everything", is_flag=True, help="Verify every adapter.")
@click.option("--model", "model_folder", metavar="DIR", help="Folder of a real model.")
@click.option("--seed", default=0, show_default=True, help="What is generated depends on it.")
@click.option("--samples", default=200, show_default=True, help="How many conversations.")
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="How many processes. [default: the cores]"
)
def command(
    name: str | None,
    everything: bool,
    model_folder: str | None,
    seed: int,
    samples: int,
    jobs: int | None,
) -> int:
    """Check an adapter against the laws and its official templates; exit 1 if something fails.

    With --model, the chat template (chat_template.jinja or tokenizer_config.json) and the
    tokenizer (tokenizer.json) of that folder take the place of the official ones. With --all, it
    is also checked that no two adapters have the same name, alias or models.

    \b
    Examples:
      adapters verify chatglm3
      adapters verify chatglm3 --model path/to/chatglm3-6b
      adapters verify --all
    """
    from ..conflicts import conflicts
    from ..registry import names

    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it misses PyTorch, we do not
    if bool(name) == everything:
        raise click.UsageError("give one NAME, or --all")
    if model_folder and not Path(model_folder).is_dir():
        raise InputError(model_folder, "not a folder", "name the folder of a model")
    folder = Path(model_folder) if model_folder else None
    wanted = [name] if name else names()
    claims = [] if name else conflicts()
    one = report_of if name else report_or_failure  # a broken one must not hide all others
    verify_one = partial(one, folder=folder, seed=seed, samples=samples)
    made = verified(verify_one, wanted, min(jobs or os.cpu_count() or 1, len(wanted)))
    reports = list(with_progress(made, len(wanted)))

    from ..verify import board

    board.show(reports)
    compared = [found.found for report in reports for found in report.agreements]
    click.echo(f"references: {sum(compared)} compared, {compared.count(False)} skipped")
    for claim in claims:
        click.echo(f"FAILS {claim}")
    return 0 if not claims and all(report.ok for report in reports) else 1


def verified(verify_one: Callable[[str], Report], names: list[str], jobs: int) -> Iterator[Report]:
    """Give the report of each adapter, in their order; several processes make them."""
    if jobs == 1 or len(names) < FEW:
        yield from map(verify_one, names)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, get_context("spawn"))
    try:
        yield from pool.map(verify_one, names)
    finally:
        pool.shutdown(cancel_futures=True)


def report_of(name: str, *, folder: Path | None, seed: int, samples: int) -> Report:
    """Return what verifying an adapter finds."""
    from .. import load
    from ..verify import model, verify

    adapter = load(name)
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


def report_or_failure(name: str, *, folder: Path | None, seed: int, samples: int) -> Report:
    """Return ``report_of``; a declaration that is not valid is a failure in it."""
    from ..errors import ChatAdaptersError
    from ..verify import LawResult, Report

    try:
        return report_of(name, folder=folder, seed=seed, samples=samples)
    except ChatAdaptersError as error:
        return Report(name, laws=[LawResult("declaration", 1, [str(error)])])


def with_progress(reports: Iterator[Report], count: int) -> Iterator[Report]:
    """Pass reports on; on a terminal, a bar on stderr tells how many and how long it will take."""
    if count == 1 or not sys.stderr.isatty():
        yield from reports
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=count)
        failing = 0
        for report in reports:
            failing += not report.ok
            said = f"{report.adapter}{f' ({failing} fail)' if failing else ''}"
            progress.update(task, advance=1, description=said)
            yield report
