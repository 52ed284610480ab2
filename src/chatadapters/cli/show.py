"""``adapters show``: an adapter in, a worked example, its artefacts and its limits out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..adapter import Adapter
    from ..runtime import Event

Part = tuple[str, str]


@click.command()
@click.argument("name", metavar="NAME|FILE")
def command(name: str) -> None:
    """Show one adapter: a worked example with its parts marked, its artefacts and its limits.

    \b
    Example:
      adapters show chatglm3
    """
    from .. import load
    from ..registry import resolve
    from . import facts
    from .terminal import heading, marked, print_table, print_text

    adapter = load(name)
    messages, tools, answer = example(adapter)
    note = facts.prose(resolve(name))
    prompt, parts = prompt_parts(adapter, messages, tools), answer_parts(adapter, answer, tools)
    read = read_back(adapter, answer, tools)
    table, rest = list(rows(adapter)), list(sections(adapter))

    print_text(marked([("name", adapter.name), ("", f"  {adapter.declaration.title}")]))
    if note:
        print_text(f"\n{note}")
    heading("Prompt")
    print_text(marked(prompt))
    heading("Answer")
    print_text(marked(parts))
    heading("Answer, part by part")
    print_table(("part", "text"), [(kind, marked([(kind, _quoted(text))])) for kind, text in parts])
    heading("Read back")
    print_text(read)
    heading("Facts")
    print_table(("what", "value"), table)
    for title, lines in rest:
        heading(title)
        for line in lines:
            print_text(f"- {line}")


def example(adapter: Adapter) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None, str]:
    """Return the messages before the worked answer, the tools, and the answer's text."""
    from .facts import capabilities
    from .sample import conversation

    messages, tools = conversation(capabilities(adapter))
    return messages[:-1], tools, adapter.output(messages, tools=tools)


def prompt_parts(adapter: Adapter, messages: list[dict[str, Any]], tools: Any) -> list[Part]:
    """Return the prompt cut into framing, markers and the texts of the messages."""
    prompt = adapter.render(messages, tools=tools)
    kinds = dict.fromkeys((*adapter.declaration.special, *adapter.declaration.stop), "marker")
    kinds.update({m["content"]: "content" for m in messages})
    return list(_cut(prompt, kinds))


def answer_parts(adapter: Adapter, answer: str, tools: Any) -> list[Part]:
    """Return the answer cut where the parser's own events say."""
    parser = adapter.parser(tools=tools)
    events = [*parser.feed(answer), *parser.close()]
    parts: list[Part] = []
    end = 0
    for start, stop, kind in sorted(_spans(events, answer)):
        if start < end:
            continue
        for piece in (("framing", answer[end:start]), (kind, answer[start:stop])):
            if parts and parts[-1][0] == piece[0]:
                parts[-1] = (piece[0], parts[-1][1] + piece[1])
            elif piece[1]:
                parts.append(piece)
        end = stop
    return parts + ([("framing", answer[end:])] if answer[end:] else [])


def read_back(adapter: Adapter, answer: str, tools: Any) -> str:
    """Return the answer's message as JSON, with the same ids each time."""
    parser = adapter.parser(tools=tools, make_id=lambda index, _name: f"call_{index + 1}")
    parser.feed(answer)
    parser.close()
    return json.dumps(parser.message.to_openai(), indent=2, ensure_ascii=False)


def rows(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Give the facts of an adapter as rows of two cells."""
    from ..emit import TARGETS
    from .facts import capabilities, file_name, summary

    declared = adapter.declaration
    yield "models", ", ".join(declared.models) or "-"
    yield "equal to", ", ".join(f"{r.model} ({r.template})" for r in declared.references) or "-"
    yield "carries", summary(capabilities(adapter))
    yield "compiles to", ", ".join(file_name(adapter.name, target) for target in TARGETS)
    yield "stop strings", " ".join(declared.stop) or "-"
    yield "special", " ".join(declared.special) or "-"
    yield "ids", declared.ids.pattern if declared.ids else "any"
    for key, value in declared.options.items():
        yield f"option {key}", "undefined" if value == {} else json.dumps(value)


def sections(adapter: Adapter) -> Iterator[tuple[str, list[str]]]:
    """Give what else there is to say: what is lost, what differs, what happens to reasoning."""
    from .facts import cannot_carry, history

    deviations = [f"{d.reason} (where {d.when})" for d in adapter.declaration.deviations]
    for title, lines in (
        ("Past reasoning", history(adapter)),
        ("What the format cannot carry", cannot_carry(adapter)),
        ("Where it differs from the official template, on purpose", deviations),
    ):
        if lines:
            yield title, lines


def _spans(events: list[Event], answer: str) -> Iterator[tuple[int, int, str]]:
    kinds = {"text": "content", "reasoning": "reasoning", "call_arguments": "arguments"}
    for event in events:
        start, stop = event.span
        if event.type == "call_start":  # its span is the whole header
            start = answer.find(event.name, start, stop)
            yield start, start + len(event.name), "name"
        elif event.type in kinds and stop > start:
            yield start, stop, kinds[event.type]


def _cut(text: str, kinds: dict[str, str]) -> Iterator[Part]:
    import re

    words = sorted((word for word in kinds if word), key=len, reverse=True)
    pattern = "|".join(map(re.escape, words))
    for piece in re.split(f"({pattern})", text) if pattern else [text]:
        if piece:
            yield kinds.get(piece, "framing"), piece


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')
