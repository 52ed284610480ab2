"""The plugin file for vLLM: an adapter in, one Python file that registers its parsers out."""

from __future__ import annotations

from pprint import pformat
from typing import TYPE_CHECKING

from .. import grammar, plugin, runtime
from .python import joined
from .shape import shape

if TYPE_CHECKING:
    from ..adapter import Adapter

_HEAD = '''"""vLLM's parsers for the chat format {name}: {title}.

Written by `adapters compile {name}`; do not edit. vLLM loads it:

    vllm serve MODEL --chat-template {name}.jinja --enable-auto-tool-choice \\\\
      --tool-parser-plugin {name}_vllm.py --tool-call-parser adapters_{name}{reasoning}
"""

from __future__ import annotations

{imports}
'''
_REASONING = """ \\\\
      --reasoning-parser-plugin {name}_vllm.py --reasoning-parser adapters_{name}"""
_TAIL = """

ToolParser, ReasoningParser = register_adapter(TABLE, SHAPE)
"""


def plugin_file(adapter: Adapter) -> str:
    """Return the text of ``NAME_vllm.py``."""
    imports, body = joined((runtime, grammar, plugin))
    found = shape(adapter)
    spelled = pformat(adapter.table, width=108, sort_dicts=False)
    shaped = pformat(found, width=108, sort_dicts=False)
    title = adapter.declaration.title.replace("\\", "/").replace('"""', "'''").rstrip(".")
    reasoning = _REASONING.format(name=adapter.name) if found["reasoning"] else ""
    head = _HEAD.format(name=adapter.name, title=title, imports=imports, reasoning=reasoning)
    return (
        f"{head}{body}\n\nTABLE: dict[str, Any] = {spelled}\n\n"
        f"SHAPE: dict[str, Any] = {shaped}\n{_TAIL}"
    )
