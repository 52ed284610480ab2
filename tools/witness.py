"""Let transformers' own response parser read our printed answers with the templates we emit.

python tools/witness.py                    every adapter; some minutes
python tools/witness.py NAME ... -n 200    these adapters, more answers
python tools/witness.py -n 25 -o docs/witness.md              also write the page
python tools/witness.py --parser vllm.parser.chat_parsing     vLLM's copy of the parser

Each answer is fed whole, character by character and in two random partitions. Exits with 1 if a
message comes out otherwise than ours and no sentence of the loss report says so.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import chatadapters
from chatadapters.verify.witness import PARSER, Witness, witness

ANSWERS = 40
MOST_SHOWN = 3


def main() -> int:
    """Compare, print a line for each adapter and the figures, and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("-n", type=int, default=ANSWERS, metavar="N", help="answers per adapter")
    options.add_argument("--seed", default="0", metavar="TEXT", help="of the generated answers")
    options.add_argument("--parser", default=PARSER, metavar="MODULE", help="what is asked")
    options.add_argument("-o", "--out", type=Path, help="where the page is written")
    given = options.parse_args()
    rows = []
    for name in given.names or chatadapters.names():
        row = witness(chatadapters.load(name), given.n, given.seed, given.parser)
        rows.append(row)
        equal = row.compared - len(row.explained) - len(row.unexplained)
        print(f"{name:26} {state(row):9} {equal}/{row.compared}", flush=True)
        for one in row.unexplained[:MOST_SHOWN]:
            print(f"  not explained: {one}", flush=True)
    print("\n".join([*figures(rows), *(f"{n:4}  {loss}" for loss, n in losses(rows))]))
    if given.out:
        given.out.write_text(page(rows, given.parser), encoding="utf-8")
    return 1 if any(not well(row) for row in rows) else 0


def state(row: Witness) -> str:
    """Return how much of the messages a template keeps, in a word."""
    if row.emitted.template is None:
        return "none"
    return "complete" if row.emitted.complete else "partial"


def well(row: Witness) -> bool:
    """Return whether every difference is foretold, and a complete template has none."""
    asked = row.compared > 0 or row.emitted.template is None
    return asked and not row.unexplained and not (row.emitted.complete and row.explained)


def figures(rows: Sequence[Witness]) -> list[str]:
    """Return how many adapters and messages there were, in lines."""
    counted = Counter(map(state, rows))
    compared = sum(row.compared for row in rows)
    other = sum(len(row.explained) for row in rows)
    wrong = sum(len(row.unexplained) for row in rows)
    return [
        f"{len(rows)} adapters: " + ", ".join(f"{n} {word}" for word, n in counted.items()),
        f"{compared} messages: {compared - other - wrong} equal, {other} otherwise as a loss says, "
        f"{wrong} not explained",
    ]


def losses(rows: Sequence[Witness]) -> list[tuple[str, int]]:
    """Return every loss and the number of adapters that have it, the most frequent first."""
    return Counter(loss for row in rows for loss in row.emitted.losses).most_common()


def page(rows: Sequence[Witness], parser: str) -> str:
    """Return the page: what was asked, the figures, the losses, and a line for each adapter."""
    package = parser.partition(".")[0]
    named = {loss: number for number, (loss, _) in enumerate(losses(rows), 1)}
    lines = [
        "# What transformers' own parser reads",
        "",
        f"Written by `tools/witness.py`; {package} {version(package)}. Each answer was fed whole, "
        "in characters and in two random partitions, with the template that "
        "`adapters compile --target response_template` writes. "
        "[How to use it, and what no such template does](response_template.md).",
        "",
        *(f"- {line}" for line in figures(rows)),
        "",
        "What is lost, and for how many adapters:",
        "",
        *(f"{named[loss]}. {_text(loss)} ({count})" for loss, count in losses(rows)),
        "",
        "| adapter | template | messages | equal | otherwise, as a loss says | losses |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        equal = row.compared - len(row.explained) - len(row.unexplained)
        numbers = ", ".join(str(named[loss]) for loss in row.emitted.losses)
        lines.append(
            f"| `{row.adapter}` | {state(row)} | {row.compared} | {equal} | {len(row.explained)} "
            f"| {numbers} |"
        )
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    return text


if __name__ == "__main__":
    sys.exit(main())
