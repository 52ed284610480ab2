"""Grammars for constrained decoding: tools and a wire format in, xgrammar's structural tags out.

The plugin embeds these modules beside the runtime's; like them they need the standard library only.
"""

from .arguments import arguments_node, schema_notes
from .schema import SchemaTooCostly

# In the order in which the plugin needs them.
MODULES = (
    "ebnf",
    "numerals",
    "patterns",
    "dialect",
    "quoted",
    "raw",
    "encodings",
    "simples",
    "schema",
    "strings",
    "objects",
    "values",
    "elements",
    "arguments",
    "tag",
)

__all__ = ["MODULES", "SchemaTooCostly", "arguments_node", "schema_notes"]
