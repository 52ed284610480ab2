"""The table of what every format makes a server read again, from the prefix accountant.

    python tools/prefix.py [NAME ...] [--tokens] [-o docs/prefix.md]

Without -o the table is printed. A row takes about a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import catalogue
import real_tokenizers

import chatadapters
from chatadapters.prefix import MOST, Case, Prefix, account
from chatadapters.prefix_words import ALSO, CHAT, LOOP, MAIN, QUESTION, why

HEAD = f"""# What a server reads again

<!-- Written by tools/prefix.py: run it again, do not edit this page. -->

A server keeps what it has read: the prompt of a turn and the answer that it wrote to it. If the
next prompt begins with all of that, only what is new is read; else everything behind the first
difference is read once more. Conversations are played here with every adapter as a server and a
client play them, under options with which the format prints reasoning where it can: two steps
of a tool loop, two turns of a chat, and a question after such a loop; where these are not only
appended to, {MOST} of each, from which the shares come.

A number is the share of all characters read in the conversation that had been read before (0 %
where prompts are only appended to; `tools/prefix.py --tokens` adds the same in tokens, where a
real tokenizer of the format is at hand). Behind it stand the rules that rewrite history, found by
turning each of them off in the compiled template. `the same`: the plain template only appends, and
the `stable` one prints the same.

| rule | what it means |
|---|---|
"""
COLUMNS = """
| name | tool loop | chat | question after a loop | `stable` template | also rewritten by |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Print or write the table and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--tokens", action="store_true", help="count tokens too: slower")
    options.add_argument("-o", "--output", type=Path)
    given = options.parse_args()
    found: list[Prefix] = []
    lines = []
    for name in given.names or chatadapters.names():
        adapter = chatadapters.load(name)
        found.append(adapter.prefix())
        lines.append(f"| {' | '.join(cells(adapter, found[-1], given.tokens))} |")
        print(lines[-1], file=sys.stderr if given.output else sys.stdout, flush=True)
    extending = sum(one.extends for one in found)
    stable = sum(not one.extends and not one.unstable for one in found)
    summary = (
        f"{len(found)} adapters: {extending} are only appended to; of the others {stable} have a "
        f"`stable` template that is, {len(found) - extending - stable} have none.\n"
    )
    print(summary, file=sys.stderr)
    if given.output:
        text = HEAD + rules() + "\n" + summary + COLUMNS + "\n".join(lines) + "\n"
        given.output.write_text(text, encoding="utf-8", newline="")
    return 0


def rules() -> str:
    """Return the rows of the table of rules."""
    from chatadapters.prefix_words import WHY

    return "".join(f"| `{rule}` | {said} |\n" for rule, said in WHY.items())


def cells(adapter: chatadapters.Adapter, found: Prefix, tokens: bool) -> Iterator[str]:
    """Give the cells of a row."""
    counted = in_tokens(adapter) if tokens and not found.extends else None
    yield f"[`{adapter.name}`](formats/{adapter.name}.md)"
    for kind in (LOOP, CHAT, QUESTION):
        yield "<br>".join(
            said(case, kind, counted)
            for case in found.cases
            if case.what in MAIN and case.features.kind == kind
        )
    yield "the same" if found.extends else ("none" if found.unstable else "yes")
    also = (case for case in found.cases if case.what in ALSO and not case.extends)
    yield catalogue.cell("; ".join(f"{case.what} ({why(case)})" for case in also))


def said(case: Case, kind: str, counted: Prefix | None) -> str:
    """Return what a cell says of one conversation."""
    words = case.what.removeprefix(kind).strip()
    share = f"{case.share():.0%}"
    if counted is not None and not case.extends:
        same = counted.case(case.what)
        share += f" ({same.share():.0%})" if same is not None else ""
    by = "" if case.extends else " " + (", ".join(f"`{r}`" for r in case.rules) or "answers differ")
    return f"{f'{words}: ' if words else ''}{share}{by}"


def in_tokens(adapter: chatadapters.Adapter) -> Prefix | None:
    """Return the account in tokens, where a real tokenizer of the format is here."""
    for tokenizer in real_tokenizers.fitting(adapter.declaration):
        return account(adapter, encode=tokenizer.encode)
    return None


if __name__ == "__main__":
    sys.exit(main())
