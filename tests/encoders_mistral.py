"""mistral-common, Mistral's own encoder: the tokenizers that it ships, and byte-wise stand-ins."""

from __future__ import annotations

import base64
import re
from functools import cache, partial
from pathlib import Path

import mistral_common
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers import instruct
from mistral_common.tokens.tokenizers.base import (
    SpecialTokenPolicy,
    SpecialTokens,
    TokenizerVersion,
)
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.model_settings_builder import ModelSettingsBuilder
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import SpecialTokenInfo, Tekkenizer, TokenInfo

from chatadapters.verify.conversations import Conversation
from tests.encoders_mistral_differences import (
    BLANKS,
    DEVELOPER,
    EDGES,
    JOINED,
    NO_TOOLS,
    NONE,
    OLD,
    OLDEST,
    REPEATED,
    THINKING,
    old_plainer,
    plainer,
    suited,
    with_system,
)
from tests.encoders_run import ORDER, Encoder, RefusedError

DATA = Path(mistral_common.__file__).parent / "data"
V1 = "tokenizer.model.v1"
V3, NEMO = "mistral_instruct_tokenizer_240323.model.v3", "tekken_240718.json"


@cache
def shipped(file: str) -> MistralTokenizer:
    return MistralTokenizer.from_file(DATA / file, ValidationMode.agnostic)


@cache
def bytewise(version: str) -> MistralTokenizer:
    """Return the encoder of a version whose vocabulary is in no package: one token a byte."""
    number = TokenizerVersion(version)
    effort = {"type": "enum", "values": ["none", "high"], "accepts_none": True, "default": "none"}
    settings = (
        ModelSettingsBuilder.model_validate({"reasoning_effort": effort})
        if number.supports_model_settings
        else None
    )
    tekken = Tekkenizer(
        [TokenInfo(rank=n, token_bytes=_base64(n), token_str=None) for n in range(256)],
        [
            SpecialTokenInfo(rank=n, token_str=mark.value, is_control=True)
            for n, mark in enumerate(SpecialTokens)
        ],
        pattern=r"[\s\S]",
        vocab_size=256 + 100,
        num_special_tokens=100,
        version=number,
        model_settings_builder=settings,
    )
    return MistralTokenizer(
        getattr(instruct, f"InstructTokenizerV{version[1:]}")(tekken),
        get_validator(number, ValidationMode.agnostic),
        get_normalizer(number, settings),
    )


def _base64(byte: int) -> str:
    return base64.b64encode(bytes([byte])).decode()


def encode(tokenizer: MistralTokenizer, sample: Conversation) -> tuple[str, list[int]]:
    try:
        request = ChatCompletionRequest.from_openai(sample.messages, sample.tools)
        ids = tokenizer.encode_chat_completion(request).tokens
    except (MistralCommonException, ValueError) as error:
        raise RefusedError(str(error)) from error
    return _text(tokenizer.instruct_tokenizer.tokenizer, ids), ids


def _text(inner: Tekkenizer | SentencePieceTokenizer, ids: list[int]) -> str:
    if isinstance(inner, Tekkenizer):
        return inner.decode(ids, SpecialTokenPolicy.KEEP)
    done = bytearray()
    for piece in map(inner.id_to_piece, ids):
        byte = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
        done += bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
    return done.decode()


def found(file: str, text: str) -> list[int]:
    """Return the ids of a text: control tokens first, what is between them by the model."""
    inner = shipped(file).instruct_tokenizer.tokenizer
    marks = sorted((str(inner.id_to_piece(n)) for n in inner.special_ids), key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, marks))})", text)
    plain = isinstance(inner, Tekkenizer)  # sentencepiece puts a space before each text by itself
    return [
        number
        for at, piece in enumerate(pieces)
        if piece
        for number in (
            [inner.get_special_token(piece)]
            if at % 2
            else inner.encode(piece if plain else piece.removeprefix(" "), bos=False, eos=False)
        )
    ]


VERSIONS = {
    "mistral_v7": ("v7", (NO_TOOLS, BLANKS, DEVELOPER, JOINED)),
    "mistral_v11": ("v11", (BLANKS, ORDER, DEVELOPER, JOINED, NONE, REPEATED)),
    "mistral_v13": ("v13", (BLANKS, ORDER, THINKING, DEVELOPER)),
    "ministral3_3b": ("v13", (BLANKS, ORDER, THINKING, DEVELOPER)),
    "ministral3_8b": ("v13", (BLANKS, ORDER, THINKING, DEVELOPER)),
    "ministral3_reasoning": ("v13", (BLANKS, ORDER, DEVELOPER)),
    "mistral_large3": ("v13", (BLANKS, ORDER, DEVELOPER)),
    "devstral2": ("v13", (BLANKS, ORDER, THINKING, DEVELOPER)),
    "mistral_v15": ("v15", (BLANKS, ORDER, DEVELOPER)),
    "mistral_medium35": ("v15", (BLANKS, ORDER, DEVELOPER)),
    "leanstral": ("v15", (BLANKS, ORDER, DEVELOPER)),
}


def encoders() -> list[Encoder]:
    """Return mistral-common's encoders for the adapters of Mistral's formats."""
    made = [
        Encoder(
            name,
            f"mistral-common, its {file}",
            lambda sample, file=file: encode(shipped(file), sample),
            differences,
            suited,
            old_plainer,
            partial(found, file),
            least=45 if differences is OLDEST else 60,  # it has no tools
        )
        for name, file, differences in (
            ("mistral_v1", V1, OLDEST),
            ("mistral_v3", V3, (*OLD, EDGES)),
            ("mistral_nemo", NEMO, (*OLD, BLANKS)),
        )
    ]
    return made + [
        Encoder(
            name,
            f"mistral-common {version}",
            lambda sample, version=version: encode(bytewise(version), sample),
            differences,
            with_system,
            plainer,
            least=45 if NO_TOOLS in differences else 60,
        )
        for name, (version, differences) in VERSIONS.items()
    ]
