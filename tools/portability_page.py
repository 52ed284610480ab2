"""The page of other template engines: what was found and our reasons in, Markdown out."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "portability.md"
KEPT = ROOT / "tools" / "portability.json"
REASONS = ROOT / "tools" / "portability.toml"
LINTED = ROOT / "tools" / "portability_lint.json"
LINT_REASONS = ROOT / "tools" / "portability_lint.toml"
VENDORS = "The official template has the same finding in the same conversation."
ELSEWHERE = "The official template has it too; it refuses this conversation, and ours does not."
UNPRINTED = "The format has no turn for the role, so its text is not printed."
TITLES = {
    "minijinja": "minijinja",
    "javascript": "@huggingface/jinja",
    "llamacpp": "llama.cpp",
}
KINDS = {
    "differs": "another text",
    "refuses": "refused",
    "prints": "printed what jinja2 refuses",
}
Known = dict[str, dict[str, Any]]
HEAD = """\
<!-- Written by tools/portability.py: change that, tools/portability.toml or the declarations. -->

# The compiled templates in other engines

transformers and vLLM print a chat template with jinja2, in its sandbox. Other programs have engines
of their own: minijinja in Rust (its Python binding is asked here, with `tojson` as servers set it
up), huggingface.js in JavaScript, llama.cpp in C++ (its own code, built as WebAssembly, as the
package ggufdoctor carries it; without the rewriting of messages that llama-server does before). A
template that prints another text there gives a model a prompt that it was not trained on.

Each compiled template printed the {most} reference conversations in each engine. The table says how
many of the texts are equal, byte for byte, of those that jinja2 prints. What jinja2 refuses is
refused by the others too, unless it is listed under the differences. The clock stood at 2026-01-01.

{totals}
"""
TAIL = """
## To repeat it

```sh
pip install -e '.[test]'                          # minijinja and ggufdoctor; node and npm apart
export CHATADAPTERS_REFERENCE=.../reference       # the folder with conversations.json
python tools/portability.py
```
"""


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(REASONS.read_text(encoding="utf-8"))


def reasons() -> list[dict[str, Any]]:
    """Return our readings of differences, in their order."""
    return list(_data()["reasons"])


def limits() -> list[dict[str, Any]]:
    """Return what engines are known to print otherwise, whatever the template does."""
    return list(_data()["limits"])


def kept() -> Known:
    """Return what was found before: adapter -> template, printed, engines."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.is_file() else {}


def keep(known: Known) -> None:
    """Write what was found, a line per adapter."""
    lines = (f'"{name}": {json.dumps(known[name], sort_keys=True)}' for name in sorted(known))
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="")


def reason(name: str, engine: str, one: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first reason that fits a difference."""
    return next((known for known in reasons() if _fits(known, name, engine, one)), None)


def _fits(known: dict[str, Any], name: str, engine: str, one: dict[str, Any]) -> bool:
    return (
        engine in known["engines"]
        and known.get("kind", one["kind"]) == one["kind"]
        and any(fnmatchcase(name, pattern) for pattern in known.get("adapters", ["*"]))
        and fnmatchcase(one["said"], known.get("said", "*"))
    )


def differences(known: Known) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every difference with its adapter and engine."""
    for name, entry in sorted(known.items()):
        for engine, found in entry["engines"].items():
            for one in found.get("differences", ()):
                yield name, engine, one


def unexplained(known: Known) -> list[str]:
    """Return the differences without a reason."""
    return [
        f"{name}, {engine}, {', '.join(one['in'])}: {KINDS[one['kind']]}: {one['said']}"
        for name, engine, one in differences(known)
        if reason(name, engine, one) is None
    ]


def unused(known: Known) -> list[str]:
    """Return the reasons that explain nothing any more."""
    used = [reason(*found) for found in differences(known)]
    return [one["text"] for one in reasons() if one not in used]


def page(known: Known) -> str:
    """Return the page."""
    most = max((entry["printed"] for entry in known.values()), default=0)
    parts = [HEAD.format(most=most, totals="\n".join(_totals(known))), *_explained(known)]
    parts += [*_limits(), *_linted(), *_table(known)]
    return "\n".join(parts).rstrip() + "\n" + TAIL


def _totals(known: Known) -> Iterator[str]:
    yield "| engine | version | texts | equal | another text | refused | adapters all equal |"
    yield "|---|---|---|---|---|---|---|"
    for engine, title in TITLES.items():
        found = {n: e["engines"][engine] for n, e in known.items() if engine in e["engines"]}
        printed = sum(known[name]["printed"] for name in found)
        counts = {kind: 0 for kind in KINDS}
        for name, of, one in differences(known):
            if of == engine and name in found:
                counts[one["kind"]] += len(one["in"])
        whole = sum("differences" not in one for one in found.values())
        versions = ", ".join(sorted({one["version"] for one in found.values()}))
        yield (
            f"| {title} | {versions} | {printed} | {sum(one['equal'] for one in found.values())} | "
            f"{counts['differs']} | {counts['refuses']} | {whole} of {len(found)} |"
        )


def _explained(known: Known) -> Iterator[str]:
    yield "\n## Differences\n"
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for name, engine, one in differences(known):
        fits = reason(name, engine, one)
        groups.setdefault(fits["text"] if fits else "", []).append((name, engine, one))
    if not groups:
        yield "None."
    for text, found in groups.items():
        engines = " and ".join(dict.fromkeys(TITLES[engine] for _, engine, _ in found))
        names = ", ".join(dict.fromkeys(f"`{name}`" for name, _, _ in found))
        count = sum(len(one["in"]) for _, _, one in found)
        said = found[0][2]
        yield f"**{engines}**, {names} ({count} texts): {text or 'Not yet explained.'}"
        yield f"First seen in `{said['in'][0]}`: {KINDS[said['kind']]}, {_code(said['said'])}.\n"


def _limits() -> Iterator[str]:
    yield "\n## Limits of the engines\n"
    yield "What these conversations do not hold, and no template can help; each is tried by a test."
    yield ""
    for one in limits():
        yield f"- **{TITLES[one['engine']]}**: {one['text'].strip()}"


def _linted() -> Iterator[str]:
    """Give the section on what the linter says: findings by rule and whose they are."""
    reasons = tomllib.loads(LINT_REASONS.read_text(encoding="utf-8"))
    data, stable = reasons["reasons"], reasons["stable"]
    linted = json.loads(LINTED.read_text(encoding="utf-8"))
    counts: Counter[tuple[str, str]] = Counter()
    for one in linted.values():
        for title, count in one.get("plain", {}).items():
            rule, _, whose = title.partition(": ")
            counts[rule, whose] += count
    texts = {"vendor": VENDORS, "vendor, other conversations": ELSEWHERE}
    texts |= {"no turn for the role": UNPRINTED} | {one["id"]: one["text"] for one in data}
    plain = [one["plain"] for one in linted.values() if "plain" in one]
    yield "\n## What a linter says\n"
    asked = f"[chatlint](https://github.com/dimondevceo/ChatLint) {metadata.version('chatlint')}"
    yield (
        f"{asked} tries each template on 49 conversations of its own. No finding is of our making: "
        "each stands in the official template too, or has a reason below. "
        f"{sum(not one for one in plain)} of {len(plain)} templates have no finding."
    )
    tried = {name: one["stable"] for name, one in linted.items() if one.get("stable")}
    adding = [f"`{name}`" for name, one in tried.items() if one["added"]]
    if tried:
        yield (
            f"\nOf the variants that only append (`--target stable`) {len(tried)} were tried: "
            f"{sum(not one['findings'] for one in tried.values())} have no finding, and "
            f"{len(tried) - len(adding)} have no other than the plain template, and none of "
            "rewritten history except these, which no template could avoid:\n"
        )
        for one in stable:
            where = ", ".join(f"`{name}`" for name in one.get("shapes") or one["adapters"])
            yield f"- {where}: {one['text'].strip()}"
        if adding:
            yield f"\nStill to be looked into: {', '.join(adding)}."
    yield "\n| whose | why | findings |"
    yield "|---|---|---|"
    for whose, text in texts.items():
        kinds = [f"{rule} ({n})" for (rule, of), n in sorted(counts.items()) if of == whose]
        if kinds:
            why = text.strip().replace("|", "\\|")
            yield f"| {whose} | {why} | {', '.join(kinds)} |"


def _table(known: Known) -> Iterator[str]:
    yield "\n## Table\n"
    yield f"| adapter | jinja2 | {' | '.join(TITLES.values())} |"
    yield f"|---|---|{'---|' * len(TITLES)}"
    for name, entry in sorted(known.items()):
        found = [entry["engines"].get(engine) for engine in TITLES]
        cells = [str(one["equal"]) if one else "not asked" for one in found]
        marks = ["" if not one or "differences" not in one else " *" for one in found]
        both = (f"{cell}{mark}" for cell, mark in zip(cells, marks, strict=True))
        yield f"| [`{name}`](formats/{name}.md) | {entry['printed']} | {' | '.join(both)} |"


def _code(text: str) -> str:
    shown = text.replace("|", "\\|")
    return f"`` {shown} ``" if "`" in text else f"`{shown}`"
