"""The page of other projects' parsers and its data: adapters, parsers and cases that exist."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
DATA = tomllib.loads((ROOT / "tools" / "conformance.toml").read_text(encoding="utf-8"))
ENGINES = {"vLLM": "vllm", "SGLang": "sglang", "transformers": "transformers"}
ROWS = [
    (adapter, f"{ENGINES[engine]}:{name}")
    for adapter, engine, name in re.findall(r"^\| `(\w+)` \| (\w+) `([^`]+)` \|", PAGE, re.M)
]
ALIASES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8")).get("aliases", {})
    for path in (ROOT / "adapters").glob("*.toml")
}
PEERS = {
    f"{engine}:{alias}"
    for aliases in ALIASES.values()
    for engine, named in aliases.items()
    for alias in named
} | {peer for _, peer in ROWS if peer.startswith("transformers:")}


def test_every_row_is_an_adapter_and_a_parser_of_its_format():
    assert len(ROWS) > 50
    for adapter, peer in ROWS:
        engine, _, name = peer.partition(":")
        assert adapter in ALIASES
        if engine != "transformers":
            assert name in ALIASES[adapter][engine], (adapter, peer)


def test_every_table_of_the_data_names_known_parsers():
    named = {*DATA["not_asked"], *DATA["markers"], *DATA["settings"], *DATA["tokenizer"]}
    for engine, beside in DATA["reasoning"].items():
        named |= {f"{engine}:{name}" for name in beside}
    assert named <= PEERS


def test_every_reading_is_of_known_parsers_and_messages(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import conformance_cases

    cases = [case.name for case in conformance_cases.cases()]
    assert len(set(cases)) == len(cases)
    for reading in DATA["readings"]:
        text = reading["text"]
        assert reading["who"] in ("ours", "theirs", "either", "open"), text
        for pattern in reading["peers"]:
            assert any(fnmatchcase(peer, pattern) for peer in PEERS), (pattern, text)
        for pattern in reading.get("cases", ()):
            assert any(fnmatchcase(case, pattern) for case in cases), (pattern, text)
        assert set(reading.get("ways", ())) <= {"whole", "tokens", "pieces"}, text


def test_every_reading_is_on_the_page():
    for reading in DATA["readings"]:
        text = reading["text"].strip()
        assert text in PAGE, f"write the page again (tools/conformance.py --page): {text}"
