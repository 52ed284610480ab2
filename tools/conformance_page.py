"""The page of what other projects' parsers make of our printed answers: rows in, Markdown out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from conformance_cases import Case, cases
from conformance_run import Finding, Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
DATA = ROOT / "tools" / "conformance.toml"
ENGINES = {"vllm": "vLLM", "sglang": "SGLang", "transformers": "transformers"}
WHO = {
    "ours": "Ours to repair.",
    "theirs": "We would keep our reading.",
    "either": "Both readings can be defended.",
    "open": "Undecided.",
}
MOST_NAMES = 6  # of the messages that show the same difference
WAYS = {"whole": "whole", "tokens": "token by token", "pieces": "in pieces"}
HEAD = """\
# Peers as witnesses

vLLM, SGLang and transformers read many of these formats too, with parsers that other people wrote
from other sources. Where their parser and ours understand an answer alike, each is a witness for
the other; where they do not, one of us is likely to be wrong, or the format leaves room. This page
lists both, so that either side can check. Corrections are welcome, above all where we have read
somebody's work wrongly.

The other direction, whether other template engines print the compiled templates alike, is in
[portability.md](portability.md).

{facts}

**What was fed.** For each adapter up to {most} assistant messages, the same for all: contents,
calls with and without arguments, several calls, reasoning, and one argument at a time with quotes,
line breaks, other scripts, numbers, null, nested and empty values. Each is printed by the adapter
as the answer to a prompt; messages that the format does not carry are left out. No model is
involved: models also write things that no template prints, and these parsers were often made for
that. This page says nothing about it.

**How it was read.** vLLM: `Parser.parse` and `Parser.parse_delta`, which its server calls and which
call the tool parser. SGLang: `FunctionCallParser`, with what its server adds at the end of a
stream. transformers: `parse_response` and `ResponseParser` with the response templates of TRL,
found by the official chat template. Where the table names a reasoning parser, the whole answer went
through it first; else the tool parser got what follows the reasoning. The tokenizer was made for
this: each marker is one id, the rest is cut into words. A stream came token by token, and once more
in pieces of two to five tokens, as with speculative decoding; both must be right. Two readings
agree when names, arguments (as JSON values with their types), content and reasoning are the same;
white space around a content or a reasoning is not counted.
{sglang}

To repeat it:

```sh
python tools/vllm_setup.py .venv-vllm
.venv-vllm/bin/pip install --no-deps --target build/peers {pins}
.venv-vllm/bin/python tools/conformance.py
```
"""
SGLANG = """
SGLang's parsers were imported from its wheel without its engine: the package's own `__init__` was
left out, and IPython was replaced by an empty module; TRL's templates without its trainers in the
same way. SGLang's server decides by the chat template whether an answer begins inside the
reasoning; here the adapter's prompt decides.
"""


@cache
def data() -> dict[str, Any]:
    """Return the data file: reasoning parsers, and our readings of disagreements."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def reading(row: Row, finding: Finding) -> dict[str, Any] | None:
    """Return our reading of a finding: the first whose peers, cases, kinds and ways fit."""
    for one in data().get("readings", ()):
        fits = (
            any(fnmatchcase(row.peer, peer) for peer in one["peers"])
            and any(fnmatchcase(finding.case, case) for case in one.get("cases", ["*"]))
            and finding.kind in one.get("kinds", [finding.kind])
            and finding.way in one.get("ways", [finding.way])
        )
        if fits:
            return dict(one)
    return None


def page(rows: list[Row], about: dict[str, Any]) -> str:
    """Return the page."""
    rows = sorted(rows, key=lambda row: (row.adapter, list(ENGINES).index(_engine(row)), row.peer))
    asked = [row for row in rows if row.fed]
    versions = about["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    pins = " ".join(f"{name}=={versions[name]}" for name in ("sglang", "trl") if name in versions)
    agreed, fed = sum(map(_agreed, asked)), sum(len(row.fed) for row in asked)
    counts = (
        f"{len(asked)} pairs of an adapter and a parser, {fed} answers; "
        f"{agreed} of these were read alike, whole and in both streams."
    )
    facts = f"Measured on {about['date']} with {said}:\n{counts}"
    head = HEAD.format(
        facts=facts,
        most=sum(1 for _ in cases()),
        sglang=SGLANG if any(_engine(row) == "sglang" for row in asked) else "",
        pins=f"{pins} orjson cohere-melody",
    )
    parts = [head, *_table(asked), *_problems(rows), *_disagreements(asked)]
    return "\n".join(parts).rstrip() + "\n"


def _engine(row: Row) -> str:
    return row.peer.partition(":")[0]


def _name(row: Row) -> str:
    engine, _, name = row.peer.partition(":")
    return f"{ENGINES[engine]} `{name}`"


def _agreed(row: Row) -> int:
    return len(set(row.fed) - {finding.case for finding in row.findings})


def _table(rows: list[Row]) -> Iterator[str]:
    yield "\n## Table\n"
    yield "| adapter | parser | reasoning parser | fed | whole | streamed | |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        whole = {f.case for f in row.findings if f.way == "whole"}
        streamed = {f.case for f in row.findings if f.way != "whole"}
        link = f"[differences](#{_anchor(row)})" if row.findings else ""
        beside = f"`{row.reasoning}`" if row.reasoning and _engine(row) != "transformers" else ""
        fed = len(row.fed)
        yield (
            f"| `{row.adapter}` | {_name(row)} | {beside} | {fed} | {fed - len(whole)} | "
            f"{fed - len(streamed)} | {link} |"
        )


def _problems(rows: list[Row]) -> Iterator[str]:
    found = [row for row in rows if row.problem]
    if found:
        yield "\n## Not asked\n"
    for row in found:
        yield f"- `{row.adapter}`, {_name(row)}: {row.problem}"


def _anchor(row: Row) -> str:
    return f"{row.adapter}-{row.peer}".replace(":", "-").replace("_", "-").lower()


def _disagreements(rows: list[Row]) -> Iterator[str]:
    yield "\n## Differences\n"
    yield (
        "For each, the smallest of our messages that shows it, what was fed, what we read and what "
        "the other parser reads. A difference without a comment has not been looked into yet."
    )
    known = {case.name: case for case in cases()}
    alike: dict[str, list[Row]] = {}
    for row in rows:
        if row.findings:
            said = json.dumps([_engine(row), row.texts, [vars(f) for f in row.findings]])
            alike.setdefault(said, []).append(row)
    for same in alike.values():
        anchors = "".join(f'<a id="{_anchor(row)}"></a>' for row in same)
        yield f"\n### {anchors}{' and '.join(_title(same))}\n"
        groups: dict[str, list[Finding]] = {}
        for finding in same[0].findings:
            one = reading(same[0], finding)
            key = one["text"] if one else f"{finding.kind} {finding.way == 'whole'}"
            groups.setdefault(key, []).append(finding)
        for found in groups.values():
            yield from _group(same[0], found, known, reading(same[0], found[0]))


def _title(rows: list[Row]) -> list[str]:
    by_peer: dict[str, list[str]] = {}
    for row in rows:
        by_peer.setdefault(_name(row), []).append(f"`{row.adapter}`")
    return [f"{', '.join(adapters)}: {name}" for name, adapters in by_peer.items()]


def _group(
    row: Row, found: list[Finding], known: dict[str, Case], one: dict[str, Any] | None
) -> Iterator[str]:
    names = list(dict.fromkeys(finding.case for finding in found))
    first = names[0]
    ways = [w for w in WAYS if any(f.case == first and f.way == w for f in found)]
    others = ", ".join(names[1 : MOST_NAMES + 1])
    if len(names) > MOST_NAMES + 1:
        others += f" and {len(names) - MOST_NAMES - 1} more"
    more = f"; also: {others}" if others else ""
    yield f"**{first}** ({', '.join(WAYS[way] for way in ways)}){more}\n"
    yield _fenced(row.texts[first])
    yield f"We read {message(known[first])}."
    said = next(finding for finding in found if finding.case == first)
    how = {"raises": "It raises", "slow": "It is"}.get(said.kind, "It reads")
    yield f"{how} {_code(said.got)}.\n"
    yield f"{WHO[one['who']]} {one['text'].strip()}\n" if one else "Not yet read.\n"


def message(case: Case) -> str:
    """Return a message in a line."""
    calls = [call["function"] for call in case.message.get("tool_calls") or ()]
    parts = [
        f"{call['name']}({json.dumps(call['arguments'], ensure_ascii=False)})" for call in calls
    ]
    said = _code(", ".join(parts)) if parts else ""
    for key, name in (("content", "content"), ("reasoning_content", "reasoning")):
        if case.message.get(key):
            said += f"{', ' if said else ''}{name} {_code(repr(case.message[key]))}"
    return said


def _code(text: str) -> str:
    ticks = "`" if "`" not in text else "``" if "``" not in text else "````"
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _fenced(text: str) -> str:
    fence = "````" if "```" in text else "```"
    return f"{fence}text\n{text}\n{fence}"
