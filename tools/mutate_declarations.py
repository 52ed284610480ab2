"""Change the declarations in known ways, one at a time, and see that laws and templates notice.

    python tools/mutate_declarations.py [--jobs N] [NAME ...]       every mutation of every adapter
    python tools/mutate_declarations.py --sample N [--seed S]       N of them, drawn over all

Each mutation changes one literal, codec, condition or flag. It is *refused* if the compiler takes
it for an error, *equivalent* if template, parser and metadata stay the same, *noticed* if an
official template, a sample text or a law does not hold any more; else it *survived*. The score is
what was noticed of all that are not equivalent, once without and once with the refused ones.
Survivors are listed with the reason: what mutate_declarations.toml says of them, else what the
witnesses saw. Exit status 1 if the score without the refused ones is under --least, if something
fails without any mutation, or if all mutations are refused or equivalent.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from mutate_declarations_witness import REFUSED, SAME, SURVIVED, Outcome, Witnesses, mutations_of

from chatadapters import registry

REASONS = Path(__file__).with_suffix(".toml")


def main() -> int:
    """Try the mutations, print the table and the survivors, and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    options.add_argument("--sample", type=int, default=0, help="how many, drawn over all adapters")
    options.add_argument("--seed", type=int, default=0, help="which ones are drawn")
    options.add_argument("--least", type=float, default=75.0, help="the least score, in percent")
    given = options.parse_args()
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it misses PyTorch, we do not
    started = time.monotonic()
    work = drawn(given.names or registry.names(), given.sample, given.seed)
    done: list[Outcome] = []
    for outcomes in tried(work, given.jobs):
        done += outcomes
        if outcomes:
            print(line(outcomes[0].mutation.adapter, outcomes), flush=True)
        for outcome in outcomes:
            if outcome.by == SURVIVED:
                print(f"    survived: {outcome.mutation}: {reason(outcome)}", flush=True)
    print("\n".join(summary(done)))
    wrong = [outcome for outcome in done if outcome.by == "wrong"]
    for outcome in wrong:
        print(f"wrong: {outcome.mutation.adapter} fails without any mutation: {outcome.how}")
    adapters, seconds = len({one.mutation.adapter for one in done}), time.monotonic() - started
    print(
        f"{len(done)} mutations of {adapters} adapters in {seconds:.0f} seconds: "
        f"{score(done):.1f} % noticed, {score(done, refused=True):.1f} % with the refused ones"
    )
    judged = any(one.by not in (SAME, REFUSED, "wrong") for one in done)
    if not judged:
        print("wrong: no mutation could be judged")
    return 1 if wrong or not judged or score(done) < given.least else 0


def drawn(names: Iterable[str], count: int, seed: int) -> dict[str, list[int] | None]:
    """Return the numbers of each adapter's mutations to try; None stands for all of them."""
    if not count:
        return dict.fromkeys(names)
    every = [(name, number) for name in names for number in range(len(mutations_of(name)))]
    chosen = random.Random(seed).sample(every, min(count, len(every)))
    work: dict[str, list[int] | None] = {}
    for name, number in sorted(chosen):
        work[name] = [*(work.get(name) or []), number]
    return work


def tried(work: dict[str, list[int] | None], jobs: int) -> Iterator[list[Outcome]]:
    """Give the outcomes of one adapter after the other."""
    if jobs < 2:
        yield from map(try_adapter, work, work.values())
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(try_adapter, work, work.values())


def try_adapter(name: str, numbers: Sequence[int] | None) -> list[Outcome]:
    """Try an adapter's mutations: those with these numbers, or all."""
    witnesses = Witnesses(name)
    every = mutations_of(name)
    return [
        witnesses.judge(every[number])
        for number in (range(len(every)) if numbers is None else numbers)
    ]


def score(outcomes: Iterable[Outcome], *, refused: bool = False) -> float:
    """Return how many percent were noticed of those that can be, refused ones among them or not."""
    count = Counter(outcome.by for outcome in outcomes)
    noticed = count.total() - count[SAME] - count[REFUSED] - count[SURVIVED] - count["wrong"]
    others = count[REFUSED] if refused else 0
    whole = noticed + others + count[SURVIVED]
    return 100 * (noticed + others) / whole if whole else 100.0


def line(name: str, outcomes: Sequence[Outcome]) -> str:
    """Return an adapter's, or a kind's, line: scores and counts."""
    count = Counter(outcome.by for outcome in outcomes)
    said = ", ".join(f"{count[by]} {by}" for by in sorted(count))
    both = f"{score(outcomes):5.1f} % {score(outcomes, refused=True):5.1f} %"
    return f"{name:28} {len(outcomes):5} {both}  {said}"


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines of all mutations by kind, and with and without an official template."""
    if not outcomes:
        return []
    lines = [f"{'':28} {'tried':>5} {'score':>7} {'+refused':>8}"]
    for kind in sorted({outcome.mutation.kind for outcome in outcomes}):
        lines.append(line(kind, [one for one in outcomes if one.mutation.kind == kind]))
    for compared, what in ((True, "with an official template"), (False, "without one")):
        chosen = [one for one in outcomes if has_template(one.mutation.adapter) is compared]
        lines += [line(what, chosen)] if chosen else []
    lines.append(line("all", outcomes))
    whys = Counter(reason(outcome) for outcome in outcomes if outcome.by == SURVIVED)
    return [*lines, *(f"{count:5} survived: {why}" for why, count in whys.most_common())]


@cache
def has_template(name: str) -> bool:
    """Tell whether an adapter declares an official template."""
    return bool(registry.read(name).references)


@cache
def reasons() -> list[dict[str, str]]:
    """Return the reasons that people wrote down: adapter, key and kind are patterns."""
    found: list[dict[str, str]] = tomllib.loads(REASONS.read_text(encoding="utf-8"))["survivor"]
    return found


def reason(outcome: Outcome) -> str:
    """Return why a mutation survives: what a person wrote down, else what the witnesses say."""
    mutation = outcome.mutation
    for known in reasons():
        facts = (mutation.adapter, mutation.key, mutation.kind, mutation.what)
        patterns = (known.get(name, "*") for name in ("adapter", "key", "kind", "what"))
        if all(map(fnmatchcase, facts, patterns)):
            return known["why"]
    return outcome.how


if __name__ == "__main__":
    sys.exit(main())
