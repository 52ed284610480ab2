"""``adapters render``: a conversation file in, the prompt out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import did_you_mean
from ..injection import POLICIES
from .files import read_conversation, read_tools

if TYPE_CHECKING:
    from ..adapter import OnMarker
    from ..declaration import Declaration


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.argument("conversation", metavar="CONVERSATION.json")
@click.option("--tools", "tools_file", metavar="F", help="JSON file with the tools.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a template option."
)
@click.option(
    "--on-marker", type=click.Choice(POLICIES), default="allow", show_default=True,
    help="What to do with a marker of the format in a tool, or in a text of another role than "
    "system or developer.",
)  # fmt: skip
@click.option("--no-generation-prompt", is_flag=True, help="Do not open the assistant's turn.")
def command(
    name: str,
    conversation: str,
    tools_file: str | None,
    settings: tuple[str, ...],
    on_marker: OnMarker,
    no_generation_prompt: bool,
) -> None:
    """Print the prompt of a conversation, byte for byte, through the compiled template.

    The conversation is a JSON list of messages or an object with `messages` and, if you like,
    `tools`, `add_generation_prompt` and `chat_template_kwargs`; `-` reads it from stdin.

    \b
    Examples:
      echo '[{"role": "user", "content": "Hi"}]' | adapters render chatglm3 -
      adapters render qwen3 conversation.json --tools tools.json --set enable_thinking=false
      adapters render qwen3 conversation.json --on-marker refuse
    """
    from .. import load

    adapter = load(name)
    table = read_conversation(conversation)
    tools = read_tools(tools_file) if tools_file else table.get("tools")
    options = dict(table.get("chat_template_kwargs") or {})
    options.update(_setting(setting, adapter.declaration) for setting in settings)
    wanted = table.get("add_generation_prompt", True) and not no_generation_prompt
    prompt = adapter.render(
        table["messages"],
        tools=tools,
        add_generation_prompt=bool(wanted),
        on_marker=on_marker,
        **options,
    )
    sys.stdout.write(prompt)
    if sys.stdout.isatty() and not prompt.endswith("\n"):
        sys.stdout.write("\n")


def _setting(setting: str, declaration: Declaration) -> tuple[str, Any]:
    key, equals, value = setting.partition("=")
    known = [*declaration.options, *declaration.tokens, "date"]
    if not equals:
        raise click.BadParameter(f"{setting!r} is not KEY=VALUE", param_hint="--set")
    if key not in known:
        near = did_you_mean(key, known) or f"; it has {', '.join(known)}"
        raise click.BadParameter(
            f"{declaration.name!r} has no option {key!r}{near}", param_hint="--set"
        )
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
