"""DeepSeek's and Inkling's encoders, single files in vLLM that need nothing else of it."""

from __future__ import annotations

import copy
import importlib.util
import re
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from types import ModuleType

from chatadapters.verify.conversations import Conversation
from chatadapters.verify.schemas import Json
from tests.encoders_run import ORDER, Encoder, RefusedError

AFTER = ("user", "tool", "developer")


@cache
def module(path: str) -> ModuleType:
    """Return the encoder in a file of vLLM, without importing vLLM. Raises ``ImportError``."""
    found = importlib.util.find_spec("vllm")
    if found is None or not found.submodule_search_locations:
        raise ImportError("vllm is not installed")
    file = Path(found.submodule_search_locations[0]) / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def encode(name: str, thinking: bool, sample: Conversation) -> tuple[str, None]:
    """Print a conversation with tools in its first system message, as the encoder expects them."""
    messages = copy.deepcopy(sample.messages)
    for message in messages:
        reasoning = message.get("reasoning_content")
        message.update({"reasoning": reasoning} if reasoning else {})
    if sample.tools:
        system = next((m for m in messages if m["role"] == "system"), None)
        if system is None:
            messages.insert(0, system := {"role": "system", "content": ""})
        system["tools"] = sample.tools
    mode = "thinking" if thinking else "chat"
    try:
        encoder = module(f"tokenizers/{name}_encoding.py")
        return str(encoder.encode_messages(messages, mode)), None
    except (ValueError, AssertionError, RuntimeError) as error:
        raise RefusedError(str(error)) from error


def suited(options: Json, sample: Conversation) -> Conversation:
    """Set the options, join text parts, and ask for an answer where the encoder always does."""
    sample.options = dict(options)
    sample.add_generation_prompt = sample.messages[-1]["role"] in AFTER
    for message in sample.messages:
        if isinstance(message.get("content"), list):
            message["content"] = "".join(part["text"] for part in message["content"])
    return sample


def ordered(sample: Conversation) -> Conversation:
    """Return a conversation whose results come in the order of their calls."""
    calls, done = [call["id"] for call in sample.calls()], list[Json]()
    for results, group in groupby(sample.messages, lambda message: message["role"] == "tool"):
        turns = list(group)
        done += sorted(turns, key=lambda m: calls.index(m["tool_call_id"])) if results else turns
    sample.messages = done
    return sample


class _Texts:
    """What Inkling's encoder takes for a tokenizer: one id for each piece of text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def encode_special(self, token: str) -> int:
        self.pieces.append(token)
        return len(self.pieces) - 1

    def encode_text(self, text: str) -> list[int]:
        return [self.encode_special(text)]


def inkling(sample: Conversation) -> tuple[str, None]:
    """Print a conversation with Inkling's encoder."""
    texts = _Texts()
    encoder = module("renderers/inkling_encoding.py")
    try:
        ids = encoder.render_inkling_messages(
            sample.messages,
            texts,
            add_generation_prompt=sample.add_generation_prompt,
            tools=sample.tools,
        )
    except (ValueError, TypeError) as error:
        raise RefusedError(str(error)) from error
    return "".join(texts.pieces[number] for number in ids), None


def _nameless(text: str) -> str:
    """Leave out the name in front of a call's block, which the adapter leaves out (it says so)."""
    return re.sub(r"(<\|message_model\|>)[\w-]+(<\|content_invoke_tool_json\|>)", r"\1\2", text)


def _preamble(text: str) -> str:
    """Leave out the blank lines before the tools, which vLLM's copy of the encoder has lost."""
    before = re.compile(r"## Tools\n.*?\n<functions>\n", re.DOTALL)
    return before.sub(lambda found: re.sub(r"\n+", "\n", found[0]), text)


def _turns(*roles: str) -> Conversation:
    """Return a conversation of short texts; a "call" is an answer that calls a tool."""
    sample = Conversation([], name=", ".join(roles))
    for role in roles:
        message: Json = {"role": "assistant" if role == "call" else role, "content": "Well."}
        if message["role"] == "assistant":
            message["reasoning_content"] = "Because."
        if role == "call":
            function = {"name": "now", "arguments": {"zone": "UTC"}}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        if role == "tool":
            message["tool_call_id"] = "call_1"
        sample.messages.append(message)
    return sample


LATE = (
    _turns("system", "system", "user"),
    _turns("user", "system"),
    _turns("user", "system", "assistant"),
    _turns("user", "assistant", "system", "user", "assistant"),
    _turns("user", "call", "tool", "system", "assistant"),
    _turns("user", "call", "tool", "user", "user", "assistant"),
    _turns("user", "assistant", "developer", "assistant"),
)


def encoders() -> list[Encoder]:
    """Return DeepSeek's encoders, without and with thinking."""
    made = []
    for thinking in (False, True):
        how = "with thinking" if thinking else "without thinking"
        mode = {"thinking_mode": "thinking" if thinking else "chat"}
        made += [
            Encoder(
                name,
                f"DeepSeek's encoder in vLLM, {how}",
                partial(encode, name, thinking),
                differences,
                partial(suited, options),
                ordered,
                seen=seen,
                more=more,
            )
            for name, options, differences, seen, more in (
                ("deepseek_v32", {"enable_thinking": thinking}, (), _preamble, LATE),
                ("deepseek_v4", mode, (ORDER,), str, ()),
                ("deepseek_v41", mode, (ORDER,), str, ()),
            )
        ]
    return [
        *made,
        Encoder("inkling", "Inkling's encoder in vLLM", inkling, seen=_nameless),
    ]
