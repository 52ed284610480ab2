"""The targets: an adapter in, the text of a file out; the same adapter gives the same text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import ChatAdaptersError, did_you_mean

if TYPE_CHECKING:
    from ..adapter import Adapter

# target -> the ending that `adapters compile` gives the file after the adapter's name
TARGETS = {"jinja": ".jinja", "python": "_parser.py", "vllm": "_vllm.py"}
# A target for one request: it takes the request's tools and tool choice.
REQUEST_TARGETS = ("structural_tag",)


def emit(adapter: Adapter, target: str, **request: Any) -> str:
    """Return the text of a target. Raises ``ChatAdaptersError`` where there is no such target."""
    if target == "structural_tag":
        return _structural_tag(adapter, **request)
    if request and target in TARGETS:
        raise ChatAdaptersError(
            f"the target {target!r} is the same for every request: leave out "
            f"{', '.join(sorted(request))}"
        )
    if target == "jinja":
        from .jinja import template

        return template(adapter.declaration)
    if target == "python":
        from .python import parser_file

        return parser_file(adapter.name, adapter.declaration.title, adapter.table)
    if target == "vllm":
        from .vllm import plugin_file

        return plugin_file(adapter)
    known = (*TARGETS, *REQUEST_TARGETS)
    raise ChatAdaptersError(
        f"no target is called {target!r}{did_you_mean(target, known)}: "
        f"use one of {', '.join(known)}"
    )


def _structural_tag(
    adapter: Adapter,
    *,
    tools: Any = None,
    tool_choice: Any = "auto",
    parallel_tool_calls: bool = True,
    reasoning: bool = True,
    prompt: str | None = None,
) -> str:
    """Return xgrammar's structural tag for a request as JSON, ``null`` where nothing is enforced.

    ``prompt`` is the rendered prompt, which may hold a part of the reasoning block; ``reasoning``
    is false for a host that applies the grammar only after the reasoning.
    """
    from ..grammar.schema import SchemaTooCostly
    from ..grammar.tag import structural_tag
    from .shape import shape

    table = adapter.table
    read = table["before"]
    if prompt is not None:
        read = next((rest for text, rest in table["starts"] if prompt.endswith(text)), "")
    try:
        tag = structural_tag(
            shape(adapter),
            tools,
            tool_choice,
            parallel=parallel_tool_calls,
            reasoning=reasoning,
            read=read,
        )
    except (SchemaTooCostly, ValueError) as error:
        raise ChatAdaptersError(str(error)) from error
    return json.dumps(tag, ensure_ascii=False)
