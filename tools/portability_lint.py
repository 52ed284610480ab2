"""Ask the public linter chatlint about the compiled templates, and say whose each finding is.

python tools/portability_lint.py             every adapter; write tools/portability_lint.json
python tools/portability_lint.py NAME ...    these again, the others as they were
python tools/portability_lint.py --stable    the variants that only append; more minutes

A finding is the vendor's where the official template has it too: in the same conversation, or, if
the official template refuses that one, in another. Texts of a role that the format has no turn for
are not printed. For any other finding a reason stands in tools/portability_lint.toml; one without
is printed, and the exit status is 1. A variant that only appends has no finding that the plain
template has not, and none of rewritten history. `tools/portability.py --page` writes the page
again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from chatlint.check import check
from chatlint.render import Template

import chatadapters
from chatadapters.adapter import Adapter
from chatadapters.verify import references

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tools" / "portability_lint.json"
REASONS = ROOT / "tools" / "portability_lint.toml"
SAME, ELSEWHERE = "vendor", "vendor, other conversations"
UNPRINTED = "no turn for the role"
# A warning of the linter, and the error of the same property that an official template may have.
WORSE = {"tail_marker": "history_rewrite", "reordered": "dropped"}


@dataclass(frozen=True)
class Found:
    """One finding: the rule, its kind, the linter's conversation, and what it says."""

    rule: str
    kind: str
    shape: str
    detail: str

    @property
    def title(self) -> str:
        """The rule, with the kind where there is one."""
        return f"{self.rule}, {self.kind}" if self.kind else self.rule

    @property
    def said(self) -> str:
        """The first line of what it says."""
        return self.detail.partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.title}, in {self.shape}: {self.said}"


def findings(text: str) -> list[Found]:
    """Return every finding, errors and warnings, of a template."""
    report = check(Template("template", text))
    return [
        Found(one.prop, one.metrics.get("kind", ""), one.shape, one.detail)
        for one in [*report.errors, *report.warnings]
    ]


def origins(adapter: Adapter) -> list[tuple[Found, str]]:
    """Return the findings of a compiled template, each with whose it is; "" if nobody knows."""
    found = findings(adapter.template())
    if not found:
        return []
    known = [references.find(one.sha256) for one in adapter.declaration.references]
    official = [findings(one.text) for one in known if one is not None]
    return [
        (one, _vendors(one, official) or _unprinted(one, adapter) or _reason(adapter.name, one))
        for one in found
    ]


def _vendors(one: Found, official: Sequence[Sequence[Found]]) -> str:
    kinds = {one.kind, WORSE.get(one.kind, one.kind)}
    for theirs in official:
        alike = [f for f in theirs if f.rule == one.rule and f.kind in kinds]
        if any(f.shape == one.shape for f in alike):
            return SAME
        if alike and any(f.rule == "renders" and f.shape == one.shape for f in theirs):
            return ELSEWHERE
    return ""


def _unprinted(one: Found, adapter: Adapter) -> str:
    """Say that a text is missing because the format has no turn for its role."""
    prompt = adapter.declaration.prompt
    missing = [role for role in ("system", "tool") if not getattr(prompt, role)]
    if one.rule != "content_order" or prompt.other:
        return ""
    # A dropped result is looked for in the answer after it, which then seems to come too early.
    moved = one.kind == "reordered" and "tool" in missing and "(assistant)" in one.detail
    return UNPRINTED if moved or any(f"({role})" in one.detail for role in missing) else ""


def _reason(name: str, one: Found) -> str:
    fits = (known for known in reasons() if _fits(known, name, one))
    return next((str(known["id"]) for known in fits), "")


def _fits(known: dict[str, Any], name: str, one: Found) -> bool:
    return (
        any(fnmatchcase(name, pattern) for pattern in known.get("adapters", ["*"]))
        and one.rule in known.get("rules", [one.rule])
        and one.kind in known.get("kinds", [one.kind])
        and any(fnmatchcase(one.shape, pattern) for pattern in known.get("shapes", ["*"]))
        and fnmatchcase(one.said, known.get("said", "*"))
        and _lost(one) <= known.get("lost", _lost(one))
    )


def reasons() -> list[dict[str, Any]]:
    """Return our reasons for findings that no official template shows."""
    return list(_data()["reasons"])


def _lost(one: Found) -> int:
    """Return how many characters of a prompt do not stand at the beginning of the next."""
    said = re.search(r"; (\d+) chars of the previous", one.detail)
    return int(said[1]) if said else 0


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(REASONS.read_text(encoding="utf-8"))


def stable(adapter: Adapter) -> list[Found] | None:
    """Return the findings of the variant that only appends; None where the format has none."""
    if adapter.prefix().unstable:
        return None
    return findings(adapter.emit("stable"))


def added(adapter: Adapter, variant: Sequence[Found]) -> list[Found]:
    """Return the findings of the variant that the plain template has not, and of rewriting any.

    Left out are those that no template could avoid, as tools/portability_lint.toml says.
    """
    plain = {(f.rule, f.kind, f.shape) for f in findings(adapter.template())}
    return [
        one
        for one in variant
        if one.rule == "prefix_stability" or (one.rule, one.kind, one.shape) not in plain
        if not any(_fits(known, adapter.name, one) for known in _data()["stable"])
    ]


def keep(known: dict[str, dict[str, Any]]) -> None:
    """Write what was found, a line per adapter."""
    lines = (f'"{name}": {json.dumps(known[name], sort_keys=True)}' for name in sorted(known))
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="")


def kept() -> dict[str, dict[str, Any]]:
    """Return what was found before."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.is_file() else {}


def main() -> int:
    """Lint, print what nobody explains, write what was found, and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--stable", action="store_true", help="the variants that only append")
    given = options.parse_args()
    names, everything = given.names or list(chatadapters.names()), set(chatadapters.names())
    known, unknown = kept(), 0
    for name in names:
        adapter = chatadapters.load(name)
        entry = known.setdefault(name, {})
        if given.stable:
            variant = stable(adapter)
            wrong = added(adapter, variant or ())
            counted = {"findings": len(variant or ()), "added": len(wrong)}
            entry["stable"] = None if variant is None else counted
        else:
            found = origins(adapter)
            counts = Counter(f"{one.title}: {whose}" for one, whose in found)
            wrong = [one for one, whose in found if not whose]
            entry["plain"] = dict(sorted(counts.items()))
        unknown += len(wrong)
        for one in wrong:
            print(f"{name}: nobody's: {one}", file=sys.stderr, flush=True)
        keep({one: known[one] for one in known if one in everything})
    total: Counter[str] = Counter()
    for kept_one in known.values():
        total.update(kept_one.get("plain", {}))
    print("\n".join(f"{count:6} {kind}" for kind, count in sorted(total.items())))
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
