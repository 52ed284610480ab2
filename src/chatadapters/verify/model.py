"""Real model folders: a folder in, its chat template and tokenizer out; law 8 of a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ChatAdaptersError
from .choices import Seeded
from .laws import LawResult, inverse

if TYPE_CHECKING:
    from .laws import Subject


@dataclass(frozen=True)
class Tokenizer:
    """What law 8 needs of a tokenizer; ``marker`` gives a marker's one id, or None."""

    name: str
    encode: Callable[[str], list[int]]
    decode: Callable[[list[int]], str]
    marker: Callable[[str], int | None]


def chat_template(folder: Path) -> str:
    """Return the chat template of a model folder. Raises ``ChatAdaptersError``."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    config = folder / "tokenizer_config.json"
    try:
        found = json.loads(config.read_text(encoding="utf-8")).get("chat_template")
    except (OSError, ValueError, AttributeError) as error:
        raise ChatAdaptersError(
            f"{config}: no chat template can be read: {error}; name a model's folder"
        ) from None
    if isinstance(found, list):
        named = {item.get("name"): item.get("template") for item in found}
        found = named.get("tool_use") or named.get("default")
    if not isinstance(found, str):
        raise ChatAdaptersError(
            f"{folder}: has no chat_template.jinja and no chat_template in tokenizer_config.json"
        )
    return found


def tokenizer(folder: Path) -> Tokenizer | str:
    """Return the tokenizer of a model folder, or a sentence that says why there is none."""
    if (folder / "tokenizer.json").is_file():
        try:
            import tokenizers
        except ImportError:
            return "the tokenizer was not checked: pip install tokenizers"
        loaded = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        return Tokenizer(
            "tokenizer.json",
            lambda text: list(loaded.encode(text, add_special_tokens=False).ids),
            lambda ids: str(loaded.decode(ids, skip_special_tokens=False)),
            loaded.token_to_id,
        )
    return f"the tokenizer was not checked: {folder} has no tokenizer.json"


def tokens(subject: Subject, tokenizer: Tokenizer, seed: int, count: int = 100) -> LawResult:
    """Try law 8: encode, decode, parse is the identity; every marker of ``special`` is one id."""
    result = LawResult("tokenizer")
    known = [m for m in subject.adapter.declaration.special if tokenizer.marker(m) is not None]
    for mark in known:
        ids = tokenizer.encode(mark)
        result.add(
            None if ids == [tokenizer.marker(mark)] else f"{mark!r} is {ids} in {tokenizer.name}"
        )
    choices = Seeded(f"tokens {subject.adapter.name} {seed}")
    for _ in range(count):
        printed = subject.good(choices)
        pieces = deltas(tokenizer, printed.text)
        if "".join(pieces) == printed.text:
            result.add(inverse(subject, printed, pieces))
        else:
            result.add(f"{printed.text!r} decodes as {''.join(pieces)!r}")
    result.note = f"{len(known)} of {len(subject.adapter.declaration.special)} markers known"
    return result


def deltas(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the text as a server streams it: token by token, incomplete characters held back."""
    ids = tokenizer.encode(text)
    pieces: list[str] = []
    done = ""
    for end in range(1, len(ids) + 1):
        so_far = tokenizer.decode(ids[:end])  # one token alone may lose the space before it
        if end == len(ids) or not so_far.endswith("\ufffd"):
            pieces.append(so_far[len(done) :])
            done = so_far
    return pieces
