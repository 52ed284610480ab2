"""``adapters parse``: a model's answer in, the message or its events as JSON out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from .files import read_text, read_tools, stream_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..adapter import Adapter
    from ..runtime import Event


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.argument("file", metavar="[FILE]", default="-")
@click.option("--tools", "tools_file", metavar="F", help="JSON file with the tools.")
@click.option("--prompt", "prompt_file", metavar="F", help="File with the prompt it answers.")
@click.option("--stream", is_flag=True, help="Print each event as it happens, one JSON a line.")
def command(
    name: str, file: str, tools_file: str | None, prompt_file: str | None, stream: bool
) -> None:
    """Read a model's answer from a file or stdin and print it as an OpenAI message.

    The answer is read exactly as it is, a last line break included. With tools, arguments get
    the types that the tools declare, and a call of another name is text. With the prompt, an
    answer whose beginning stands in the prompt (an open reasoning block) is read right.

    \b
    Examples:
      printf 'Hello' | adapters parse chatglm3
      adapters parse chatglm3 answer.txt --tools tools.json
      printf 'Hello' | adapters parse chatglm3 --stream
    """
    from .. import load

    adapter = load(name)
    tools = read_tools(tools_file) if tools_file else None
    prompt = read_text(prompt_file) if prompt_file else None
    if stream:
        _stream(adapter, file, tools, prompt)
    else:
        _whole(adapter, file, tools, prompt)


def _whole(adapter: Adapter, file: str, tools: Any, prompt: str | None) -> None:
    message = adapter.parse(read_text(file), tools=tools, prompt=prompt)
    sys.stdout.write(json.dumps(message.to_openai(), indent=2, ensure_ascii=False) + "\n")
    for call in message.tool_calls:
        if call.status != "complete":
            click.echo(f"note: call {call.index} ({call.name}) is {call.status}", err=True)


def _stream(adapter: Adapter, file: str, tools: Any, prompt: str | None) -> None:
    parser = adapter.parser(tools=tools, prompt=prompt)
    for text in stream_text(file):
        _print(parser.feed(text))
    _print(parser.close())


def _print(events: Iterable[Event]) -> None:
    for event in events:
        sys.stdout.write(json.dumps(event.as_dict(), ensure_ascii=False) + "\n")
    sys.stdout.flush()
