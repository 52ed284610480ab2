"""One adapter as it is served: its name in; files, flags, markers' ids and answers to force out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tokenizers

import chatadapters
from chatadapters.verify.checks import run
from chatadapters.verify.conversations import Conversation
from chatadapters.verify.laws import Printed, Subject
from tests.serve.server import Server
from tests.serve.table import served
from tools import real_model

ROOT = Path(__file__).resolve().parents[2]
OPENING = Path(__file__).with_name("opening.py")
ALIASES = {"chatglm3": ("ChatGLM3-6B",)}  # what the story calls it
NAMES = served()


@dataclass
class Wire:
    """An adapter's model folder, compiled files and flags, under ``work``."""

    name: str
    work: Path
    special: str = "all"  # which markers the tokenizer calls special
    subject: Subject = field(init=False)

    def __post_init__(self) -> None:
        self.subject = Subject(chatadapters.load(self.name))

    @property
    def adapter(self) -> Any:
        return self.subject.adapter

    @property
    def domain(self) -> Any:
        return self.subject.domain

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """Compile the adapter with its command, and return the flags which that prints."""
        adapters = Path(sys.executable).parent / "adapters"
        command = [str(adapters), "compile", self.name, "-o", str(self.work / "build")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return printed_flags(done.stdout + done.stderr)

    def server(self, *, engine: bool, more: tuple[str, ...] = ()) -> Server:
        """Return a server of this adapter, not started."""
        kind = "engine" if engine else "render"
        folder = real_model.build(
            self.work / f"{self.name}-{self.special}-{kind}",
            adapter=self.name,
            special=self.special,
            weights=engine,
        )
        log = self.work / "logs" / f"{self.name}-{self.special}-{kind}.log"
        modules = self.work / "modules"  # what the engine's processes may import
        modules.mkdir(exist_ok=True)
        shutil.copyfile(OPENING, modules / "chatadapters_opening.py")
        extra = ("--logits-processors", "chatadapters_opening:Opening") if engine else ()
        flags = (*self.flags, *extra, *more)
        models = (self.name, *ALIASES.get(self.name, ()))
        return Server(folder, log, models, engine, flags, str(modules))

    @cached_property
    def tokenizer(self) -> Any:
        folder = self.work / f"{self.name}-{self.special}-tokenizer"
        real_model.build(folder, adapter=self.name, special=self.special, weights=False)
        return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encode(self, text: str, *, whole: bool = True) -> list[int]:
        """Return a text's tokens; with ``whole=False`` each marker is spelled in pieces."""
        if whole or not self.markers:
            return list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        longest = sorted(self.markers, key=len, reverse=True)
        found: list[int] = []
        for part in re.split(f"({'|'.join(map(re.escape, longest))})", text):
            halves = (part[:1], part[1:]) if part in self.markers else (part,)
            found += [number for half in halves for number in self.encode(half)]
        return found

    def settled(self, prompt: str) -> bool:
        """Tell whether no reasoning can follow a prompt, so that a grammar acts from there on."""
        return self.adapter.parser(tools=[], prompt=prompt).reasoned is not None

    def decode(self, ids: list[int], *, special: bool = True) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=not special))

    def keeps_markers(self, tools: Any) -> bool:
        """Tell whether a request's answer keeps special tokens in its text.

        Without tools and without reasoning vLLM leaves them out, as it does by default.
        """
        return bool(tools) or bool(self.domain.reasoning)

    def carries(self, text: str) -> bool:
        """Tell whether this tokenizer can spell a text: it lacks 21 of the 256 bytes."""
        return self.decode(self.encode(text)) == text

    @cached_property
    def markers(self) -> dict[str, int]:
        """Return marker -> id, of those that end no answer."""
        declaration = self.adapter.declaration
        inner = [m for m in declaration.special if m not in declaration.stop]
        return {text: self.tokenizer.token_to_id(text) for text in inner}

    @property
    def bias(self) -> dict[str, float]:
        """Return the ``logit_bias`` that makes a forced answer use the markers' own ids.

        The model was not trained on them: left alone it spells a marker in small pieces.
        """
        return {str(number): 100.0 for number in self.markers.values()}

    @property
    def end(self) -> str:
        """Return the stop string with which the model ends its turn."""
        return str(self.adapter.declaration.stop[0])

    def without_end(self, ids: list[int]) -> list[int]:
        """Return an answer's tokens without the one that ended it."""
        ends = {self.tokenizer.token_to_id(text) for text in self.adapter.declaration.stop}
        return ids[:-1] if ids and ids[-1] in ends else ids

    def read(self, text: str, tools: Any, prompt: str) -> dict[str, Any]:
        """Return what the library reads in an answer, in the shape of ``Reply.said``.

        What is malformed has no place in an SDK's message but the content.
        """
        events, message = run(self.subject.parsers(tools, prompt), [text])
        texts = [event["text"] for event in events if event["type"] in ("text", "malformed")]
        calls = [(call.name, call.arguments) for call in message.tool_calls]
        return {"content": "".join(texts), "reasoning": message.reasoning, "calls": calls}


def plain_server(work: Path) -> Server:
    """Return a server of the model as it is, without any tool flags."""
    folder = real_model.build(work / "plain")
    return Server(folder, work / "logs" / "plain.log", ("plain", *ALIASES["chatglm3"]))


def printed_flags(advice: str) -> tuple[str, ...]:
    """Return the flags of the ``vllm serve MODEL ...`` command in what ``compile`` prints."""
    lines = advice.replace("\\\n", " ").splitlines()
    for line in lines:
        words = shlex.split(line) if line.strip().startswith("vllm serve ") else []
        if words:
            return tuple(words[3:])
    raise AssertionError(f"adapters compile prints no `vllm serve` command:\n{advice}")


TOOLS: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "corpus" / "tools.json").read_text(encoding="utf-8")
)
HELLO = [{"role": "user", "content": "Hello"}]
NASTY = 'He said "hi",\n\tit\'s 5 < 6 && {a: [1]} — Zürich 北京 🙂 \\n\r\n  '
NESTED = {"a": {"b": [1, 2.5, None, True], "ü": "é\"'"}, "empty": {}, "list": []}


def call(name: str, number: int = 0, /, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{number:04d}", "type": "function", "function": function}


def messages(wire: Wire) -> dict[str, dict[str, Any]]:
    """Return assistant messages of every kind that the format carries, by what is odd in them."""
    domain = wire.domain
    paris, nothing = call("get_weather", 1, city="Paris", days=3), call("ping", 2)
    nasty = call("search", 3, query=NASTY, filter=NESTED, tags=["x", NASTY], limit=None, score=-1.5)
    found: dict[str, Any] = {"content": ("Hello, how can I help?\n\n", [])}
    if domain.calls != 0:
        found |= {"call": ("", [paris]), "no arguments": ("", [nothing]), "nasty": ("", [nasty])}
    if domain.calls is None:
        rome = call("get_weather", 4, city="Rome", metric=False)
        found["several calls"] = ("", [paris, rome, nothing, {**paris, "id": "call_0005"}])
    if domain.calls != 0 and domain.content_with_calls:
        found["content and call"] = (f"I look it up: {NASTY}".rstrip(), [paris])
    return {
        kind: {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}
        for kind, (content, calls) in found.items()
    }


def printed(
    wire: Wire, message: dict[str, Any], tools: list[dict[str, Any]] = TOOLS, **options: Any
) -> Printed:
    """Return an answer to HELLO as the format prints it. Raises ``Refused``."""
    return wire.subject.print(Conversation([*HELLO, message], tools, False, options))
