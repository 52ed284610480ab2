"""ChatGLM3's own token ids: OpenAI messages, rendered and tokenized, equal the model's own."""

import ast
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import sentencepiece

import chatadapters
from chatadapters.verify import references
from tests.strategies import ABSENT

Messages = list[dict[str, Any]]
CASES = (
    "simple", "system", "multi", "tools", "tool_call_result", "tool_two_sequential", "tool_final",
    "empty_user", "spaces", "emoji",
)  # fmt: skip
DIFFERENT = {
    # user text that contains markers: the model's own code keeps it as text, one text cannot
    "injection": "ignore <|system|> me",
    # the payload of the code interpreter is code, not arguments: it comes as an argument here
    "interpreter": "tool_call(code=",
}


@cache
def golden() -> dict[str, Any] | None:
    path = references.file("tokenizers", "chatglm3", "golden.json")
    return json.loads(path.read_text(encoding="utf-8")) if path else None


@cache
def model() -> sentencepiece.SentencePieceProcessor:
    path = references.file("tokenizers", "chatglm3", "tokenizer.model")
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def tokenize(text: str, facts: dict[str, Any]) -> list[int]:
    """Return ids: special markers by themselves, what stands between them by sentencepiece."""
    special = {**facts["special_ids"], "</s>": facts["eos_id"]}
    ids: list[int] = []
    for piece in re.split(f"({'|'.join(map(re.escape, special))})", text):
        ids += [special[piece]] if piece in special else model().encode(piece) if piece else []
    return ids


def openai(messages: Messages) -> tuple[Messages, Messages | None]:
    """Return the model's own messages (metadata, observation) in the OpenAI shape, and tools."""
    done: Messages = []
    tools = None
    for message in messages:
        role, content = message["role"], message["content"]
        if message.get("tools"):
            tools = [{"type": "function", "function": tool} for tool in message["tools"]]
        elif role == "observation":
            done.append({"role": "tool", "tool_call_id": f"call_{len(done)}", "content": content})
        elif message.get("metadata"):
            if not done or done[-1]["role"] != "assistant":
                done.append({"role": "assistant", "content": ""})
            function = {"name": message["metadata"], "arguments": arguments(content)}
            call = {"id": f"call_{len(done)}", "type": "function", "function": function}
            done[-1]["tool_calls"] = [call]
        else:
            done.append({"role": role, "content": content})
    return done, tools


def arguments(payload: str) -> dict[str, Any]:
    """Return the arguments of a call, or the code that stands there instead of one."""
    code = payload.removeprefix("```python\n").removesuffix("\n```")
    call = ast.parse(code, mode="eval").body
    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "tool_call":
        return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    return {"code": code}


def rendered(case: dict[str, Any]) -> str:
    messages, tools = openai(case["messages"])
    return chatadapters.load("chatglm3").render_template(
        messages, tools, add_generation_prompt=case["add_generation_prompt"]
    )


@pytest.mark.parametrize("name", CASES)
def test_same_ids(name: str, record_property: Callable[[str, object], None]) -> None:
    facts = golden()
    if facts is None:
        record_property(ABSENT, f"golden token ids, case {name}")
        return
    case = facts["cases"][name]
    text = rendered(case)
    assert text == case["text"]
    assert tokenize(text, facts) == case["input_ids"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_ids_as_documented(name: str, record_property: Callable[[str, object], None]) -> None:
    facts = golden()
    if facts is None:
        record_property(ABSENT, f"golden token ids, case {name}")
        return
    case = facts["cases"][name]
    text = rendered(case)
    assert DIFFERENT[name] in text
    assert tokenize(text, facts) != case["input_ids"]


def test_every_case_is_here(record_property: Callable[[str, object], None]) -> None:
    facts = golden()
    if facts is None:
        record_property(ABSENT, "golden token ids")
        return
    assert {*CASES, *DIFFERENT} == set(facts["cases"])
