"""One adapter's parsers, made known to vLLM under ``adapters_NAME``."""

from __future__ import annotations

from .host import managers
from .reasoning import reasoning_parser
from .tools import tool_parser

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from typing import Any


def register_adapter(table: dict[str, Any], shape: dict[str, Any]) -> tuple[type, type]:
    """Register a format's tool parser and reasoning parser; a second time replaces the first.

    Raises ``ImportError`` where vLLM is missing or has moved what is needed.
    """
    name = "adapters_" + shape["name"]
    tools, reasoning = managers()
    made = tool_parser(table, shape), reasoning_parser(table, shape)
    tools.register_module(name, force=True, module=made[0])
    reasoning.register_module(name, force=True, module=made[1])
    return made
