"""What the prefix accountant plays and says: conversations and sentences, without any adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .prefix import Case, Prefix

LOOP, CHAT, QUESTION = "tool loop", "chat", "question after a tool loop"
UNPLAYED = "no conversation could be played"
APART = "what repairs some conversations breaks others"
_BARE, _OFF = " without reasoning", " with thinking off"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Read a part of a file.",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
                "required": ["path"],
            },
        },
    }
]
"""The tool that the loop calls."""
OPENING: list[dict[str, Any]] = [
    {"role": "system", "content": "You find the causes of failing tests."},
    {"role": "user", "content": "The test of the mean fails since yesterday. Find out why."},
]
_THOUGHT = (
    "The file that was read last names another one, so the cause has not been found yet. I read "
    "the next file from the line where the function begins, and compare what it returns with what "
    "the test expects."
)
_RESULT = (
    "def total(rows):\n    found = 0\n    for row in rows:\n        if row.kept:\n"
    "            found += row.size\n    return found\n\n\ndef mean(rows):\n"
    "    kept = [row for row in rows if row.kept]\n"
    "    return total(rows) / len(kept) if kept else 0\n"
)
_ANSWER = "The sum counts rows that were dropped before. Filter them first, then the mean is right."


@dataclass(frozen=True)
class Features:
    """What a conversation has.

    ``kind`` is what its turns are; ``calls`` how many calls an answer has; ``beside`` whether text
    stands beside them; ``white`` whether the model writes white space around its text; ``clock``
    whether a day passes between turns; ``ids`` whether the client makes ids of its own; ``closed``
    whether the generation prompt opens and closes the reasoning.
    """

    kind: str = LOOP
    calls: int = 0
    reasoning: bool = False
    beside: bool = False
    white: bool = False
    clock: bool = False
    ids: bool = False
    closed: bool = False

    def script(self, count: int) -> list[str]:
        """Return what the answers are: ``call`` or ``answer``."""
        loop = ["call" if self.calls else "answer"] * count
        return [*loop, "answer"] if self.kind == QUESTION else loop


CONVERSATIONS = {
    LOOP: Features(LOOP, 1, True, True),
    LOOP + _BARE: Features(LOOP, 1, False, True),
    LOOP + _OFF: Features(LOOP, 1, False, True, closed=True),
    CHAT: Features(CHAT, 0, True),
    CHAT + _BARE: Features(CHAT),
    CHAT + _OFF: Features(CHAT, closed=True),
    QUESTION: Features(QUESTION, 1, True, True),
    QUESTION + _BARE: Features(QUESTION, 1, False, True),
}
MAIN = tuple(CONVERSATIONS)  # what the stable template must extend
CONVERSATIONS |= {
    "two calls in one answer": Features(LOOP, 2),
    "calls without text beside them": Features(LOOP, 1),
    "white space around answers": Features(CHAT, white=True),
    "a day that passes": Features(CHAT, clock=True),
    "ids of the client's own": Features(LOOP, 1, ids=True),
}
ALSO = tuple(CONVERSATIONS)[len(MAIN) :]


def answer(features: Features, kind: str, number: int) -> dict[str, Any]:
    """Return the answer to prompt ``number``."""
    message: dict[str, Any] = {"role": "assistant", "content": f"{number}: {_ANSWER}"}
    if features.reasoning:
        message["reasoning_content"] = f"Step {number}. {_THOUGHT}"
    if kind == "call":
        message["content"] = f"I read file {number}." if features.beside else ""
        message["tool_calls"] = [
            {
                "id": f"call_{number}_{index}",
                "type": "function",
                "function": {
                    "name": "read_file",
                    "arguments": {"path": f"src/part_{number}_{index}.py", "line": 10 + number},
                },
            }
            for index in range(features.calls)
        ]
    return message


def reply(kind: str, number: int, said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the client adds after an answer: the results, or the next question."""
    if kind == "answer":
        return [{"role": "user", "content": f"And question {number}: what of the median?"}]
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": f"# {number}.{index}\n{_RESULT}"}
        for index, call in enumerate(said.get("tool_calls", ()))
    ]


WHY = {
    "history": "past reasoning is dropped",
    "begun": "the reasoning block of the generation prompt is not printed again",
    "last": "the last message is not printed as it is later",
    "next": "a turn is printed in another way once another one follows it",
    "last_user": "what is printed depends on where the last user message stands",
    "generation_prompt": "turns are not printed in front of a generation prompt as they are later",
    "facts": "what earlier turns print is computed from all messages",
    "trims": "texts are trimmed",
    "date": "the date is printed",
    "ids": "ids that are not of the declared form are rewritten",
}


def difference(case: Case) -> str:
    """Return where a prompt differs from what was read."""
    assert case.differs is not None
    read, now = (json.dumps(text, ensure_ascii=False) for text in case.differs)
    return f"where {read} was read, the next prompt has {now}"


def why(case: Case) -> str:
    """Return by what a case does not extend."""
    return "; ".join(WHY[rule] for rule in case.rules) or difference(case)


def sentences(found: Prefix) -> Iterator[str]:
    """Give what was found of an adapter, a sentence for each fact."""
    main = [case for case in found.cases if case.what in MAIN and not case.extends]
    if not any(case.what in MAIN for case in found.cases):
        yield UNPLAYED
    elif not main:
        yield "every prompt begins with all that was read and written of the conversation"
    for case in main:
        turns = len(case.requests) - 1
        cost = f"{case.share():.0%} of what is read in {turns} turns was read before"
        yield f"{case.what}: {why(case)}: {cost}"
    for case in found.cases:
        if case.what not in MAIN and not case.extends:
            yield f"{case.what}: {why(case)}"
    if main and not found.unstable:
        yield f"`adapters compile {found.name} --target stable` writes a template that only appends"
    elif main:
        yield f"no template that only appends was found ({found.unstable})"
