"""``adapters prove``: adapters in, what their formats cannot carry, with counter-examples, out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..certify import Certificate, Proof


@click.command()
@click.argument("name", metavar="NAME|FILE", required=False)
@click.option("--all", "everything", is_flag=True, help="Prove every adapter.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--seed", default=0, show_default=True, help="What is tried depends on it.")
@click.option(
    "--samples", type=click.IntRange(0), default=None,
    help="How many texts of each hole are tried. [default: 200]",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="How many processes. [default: the cores]"
)
def command(
    name: str | None,
    everything: bool,
    as_json: bool,
    seed: int,
    samples: int | None,
    jobs: int | None,
) -> int:
    """Print what a format cannot carry, each limit with the shortest counter-example.

    The limits are worked out from the parser's table. A search finds a counter-example of each,
    and `render` and `parse` are run to say what becomes of it; then texts made of the format's own
    markers are tried in every hole. Exit status 1: a limit that no run confirms, or a text that
    contradicts the limits.

    \b
    Examples:
      adapters prove chatglm3
      adapters prove chatglm3 --json
      adapters prove --all
    """
    from ..certify.proving import SAMPLES
    from ..registry import names
    from .verify import verified, with_progress

    if bool(name) == everything:
        raise click.UsageError("give one NAME, or --all")
    wanted = [name] if name else names()
    one: Any = partial(
        proof_of if name else proof_or_failure,
        samples=SAMPLES if samples is None else samples,
        seed=seed,
    )
    made: Any = verified(one, wanted, min(jobs or os.cpu_count() or 1, len(wanted)))
    found: Any = with_progress(made, len(wanted))
    proofs: list[Proof] = list(found)
    if as_json:
        plain = [proof.as_dict() for proof in proofs]
        click.echo(json.dumps(plain if everything else plain[0], indent=2))
    else:
        for line in _overview(proofs) if everything else _lines(proofs[0]):
            click.echo(line)
    return 0 if all(proof.ok for proof in proofs) else 1


def proof_of(name: str, *, samples: int, seed: int) -> Proof:
    """Return the proof of an adapter."""
    from .. import load
    from ..certify import prove

    return prove(load(name), samples=samples, seed=seed)


def proof_or_failure(name: str, *, samples: int, seed: int) -> Proof:
    """Return ``proof_of``; a declaration that is not valid is a failure in it."""
    from ..certify import Proof
    from ..errors import ChatAdaptersError

    try:
        return proof_of(name, samples=samples, seed=seed)
    except ChatAdaptersError as error:
        return Proof(name, (), (), (), failures=(str(error),))


def _lines(proof: Proof) -> Iterator[str]:
    """Give the proof of one adapter: each hole with its domain and the limits of it."""
    tried = {one.hole: one for one in proof.searched}
    domains = dict(proof.domains)
    yield f"{proof.adapter}: {_count(proof)}"
    typed = {hole: words for hole, words in domains.items() if hole.startswith("value, ")}
    holes = [
        *(hole for hole in domains if hole not in typed),
        *(one.hole for one in proof.certificates),
        *tried,
    ]
    for hole in dict.fromkeys(holes):
        found = [one for one in proof.certificates if one.hole == hole]
        yield ""
        yield f"{hole}{_domain(hole, domains, found)}"
        if hole == "value":
            yield from (f"  {kind.removeprefix('value, ')}: {said}" for kind, said in typed.items())
        if hole in tried:
            one = tried[hole]
            yield f"  tried {one.tried}: {one.carried} carried, {one.lost} not, as said"
        for certificate in found:
            yield from (f"  {line}" for line in _certificate(certificate))
    if proof.carried:
        yield f"\ncarried: {'; '.join(one.limit for one in proof.carried)}"
    yield from _failures([proof])


def _domain(hole: str, domains: dict[str, str], found: list[Certificate]) -> str:
    if hole in domains:
        return ": every text but these" if domains[hole] != "every text" else ": every text"
    return ": all but these" if found else ": all"


def _certificate(one: Certificate) -> Iterator[str]:
    yield f"- {one.limit}"
    yield f"    {one.example}"
    yield f"    {one.outcome}"
    if one.in_grammar:
        yield f"    {one.in_grammar}"


def _count(proof: Proof) -> str:
    tried = sum(one.tried for one in proof.searched)
    state = f"{len(proof.failures)} contradictions" if proof.failures else "no contradiction"
    return (
        f"{len(proof.certificates)} limits, each with a counter-example; "
        f"{tried} texts and values tried, {state}"
    )


def _overview(proofs: list[Proof]) -> Iterator[str]:
    """Give a line for each adapter, then each limit that some format has."""
    width = max(len(proof.adapter) for proof in proofs)
    for proof in proofs:
        yield f"{proof.adapter:{width}}  {_count(proof)}"
    found: dict[tuple[str, str], list[tuple[str, Certificate]]] = {}
    for proof in proofs:
        for one in proof.certificates:
            found.setdefault((one.hole, one.kind), []).append((proof.adapter, one))
    yield f"\n{len(found)} limits of some format, each with its smallest counter-example:"
    for (hole, kind), cases in sorted(found.items()):
        adapters = list(dict.fromkeys(name for name, _ in cases))
        name, one = min(cases, key=lambda case: (len(case[1].example), case[0]))
        many = f"{len(adapters)} adapters, such as {name}" if len(adapters) > 1 else name
        yield f"\n{hole}, {kind}: {many}"
        yield from (f"  {line}" for line in _certificate(one))
    yield from _failures(proofs)


def _failures(proofs: Iterable[Proof]) -> Iterator[str]:
    for proof in proofs:
        yield from (f"FAILS {proof.adapter}: {failure}" for failure in proof.failures)
