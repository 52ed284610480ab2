"""The public linter's findings on compiled templates are the vendor's, or have a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest

import chatadapters
from chatadapters.verify import references
from tests.strategies import ABSENT, EVERY

SAMPLE = EVERY[::12]  # tools/portability_lint.py asks about every one
# These rewrite history, and their variants do not; with --stable the tool asks about any variant.
STABLE = ("deepseek_v31", "exaone45", "kimi_k2_thinking", "qwen3_base")


@pytest.fixture
def lint(tool: Callable[[str], ModuleType]) -> ModuleType:
    return tool("portability_lint")


def test_every_finding_has_an_owner(lint, record_property: Callable[[str, object], None]):
    for name in SAMPLE:
        adapter = chatadapters.load(name)
        if any(references.find(one.sha256) is None for one in adapter.declaration.references):
            record_property(ABSENT, f"{name}: its official template, for the linter")
            continue
        found = lint.origins(adapter)
        assert [str(one) for one, whose in found if not whose] == []
        counts = Counter(f"{one.title}: {whose}" for one, whose in found)
        assert dict(counts) == lint.kept()[name]["plain"], f"tools/portability_lint.py {name}"


@pytest.mark.parametrize("name", STABLE)
def test_what_only_appends_adds_no_finding(lint, name: str):
    adapter = chatadapters.load(name)
    assert adapter.emit("stable") != adapter.template()
    variant = lint.stable(adapter)
    assert variant is not None
    assert [str(one) for one in lint.added(adapter, variant)] == []
    assert len(variant) == lint.kept()[name]["stable"]["findings"]


def test_what_our_template_adds_is_found(lint):
    """A content that is lost, a Python value and an end too many are nobody's."""
    adapter = chatadapters.load(next(name for name in SAMPLE if lint.kept()[name]["plain"] == {}))
    source = adapter.template()
    leaking = f"{source}{{{{- ' ' ~ none -}}}}"
    silent = source.replace("message.content", "message.nothing")
    for broken, rule in ((leaking, "no_repr_leak"), (silent, "content_order")):
        found = [one for one in lint.findings(broken) if one.rule == rule]
        assert found and lint._vendors(found[0], [lint.findings(source)]) == ""
    rewritten = [one for one in lint.findings(source + "!") if one.rule == "prefix_stability"]
    assert any("plain_multiturn" in one.shape for one in lint.added(adapter, rewritten))


def test_every_adapter_was_asked_about_and_every_reason_is_used(lint):
    known = lint.kept()
    assert sorted(known) == sorted(EVERY)
    whose = {title.partition(": ")[2] for one in known.values() for title in one["plain"]}
    assert "" not in whose
    ids = [one["id"] for one in lint.reasons()]
    assert sorted({*ids, lint.SAME, lint.ELSEWHERE, lint.UNPRINTED}) == sorted(whose)
    assert len(set(ids)) == len(ids)
    for one in lint.reasons():
        assert set(one.get("adapters", [])) <= set(EVERY), one["id"]
