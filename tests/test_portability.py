"""The compiled templates in other engines, and the page about it (tools/portability.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import chatadapters
from chatadapters.verify import references
from tests.strategies import ABSENT, EVERY

SAMPLE = EVERY[::16]  # tools/portability.py renders every one, and .ci/run a few texts of each


@pytest.fixture
def tools(tool: Callable[[str], ModuleType]) -> dict[str, ModuleType]:
    """The modules of the tool."""
    names = ("portability", "portability_engines", "portability_page", "portability_run")
    return {name: tool(name) for name in names}


def entry(*differences: dict[str, Any]) -> dict[str, Any]:
    found = {"version": "1", "equal": 2, "differences": list(differences)}
    return {"template": "0" * 64, "printed": 3, "engines": {"llamacpp": found}}


def test_the_page_is_of_what_was_found(tools):
    page = tools["portability_page"]
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.kept())


def test_every_adapter_was_rendered_and_every_difference_has_a_reason(tools):
    page = tools["portability_page"]
    known = page.kept()
    assert sorted(known) == sorted(EVERY)
    assert all(sorted(one["engines"]) == sorted(page.TITLES) for one in known.values())
    assert page.unexplained(known) == []
    assert page.unused(known) == []


def test_a_difference_without_a_reason_is_said(tools):
    page = tools["portability_page"]
    known = {"x": entry({"kind": "differs", "said": "'a' became 'b'", "in": ["chat", "call"]})}
    assert page.unexplained(known) == ["x, llamacpp, chat, call: another text: 'a' became 'b'"]
    assert "Not yet explained" in page.page(known)
    assert page.unused(known) == [one["text"] for one in page.reasons()]


def test_what_changed_is_said(tools):
    tool, run = tools["portability"], tools["portability_run"]
    engine = tools["portability_engines"].Sandbox()
    engine.version = "1"
    context = {"messages": [{"role": "user", "content": "hi"}], "tools": None}
    source = "{{ messages[0].content }}!"
    wanted = engine.render(source, [context])
    same = run.compared(wanted, engine, source, [("chat", context)])
    other = run.compared(wanted, engine, source.replace("!", "?"), [("chat", context)])
    refused = run.compared(wanted, engine, "{{ 1 / 0 }}", [("chat", context)])
    assert (same.equal, same.differences) == (1, {})
    assert other.differences == {("differs", "'!' became '?'"): ["chat"]}
    assert [kind for kind, _ in refused.differences] == ["refuses"]

    before = {"template": "t", "engines": {"llamacpp": {"version": "1", **same.entry()}}}
    differing = tool.differing
    assert differing("x", "llamacpp", engine, before, same, "t") == []
    (said,) = differing("x", "llamacpp", engine, before, other, "t")
    assert "'!' became '?'" in said and "portability.py x" in said
    (said,) = differing("x", "llamacpp", engine, before, same, "u")
    assert "the template changed" in said
    (said,) = differing("x", "javascript", engine, before, same, "t")
    assert "not yet rendered" in said


@pytest.fixture(params=["minijinja", "javascript", "llamacpp"])
def engine(
    tools: dict[str, ModuleType],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Iterator[Any]:
    """An engine with its key, or None where it cannot be had."""
    engines = tools["portability_engines"]
    try:
        made = engines.ENGINES[request.param]()
    except engines.Missing as error:
        record_property(ABSENT, f"{request.param}: {error}")
        yield None, request.param
        return
    yield made, request.param
    made.close()


def test_an_engine_prints_the_same_texts(
    tools, engine, record_property: Callable[[str, object], None]
):
    """The sampled adapters, the known limits of the engine, and a template that differs."""
    tool, run, page = (tools[f"portability{part}"] for part in ("", "_run", "_page"))
    engine, key = engine
    if engine is None:
        return
    sandbox = tools["portability_engines"].Sandbox()
    for limit in (one for one in page.limits() if one["engine"] == key):
        given = [limit["context"]]
        assert sandbox.render(limit["source"], given)[0].text == limit["jinja2"]
        assert engine.render(limit["source"], given)[0].text == limit["prints"], "say it no more"
    samples = tool.conversations(tool.QUICK)
    if samples is None:
        record_property(ABSENT, f"{key}: the reference conversations, for other engines")
        return
    assert sorted(sample.name for sample in samples) == sorted(tool.QUICK)
    for name in SAMPLE:
        adapter = chatadapters.load(name)
        source, given = adapter.template(), run.contexts(adapter, samples)
        wanted = sandbox.render(source, [context for _, context in given])
        found = run.compared(wanted, engine, source, given)
        known = {
            name: {"template": "", "printed": 1, "engines": {key: {"version": "", **found.entry()}}}
        }
        assert page.unexplained(known) == []
    # The last of them again: each engine notices a change, and is asked about nothing else.
    assert any(one.text is not None for one in wanted)
    changed = run.compared(wanted, engine, source + "!", given)
    assert changed.equal == 0
    assert "differs" in {kind for kind, _ in changed.differences}
    if key == "llamacpp":
        context = given[0][1]
        assert engine.one(source, context) == engine.said(source, context)


def test_an_unknown_name_is_said(tools):
    with pytest.raises(SystemExit, match="neither an engine nor an adapter"):
        tools["portability"].chosen(["lamacpp"])
    assert tools["portability"].chosen(["llamacpp"]) == (["llamacpp"], list(chatadapters.names()))


def test_without_conversations_nothing_is_compared(tools, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(references.VARIABLE, str(tmp_path))
    references.forget()
    try:
        assert tools["portability"].conversations(None) is None
    finally:
        monkeypatch.undo()
        references.forget()


def test_what_is_kept_is_a_line_per_adapter(tools):
    page = tools["portability_page"]
    lines = page.KEPT.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(json.loads("\n".join(lines))) + 2
