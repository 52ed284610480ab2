"""What one adapter prints for the probes: a declaration in, its entry of the table out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..adapter import Adapter
from ..declaration import Declaration
from ..verify.agreement import compiled, with_own_ids
from ..verify.conversations import Conversation
from .known import Entry, hashed, sources, variables
from .probes import OPTIONS, all_probes, probes
from .template import renderer


def made(declaration: Declaration, officials: Iterable[str] = ()) -> Entry:
    """Return the entry of an adapter; ``officials`` are the templates that it was compared with."""
    adapter = Adapter(declaration)
    options = {
        name: list(OPTIONS.get(name, (True, False)))
        for name, default in adapter.declaration.options.items()
        if isinstance(default, bool) or default == {} or name in OPTIONS
    }
    ours, ids, held = _rendered(adapter, options)
    keys = [key for key, _, _ in all_probes(options)]
    return {
        "declaration": sources(Path(declaration.file)),
        "tokens": dict(declaration.tokens),
        "options": options,
        "ids": ids,
        "held": held,
        "calls": _calls(adapter),
        "templates": [reference.sha256 for reference in declaration.references],
        "ours": " ".join(ours[key] for key in keys),
        "official": [
            " ".join(map(_official(adapter, text, options, ids).__getitem__, keys))
            for text in officials
        ],
    }


def _rendered(
    adapter: Adapter, options: dict[str, list[object]]
) -> tuple[dict[str, str], dict[str, list[str]], list[str]]:
    """Return hashes, ids that differ from the probe's own, and where deviations are declared."""
    render = renderer(adapter.emit("jinja"))
    deviating = adapter.declaration.deviations
    conditions = compiled(adapter, "deviation_template") if deviating else None
    ours: dict[str, str] = {}
    ids: dict[str, list[str]] = {}
    held: list[str] = []
    for key, _, probe in all_probes(options):
        sample = Conversation(probe.messages, probe.tools, probe.prompt, probe.options)
        given, sample = sample.calls(), with_own_ids(adapter, sample)
        own = [call["id"] for call in sample.calls()]
        if own != [call["id"] for call in given]:
            ids[key] = own
            probe = probe.with_ids(own)
        ours[key] = hashed(_try(render, variables(probe, adapter.declaration.tokens)))
        if conditions is not None and (_try(conditions, sample) or "").strip(" ,"):
            held.append(key)
    return ours, ids, held


def _official(
    adapter: Adapter, text: str, options: dict[str, list[object]], ids: dict[str, list[str]]
) -> dict[str, str]:
    render = renderer(text)
    found = {}
    for key, _, probe in all_probes(options):
        probe = probe.with_ids(ids[key]) if key in ids else probe
        found[key] = hashed(_try(render, variables(probe, adapter.declaration.tokens)))
    return found


def _calls(adapter: Adapter) -> str:
    """Return how the adapter spells two calls, what depends on the turn left aside."""
    probe = next(probe for probe in probes() if probe.name == "two calls")
    sample = Conversation(probe.messages, probe.tools, False, {})
    messages = with_own_ids(adapter, sample).messages
    name = str(messages[-1]["tool_calls"][0]["function"]["name"])
    text = _try(lambda given: adapter.output(given, probe.tools), messages) or ""
    return text.strip() if name in text else ""


def _try(render: Any, given: Any) -> str | None:
    try:
        return str(render(given))
    except Exception:  # a template refuses in any way it likes
        return None
