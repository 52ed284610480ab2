"""What is found of a format: certificates of what it cannot carry, and how they read."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import Any

from .messages import Message

REFUSED, CHANGED, DROPPED, UNPRINTED, KEPT = "refused", "changed", "dropped", "unprinted", "carried"


@dataclass(frozen=True)
class Certificate:
    """One limit of a wire format, with the shortest counter-example that a search found.

    ``hole`` is what is limited: a field of the intermediate representation (``content``, ``name``,
    ``key``, ...), ``string``, ``value``, ``nested`` or ``nested key`` for arguments, or ``calls``,
    ``results``, ``roles``, ``tools``, ``wire``. ``kind`` says in one word what limits it, ``limit``
    in a sentence. ``message`` and ``tools`` are the counter-example, or ``wire``, where it is a
    text that a model may write; for ``results`` and ``roles``, ``message`` holds a whole
    conversation, as ``messages``. Of ``roles``, ``example`` is shorter than what was tried.
    ``fate`` is what becomes of it: ``refused`` by ``render`` (whose reason is ``refusal``),
    ``unprinted``, as nothing can be printed, ``changed`` or ``dropped``; ``back`` says what it is
    read back as. ``grammar`` is whether the emitted grammar excludes it, None where that was not
    tried.
    """

    hole: str
    kind: str
    limit: str
    example: str
    fate: str
    outcome: str
    message: Message | None = None
    tools: list[Message] | None = None
    wire: str | None = None
    back: Message | None = None
    refusal: str = ""
    grammar: bool | None = None

    def __str__(self) -> str:
        said = filter(None, [self.outcome, self.in_grammar])
        return f"{self.limit}: {self.example}: {'; '.join(said)}"

    @property
    def in_grammar(self) -> str:
        """Whether the emitted grammar excludes it, in words; "" where that was not tried."""
        if self.grammar is None:
            return ""
        return f"the grammar {'excludes' if self.grammar else 'allows'} it"


@dataclass(frozen=True)
class Searched:
    """How often a hole was tried: texts or values, how many were carried, and how many lost."""

    hole: str
    tried: int
    carried: int
    lost: int


@dataclass(frozen=True)
class Proof:
    """What was found of one adapter: certificates, what is carried, and what contradicts them.

    ``domains`` says of each hole which texts or values it carries. ``failures`` are claims that no
    run confirmed, and what a search found that is against them.
    """

    adapter: str
    domains: tuple[tuple[str, str], ...]
    certificates: tuple[Certificate, ...]
    carried: tuple[Certificate, ...]
    searched: tuple[Searched, ...] = ()
    failures: tuple[str, ...] = ()
    runs: int = field(default=0, compare=False)

    @property
    def ok(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        made = dataclasses.asdict(self)
        made["domains"] = [{"hole": hole, "carries": words} for hole, words in self.domains]
        found: dict[str, Any] = _plain({**made, "ok": self.ok})
        return found


def _plain(value: Any) -> Any:
    """Return a value with the names of the numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return json.dumps(value)
    return value


def shown(said: Message) -> str:
    """Return what a message says as one line: ``"content": "a", f({})``."""
    names = (("reasoning", "reasoning_content"), ("content", "content"))
    texts = [f'"{name}": {quoted(said[key])}' for key, name in names if said[key]]
    ids = [f'"id": {quoted(one or "")}' for one in said.get("ids", ())]
    return ", ".join([*texts, *_calls(said), *ids]) or '"content": ""'


def quoted(text: str) -> str:
    """Return a text as JSON; what is no text in UTF-8 is escaped."""
    made = json.dumps(text, ensure_ascii=False)
    return made if _utf8(made) else json.dumps(text)


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True


def outcome(wanted: Message, back: Message | None, refusal: str) -> str:
    """Return in words what becomes of a message."""
    if back is None:
        return refusal
    become, words = "would be" if refusal else "is", []
    for key in ("reasoning", "content"):
        if back[key] != wanted[key]:
            lost = not back[key]
            how = "lost" if lost else f"read back as {quoted(back[key])}"
            words.append(f"the {key} {become} {how}")
    if back["calls"] != wanted["calls"]:
        made = ", ".join(_calls(back))
        if not back["calls"]:
            words.append(f"the call {become} lost")
        elif not wanted["calls"]:
            words.append(f"it {become} read as the call {made}")
        else:
            words.append(f"it {become} read back as {made}")
    if back.get("ids") != wanted.get("ids") and back["calls"]:
        words.append(f"the id {become} read back as {quoted(str(back['ids'][0]))}")
    said = " and ".join(words)
    return f"render refuses it: {said or refusal}" if refusal else said


def fate(wanted: Message, back: Message | None, refusal: str) -> str:
    """Return in one word what becomes of a message that is not carried."""
    if back is None:
        return UNPRINTED
    if refusal:
        return REFUSED
    gone = any(wanted[key] and not back[key] for key in ("reasoning", "content", "calls"))
    return DROPPED if gone else CHANGED


def _calls(said: Message) -> list[str]:
    """Return calls as ``f({"a": 1})``, and one that is cut off as ``f({"a": ...``."""
    found = []
    for name, arguments in said["calls"]:
        name = name if re.fullmatch(r"[\w.:/-]+", name) else quoted(name)
        if not _utf8(arguments):
            arguments = json.dumps(json.loads(arguments))
        try:
            json.loads(arguments)
            found.append(f"{name}({arguments})")
        except ValueError:
            found.append(f"{name}({arguments}...")
    return found
