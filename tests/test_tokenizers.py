"""Law 8: through real tokenizers and back, printed answers parse to the same message."""

from collections.abc import Callable

import pytest

from chatadapters.verify.model import Tokenizer, tokens
from tests.strategies import ABSENT, subject
from tools import real_tokenizers

# tools/board.py tries every adapter whose special tokens one of these tokenizers knows.
CASES: dict[str, Callable[[], Tokenizer | None]] = {
    "chatglm3": real_tokenizers.chatglm3,
    "mistral_v3": real_tokenizers.mistral,
    "deepseek_v31": real_tokenizers.deepseek,
    "qwen3": real_tokenizers.qwen,
    "qwen3_coder": real_tokenizers.qwen,
}


@pytest.mark.parametrize("name", CASES)
def test_encode_decode_parse(name: str, record_property: Callable[[str, object], None]) -> None:
    tokenizer = CASES[name]()
    if tokenizer is None:
        record_property(ABSENT, f"{name}: its tokenizer")
        return
    result = tokens(subject(name), tokenizer, seed=1)
    assert result.failures == []
    assert result.checked > 100
