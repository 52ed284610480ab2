"""A tokenizer made for one adapter: its markers and some texts in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass
class Tokenizer:
    """A tokenizer for one adapter: its markers are one id each, other text is cut into words."""

    markers: Sequence[str]
    texts: Sequence[str]
    stop: str | None

    _WORDS = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"

    @cached_property
    def made(self) -> Any:
        """The tokenizer, as transformers wraps it."""
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        split = pre_tokenizers.Split(Regex(self._WORDS), behavior="isolated")
        words = dict.fromkeys(["<unk>", *map(chr, range(32, 127)), "\n", "\t"])
        for text in self.texts:
            words |= dict.fromkeys(text)
            for piece in _between(text, self.markers):
                words |= dict.fromkeys(word for word, _ in split.pre_tokenize_str(piece))
        model = models.WordPiece(
            vocab={word: number for number, word in enumerate(words)},
            unk_token="<unk>",
            continuing_subword_prefix="",
            max_input_chars_per_word=100_000,
        )
        made = Tokenizer(model)
        made.pre_tokenizer, made.decoder = split, decoders.Fuse()
        special = [AddedToken(marker, special=True, normalized=False) for marker in self.markers]
        made.add_special_tokens(special)
        return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=self.stop)

    def tokens(self, text: str) -> list[tuple[str, list[int]]]:
        """Return a text's tokens: the text of each, and its id."""
        got = self.made.backend_tokenizer.encode(text, add_special_tokens=False)
        found = zip(got.ids, got.offsets, strict=True)
        return [(text[start:end], [number]) for number, (start, end) in found]


def _between(text: str, markers: Sequence[str]) -> list[str]:
    pieces = [text]
    for marker in markers:
        pieces = [part for piece in pieces for part in piece.split(marker)]
    return [piece for piece in pieces if piece]
