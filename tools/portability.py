"""Render every compiled template in other engines, and write docs/portability.md.

python tools/portability.py                       every engine, every adapter; some minutes
python tools/portability.py llamacpp qwen25 glm45 these engines and adapters again, the others as
                                                  they were
python tools/portability.py --check               write nothing; exit 1 if something else was found
python tools/portability.py --quick               the same on a few conversations, as CI does
python tools/portability.py --page                write the page again, without any engine

What was found is kept in tools/portability.json; what we make of a difference stands in
tools/portability.toml, and a difference without a reason there is a failure. An engine that is not
here is said and left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from portability_engines import ENGINES, Engine, Missing, Sandbox
from portability_page import PAGE, ROOT, keep, kept, page, unexplained, unused
from portability_run import Finding, compared, contexts, sha256

import chatadapters
from chatadapters.errors import did_you_mean
from chatadapters.verify import references
from chatadapters.verify.conversations import Conversation

# Tools and a system text, two parallel calls with their results, a whole tool loop, reasoning.
QUICK = ("system_tools", "parallel_result", "final", "reason_call")


def main() -> int:
    """Render, print what was found, write or compare it, and return the exit status."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("names", nargs="*", metavar="NAME", help="an engine or an adapter")
    options.add_argument("--check", action="store_true", help="compare, write nothing")
    options.add_argument("--quick", action="store_true", help="compare on a few conversations")
    options.add_argument("--page", action="store_true", help="write the page, ask no engine")
    given = options.parse_args()
    engines, adapters = chosen(given.names)
    check, wrong = given.check or given.quick, list[str]()
    known = kept()
    if not given.page:
        samples = conversations(QUICK if given.quick else None)
        if not samples:
            print("not compared: the reference conversations are not here (CHATADAPTERS_REFERENCE)")
            return 0 if check and samples is None else 1
        here = dict(available(engines))
        if check and not here:
            wrong.append("no engine is here: nothing was compared")
        try:
            wrong += run(here, adapters, samples, known, check)
        finally:
            for engine in here.values():
                engine.close()
    if not check:
        if not given.names:
            known = {name: entry for name, entry in known.items() if name in adapters}
        keep(known)
        PAGE.write_text(page(known), encoding="utf-8", newline="")
        print(f"wrote {PAGE.relative_to(ROOT)}")
        wrong += [f"unexplained: {line}" for line in unexplained(known)]
        wrong += [f"a reason that explains nothing: {line}" for line in unused(known)]
    elif PAGE.read_text(encoding="utf-8") != page(known):
        wrong.append(f"{PAGE.relative_to(ROOT)} is old: run `python tools/portability.py --page`")
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    return 1 if wrong else 0


def chosen(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the engines and the adapters that were asked for; all of a kind if none was."""
    known = chatadapters.names()
    for name in names:
        if name not in ENGINES and name not in known:
            close = did_you_mean(name, [*ENGINES, *known])
            raise SystemExit(f"{name!r} is neither an engine nor an adapter{close}")
    engines = [name for name in names if name in ENGINES] or list(ENGINES)
    return engines, [name for name in names if name in known] or list(known)


def conversations(wanted: Sequence[str] | None) -> list[Conversation] | None:
    """Return the reference conversations, or those with the wanted names; None without any."""
    known = references.conversations()
    if known is None:
        return None
    return [
        Conversation(c["messages"], c["tools"], c["add_generation_prompt"], c["kwargs"], c["name"])
        for c in known
        if wanted is None or c["name"] in wanted
    ]


def available(keys: Sequence[str]) -> Iterator[tuple[str, Engine]]:
    """Give the engines that can be had, and say which cannot."""
    for key in keys:
        try:
            yield key, ENGINES[key]()
        except Missing as error:
            print(f"{key}: left out: {error}")


def run(
    engines: dict[str, Engine],
    adapters: Sequence[str],
    samples: Sequence[Conversation],
    known: dict[str, dict[str, Any]],
    check: bool,
) -> list[str]:
    """Render everywhere; note what was found in ``known``, or return how it differs from it."""
    sandbox, wrong = Sandbox(), list[str]()
    equal, asked = dict.fromkeys(engines, 0), 0
    for name in adapters:
        adapter = chatadapters.load(name)
        source, given = adapter.template(), contexts(adapter, samples)
        wanted = sandbox.render(source, [context for _, context in given])
        printed = sum(one.text is not None for one in wanted)
        asked += printed
        entry = known.get(name, {})
        if not check and entry.get("template") != sha256(source):
            entry = known[name] = {"template": sha256(source), "printed": printed, "engines": {}}
        if not check:
            entry["printed"] = printed
        for key, engine in engines.items():
            found = compared(wanted, engine, source, given)
            equal[key] += found.equal
            if check:
                wrong += differing(name, key, engine, entry, found, sha256(source))
            else:
                entry["engines"][key] = {"version": engine.version, **found.entry()}
        if not check:
            keep(known)  # so that a run that is ended goes on where it was
    for key, engine in engines.items():
        print(
            f"{key} {engine.version}: {equal[key]} of {asked} texts are equal to jinja2's, "
            f"{len(adapters)} adapters, {len(samples)} conversations"
        )
    return wrong


def differing(
    name: str, key: str, engine: Engine, entry: dict[str, Any], found: Finding, template: str
) -> list[str]:
    """Return how a finding differs from the kept one; it may be of fewer conversations."""
    again = f"run `python tools/portability.py {name}` and read what changed"
    if entry.get("template") != template:
        return [f"{name}: the template changed since it was rendered elsewhere: {again}"]
    before = entry["engines"].get(key)
    if before is None or before["version"] != engine.version:
        return [f"{name}: not yet rendered in {key} {engine.version}: {again}"]
    then, now = _by_sample(before), _by_sample(found.entry())
    return [
        f"{name}, {key}, {sample}: {now.get(sample, 'equal')}, not {then.get(sample, 'equal')}: "
        f"{again}"
        for sample in found.samples
        if now.get(sample) != then.get(sample)
    ]


def _by_sample(entry: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        sample: (one["kind"], one["said"])
        for one in entry.get("differences", ())
        for sample in one["in"]
    }


if __name__ == "__main__":
    raise SystemExit(main())
