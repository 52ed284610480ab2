"""What an adapter can do: an adapter in, plain facts for people and the index out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..abilities import capabilities

if TYPE_CHECKING:
    from pathlib import Path

    from ..adapter import Adapter

__all__ = ["capabilities", "file_name", "history", "model", "prose", "summary"]

HISTORY = {
    "last_user": "reasoning is kept after the last user message and dropped before it",
    "all": "all past reasoning is kept",
    "none": "no past reasoning is kept",
    "tool_turns": "reasoning is kept in the turns that call tools",
    "tool_turns_after_last_user": (
        "reasoning is kept in the turns that call tools after the last user message"
    ),
    "since_last_final": "reasoning is kept since the last answer without tool calls",
    "last_only": "reasoning is kept in the last message only",
}


EVIDENCE = {
    "template": "the vendor's chat template",
    "parser": "an engine's parser alone: no official template is known",
    "encoder": "the vendor's own program: there is no chat template",
}


def file_name(name: str, target: str) -> str:
    """Return the name of the file that a target is written to."""
    from ..emit import OTHER_TARGETS, REQUEST_TARGETS, TARGETS

    ending = {**TARGETS, **OTHER_TARGETS, **REQUEST_TARGETS}[target]
    if ending.endswith(".py"):  # it must be importable
        name = "".join(c if c.isalnum() else "_" for c in name)
        name = f"_{name}" if name[0].isdigit() else name
    return name + ending


def summary(can: dict[str, Any]) -> str:
    """Return capabilities as a few words."""
    words = [word for word in ("tools", "reasoning") if can.get(word)]
    if can.get("parallel_calls"):
        words.insert(1, "parallel")
    return ", ".join(words) or "plain chat"


def history(adapter: Adapter) -> list[str]:
    """Return what happens to past reasoning, a sentence for each case."""
    output = adapter.declaration.output
    policy = output.history
    if not capabilities(adapter)["reasoning"]:
        return []
    if output.history_when is not None:
        return [f"reasoning is kept in the turns where this holds: {output.history_when}"]
    if isinstance(policy, str):
        return [HISTORY[policy]]
    return [
        f"{option} = {value}: {HISTORY[name]}"
        for option, cases in policy.items()
        for value, name in cases.items()
    ]


def prose(path: Path) -> str:
    """Return the comment at the top of a declaration: what its author says about the format."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("#:"):
            lines.append(line[1:].removeprefix(" ").rstrip())
    return "\n".join(lines).strip()


def model(adapter: Adapter) -> str:
    """Return a model id to show in examples: the official one, or a stand-in."""
    from ..registry import specificity

    declared = adapter.declaration
    known = [r.model for r in declared.references] + [
        p for p in declared.models if specificity(p)[1]
    ]
    return known[0] if known else "MODEL"
