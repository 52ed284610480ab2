"""The runtime of every parser: text deltas in, events and one message out.

The standalone file embeds these modules.
"""

from .events import (
    CallArguments,
    CallEnd,
    CallStart,
    Event,
    Malformed,
    Message,
    Reasoning,
    Text,
    ToolCall,
)
from .parser import Parser

# In the order in which the standalone file needs them.
MODULES = (
    "events",
    "values",
    "scan",
    "json_stream",
    "literals",
    "pairs",
    "elements",
    "fields",
    "calls",
    "parser",
)

__all__ = [
    "MODULES",
    "CallArguments",
    "CallEnd",
    "CallStart",
    "Event",
    "Malformed",
    "Message",
    "Parser",
    "Reasoning",
    "Text",
    "ToolCall",
]
