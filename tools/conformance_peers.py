"""The parsers of vLLM, SGLang and transformers: a printed answer in, what they read out.

Each peer is built for one adapter and asked as its own server asks it. A peer's ``whole`` takes an
answer at once, ``stream`` takes it in pieces; both return a ``Read``.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from conformance_cases import Printed

Pieces = Sequence[tuple[str, list[int]]]  # texts, each with its token ids


@dataclass
class Read:
    """What a peer makes of an answer: arguments are JSON texts, as a client receives them."""

    content: str = ""
    reasoning: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def add(self, index: int, name: str | None, arguments: str | None) -> None:
        """Take a delta of a call, as a client's accumulator does."""
        while len(self.calls) <= index:
            self.calls.append(["", ""])
        self.calls[index][0] += name or ""
        self.calls[index][1] += arguments or ""


class Peer(Protocol):
    """A parser of another project's."""

    def text(self, one: Printed) -> str:
        """Return the part of an answer that this peer is given."""
        ...

    def whole(self, one: Printed, ids: list[int]) -> Read: ...

    def stream(self, one: Printed, pieces: Pieces) -> Read: ...


class Vllm:
    """vLLM's parser of one name, in the object that its server builds for each request."""

    def __init__(self, name: str, reasoning: str, tokenizer: Any, settings: Any = None) -> None:
        from vllm.parser.parser_manager import ParserManager

        made = ParserManager.get_parser(
            tool_parser_name=name,
            reasoning_parser_name=reasoning or None,
            enable_auto_tools=True,
            is_harmony=name == "openai",
        )
        assert made is not None
        self._make, self._tokenizer, self._thinks = made, tokenizer, reasoning
        self._settings = dict(settings or {})  # for the chat template, sent with the request

    def text(self, one: Printed) -> str:
        return one.text if self._thinks else one.rest

    def _stop(self, one: Printed) -> list[int]:
        return [self._tokenizer.convert_tokens_to_ids(one.end)] if one.end else []

    def _start(self, one: Printed, stream: bool) -> tuple[Any, Any, list[int]]:
        from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

        options = {**one.options, **self._settings}
        request = ChatCompletionRequest(
            model="model",
            messages=[{"role": "user", "content": "Hello"}],
            tools=one.case.tools,
            tool_choice="auto",
            stream=stream,
            chat_template_kwargs=options,
        )
        parser = self._make(
            self._tokenizer,
            request.tools,
            chat_template_kwargs=options,
            model_config=None,
        )
        prompt = self._tokenizer.encode(one.prompt, add_special_tokens=False)
        parser.set_prompt_token_ids(prompt)
        return parser, request, prompt

    def whole(self, one: Printed, ids: list[int]) -> Read:
        parser, request, _ = self._start(one, False)
        ended = [*ids, *self._stop(one)]
        reasoning, content, calls = parser.parse(
            self.text(one), request, enable_auto_tools=True, model_output_token_ids=ended
        )
        found = [[call.name, call.arguments] for call in calls or ()]
        return Read(content or "", reasoning or "", found)

    def stream(self, one: Printed, pieces: Pieces) -> Read:
        parser, request, prompt = self._start(one, True)
        if self._stop(one):  # its id arrives, its text does not
            pieces = [*pieces, ("", self._stop(one))]
        found = Read()
        for number, (text, ids) in enumerate(pieces, 1):
            delta = parser.parse_delta(
                text, list(ids), request, prompt_token_ids=prompt, finished=number == len(pieces)
            )
            if delta is None:
                continue
            found.content += delta.content or ""
            found.reasoning += delta.reasoning or ""
            for call in delta.tool_calls or ():
                function = call.function
                if function is not None:
                    found.add(call.index, function.name, function.arguments)
        return found


class Sglang:
    """SGLang's detector of one name, and the reasoning detector before it."""

    def __init__(self, name: str, reasoning: str, tokenizer: Any, settings: Any = None) -> None:
        prepare_sglang()
        del settings
        self._name, self._thinks, self._tokenizer = name, reasoning, tokenizer
        self._parser([])

    def _parser(self, tools: list[Any]) -> Any:
        protocol = import_module("sglang.srt.entrypoints.openai.protocol")
        calls = import_module("sglang.srt.function_call.function_call_parser")
        given = [protocol.Tool.model_validate(tool) for tool in tools]
        return calls.FunctionCallParser(given, self._name, tokenizer=self._tokenizer)

    def _reasoner(self, one: Printed) -> Any:
        return import_module("sglang.srt.parser.reasoning_parser").ReasoningParser(
            self._thinks,
            stream_reasoning=True,
            force_reasoning=one.opened,
            tokenizer=self._tokenizer,
            tool_call_parser_active=True,
        )

    def text(self, one: Printed) -> str:
        return one.text if self._thinks else one.rest

    def whole(self, one: Printed, ids: list[int]) -> Read:
        del ids
        text, reasoning = self.text(one), ""
        if self._thinks:
            thought, left = self._reasoner(one).parse_non_stream(text)
            reasoning, text = thought or "", left or ""
        parser = self._parser(one.case.tools)
        if not parser.has_tool_call(text):
            return Read(text, reasoning)
        text, calls = parser.parse_non_stream(text)
        return Read(text or "", reasoning, [[call.name or "", call.parameters] for call in calls])

    def stream(self, one: Printed, pieces: Pieces) -> Read:
        found = Read()
        reasoner = self._reasoner(one) if self._thinks else None
        parser = self._parser(one.case.tools)
        for number, (text, _) in enumerate(pieces, 1):
            last = number == len(pieces)
            if reasoner is not None:
                thought, text = reasoner.parse_stream_chunk(text)
                found.reasoning += thought or ""
                if last:
                    thought, more = reasoner.parse_stream_end()
                    found.reasoning, text = found.reasoning + (thought or ""), text + (more or "")
            if text:
                self._take(found, parser.parse_stream_chunk(text))
            if last:
                self._take(found, parser.parse_stream_end())
        self._unstreamed(found, parser.detector)
        return found

    @staticmethod
    def _take(found: Read, given: tuple[str, Iterable[Any]]) -> None:
        text, calls = given
        found.content += text or ""
        for call in calls:
            found.add(call.tool_index, call.name, call.parameters)

    @staticmethod
    def _unstreamed(found: Read, detector: Any) -> None:
        """Add what the server still sends of the last call's arguments when an answer ends."""
        known = getattr(detector, "prev_tool_call_arr", None)
        sent = getattr(detector, "streamed_args_for_tool", None)
        if not known or not sent or len(known) > len(sent):
            return
        index = len(known) - 1
        wanted = known[index].get("arguments", {})
        wanted = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
        if wanted.startswith(sent[index]):
            found.add(index, None, wanted[len(sent[index]) :])


class Transformers:
    """transformers' response parser, with a response template that TRL ships."""

    def __init__(self, template: Any) -> None:
        self._template = template

    def text(self, one: Printed) -> str:
        return one.text

    def whole(self, one: Printed, ids: list[int]) -> Read:
        del ids
        from transformers.utils.chat_parsing import parse_response

        message = parse_response(
            one.text + one.end, self._template, prefix=one.prompt, tools=one.case.tools
        )
        return self._read(message)

    def stream(self, one: Printed, pieces: Pieces) -> Read:
        from transformers.utils.chat_parsing import ResponseParser

        parser = ResponseParser(self._template, prefix=one.prompt, tools=one.case.tools)
        for text, _ in [*pieces, (one.end, [])]:
            parser.feed(text)
        return self._read(parser.finalize()[0])

    @staticmethod
    def _read(message: dict[str, Any]) -> Read:
        calls = message.get("tool_calls") or []
        functions = [call["function"] for call in calls]
        return Read(
            message.get("content") or "",
            message.get("reasoning_content") or message.get("thinking") or "",
            [[f["name"], json.dumps(f["arguments"], ensure_ascii=False)] for f in functions],
        )


def prepare_sglang() -> None:
    """Let SGLang's parsers be imported without its engine.

    Its package's own ``__init__`` patches transformers for the engine and is left out; IPython,
    which one helper module asks for, is replaced by two names.
    """
    if "sglang" in sys.modules:
        return
    root = next((Path(p) / "sglang" for p in sys.path if (Path(p) / "sglang/srt").is_dir()), None)
    if root is None:
        raise ImportError("SGLang is not installed here")
    shown = types.ModuleType("IPython.display")
    vars(shown).update(HTML=None, display=None)
    sys.modules.setdefault("IPython", types.ModuleType("IPython"))
    sys.modules.setdefault("IPython.display", shown)
    for name, path in (("sglang", root), ("sglang.srt", root / "srt")):
        module = types.ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module


def trl_templates() -> Callable[[str], tuple[str, Any] | None]:
    """Return TRL's function from a chat template to a response template, without its trainers.

    Raises ``ImportError``.
    """
    root = next((Path(p) / "trl" for p in sys.path if (Path(p) / "trl").is_dir()), None)
    if root is None:
        raise ImportError("TRL is not installed here")
    package, data = types.ModuleType("trl"), types.ModuleType("trl.data_utils")
    package.__path__ = [str(root)]
    vars(data).update(prepare_multimodal_messages=None)
    sys.modules.update({"trl": package, "trl.data_utils": data})
    utils = import_module("trl.chat_template_utils")

    def found(text: str) -> tuple[str, Any] | None:
        holder = types.SimpleNamespace(chat_template=text)
        try:
            utils.add_response_schema(holder)
        except ValueError:
            return None
        template = holder.response_template
        name = next(key for key, value in vars(utils).items() if value is template)
        return name.removesuffix("_template"), template

    return found
