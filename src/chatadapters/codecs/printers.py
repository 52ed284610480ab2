"""The Jinja printers of the codecs: an expression for a value in, Jinja that prints the value out.

Macros are written for every engine: no string methods, no list methods, numbers through ``tojson``.
In their text ``NAME`` stands for the name of the macro, ``QUOTE`` and the like for an option.
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

Options = Mapping[str, object]

STRING_ARGUMENTS = (
    "tool call arguments are a string: this format needs a mapping; "
    "decode the JSON string before rendering"
)
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def quoted(text: str) -> str:
    """Return a Jinja string literal with only escapes that every engine knows."""
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return f'"{text}"'


def constant(value: object) -> str:
    """Return a Jinja literal of a plain value."""
    if value is None or isinstance(value, bool):
        return dumps(value).replace("null", "none")
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(constant, value))}]"
    if isinstance(value, dict):
        pairs = (f"{constant(key)}: {constant(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(value)


def raw(value: str, options: Options, field: str) -> str:
    """Print a text as it is."""
    return value


def json(value: str, options: Options, field: str) -> str:
    """Print JSON; arguments that are a string already are printed as they are."""
    given = [
        f"{'ensure_ascii' if name == 'ascii' else name}={constant(option)}"
        for name, option in options.items()
        if option is not None and option is not False
    ]
    printed = f"{value} | tojson" + (f"({', '.join(given)})" if given else "")
    if field == "arguments":
        return f"({value} if {value} is string else {printed})"
    return f"({printed})"


def python(value: str, options: Options, field: str) -> str:
    """Print keyword arguments, or on the prompt side a Python literal of any other value."""
    return f"{{macro}}{'' if field == 'arguments' else '_value'}({value})"


def text(value: str, options: Options, field: str) -> str:
    """Print a string as it is, anything else as JSON text."""
    if options["scalars"] == "json" and value.isidentifier():
        return f"({value} if {value} is string else {value} | tojson)"
    return f"{{macro}}({value})"


def literal(value: str, options: Options, field: str) -> str:
    """Print a value in a JSON dialect."""
    return f"{{macro}}{'_arguments' if field == 'arguments' else ''}({value})"


_REFUSE_STRING = f"""  {{%- if arguments is string -%}}
    {{{{- raise_exception({quoted(STRING_ARGUMENTS)}) -}}}}
  {{%- endif -%}}"""

_PYTHON = r"""{%- macro NAME_string(value) -%}
  {%- set text = value | replace("\\", "\\\\") | replace("\n", "\\n") -%}
  {%- set text = text | replace("\r", "\\r") | replace("\t", "\\t") -%}
  {%- if "'" in value and '"' not in value -%}
    {{- '"' ~ text ~ '"' -}}
  {%- else -%}
    {{- "'" ~ (text | replace("'", "\\'")) ~ "'" -}}
  {%- endif -%}
{%- endmacro -%}
{%- macro NAME_value(value) -%}
  {%- if value is string -%}
    {{- NAME_string(value) -}}
  {%- elif value is none -%}
    {{- "None" -}}
  {%- elif value is boolean -%}
    {{- "True" if value else "False" -}}
  {%- elif value is mapping -%}
    {{- "{" -}}
    {%- for key, item in value | items -%}
      {{- NAME_string(key) ~ ": " ~ NAME_value(item) ~ ("" if loop.last else ", ") -}}
    {%- endfor -%}
    {{- "}" -}}
  {%- elif value is number -%}
    {{- value | tojson -}}
  {%- else -%}
    {{- "[" -}}
    {%- for item in value -%}
      {{- NAME_value(item) ~ ("" if loop.last else ", ") -}}
    {%- endfor -%}
    {{- "]" -}}
  {%- endif -%}
{%- endmacro -%}
{%- macro NAME(arguments) -%}
REFUSE_STRING
  {%- for key, value in arguments | items -%}
    {{- key ~ "=" ~ VALUE ~ ("" if loop.last else ", ") -}}
  {%- endfor -%}
{%- endmacro -%}"""
_PLAIN_STRING = r"""("'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'")"""


def python_macro(name: str, options: Options) -> str:
    """Return the macros of ``python``; its options hold for the arguments' own values only."""
    value = "NAME_value(value)"
    if options["mappings"] == "json":
        value = f"(value | tojson if value is mapping else {value})"
    if options["strings"] == "plain":
        value = f"({_PLAIN_STRING} if value is string else {value})"
    made = _PYTHON.replace("VALUE", value).replace("REFUSE_STRING", _REFUSE_STRING)
    return made.replace("NAME", name)


_TEXT = """{%- macro NAME(value) -%}
  {{- value if value is string else value | tojson -}}
{%- endmacro -%}"""
_PYTHON_TEXT = """{%- macro NAME(value) -%}
  {%- if value is string -%}
    {{- value -}}
  {%- elif value is none -%}
    {{- "None" -}}
  {%- elif value is boolean -%}
    {{- "True" if value else "False" -}}
  {%- else -%}
    {{- value | tojson -}}
  {%- endif -%}
{%- endmacro -%}"""


def text_macro(name: str, options: Options) -> str:
    """Return the macro of ``text``."""
    return (_TEXT if options["scalars"] == "json" else _PYTHON_TEXT).replace("NAME", name)


_LITERAL = """{%- macro NAME(value) -%}
  {%- if value is string -%}
    {{- QUOTE ~ value ~ QUOTE -}}
  {%- elif value is none -%}
    {{- "null" -}}
  {%- elif value is mapping -%}
    {{- "{" -}}
    {%- for key, item in value | PAIRS -%}
      {{- KEY ~ ":" ~ NAME(item) ~ ("" if loop.last else ",") -}}
    {%- endfor -%}
    {{- "}" -}}
  {%- elif value is boolean or value is number -%}
    {{- value | tojson -}}
  {%- else -%}
    {{- "[" -}}
    {%- for item in value -%}
      {{- NAME(item) ~ ("" if loop.last else ",") -}}
    {%- endfor -%}
    {{- "]" -}}
  {%- endif -%}
{%- endmacro -%}
{%- macro NAME_arguments(arguments) -%}
REFUSE_STRING
  {{- NAME(arguments) -}}
{%- endmacro -%}"""


def literal_macro(name: str, options: Options) -> str:
    """Return the macros of ``literal``."""
    made = _LITERAL.replace("REFUSE_STRING", _REFUSE_STRING).replace("NAME", name)
    made = made.replace("KEY", "key" if options["bare_keys"] else "QUOTE ~ key ~ QUOTE")
    made = made.replace("PAIRS", "dictsort" if options["sort_keys"] else "items")
    return made.replace("QUOTE", quoted(str(options["quote"])))
