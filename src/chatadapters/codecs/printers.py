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
QUOTE, NEWLINE = '"', "\n"
_JSON_OPTIONS = ("ascii", "indent", "separators", "sort_keys")
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
        if name in _JSON_OPTIONS and option is not None and option is not False
    ]
    printed = f"{value} | tojson" + (f"({', '.join(given)})" if given else "")
    if options.get("depth") and options.get("indent") is not None:
        deeper = " " * (int(str(options["depth"])) * int(str(options["indent"])))
        printed += f" | replace({quoted(NEWLINE)}, {quoted(NEWLINE + deeper)})"
    text = f"({value} if {value} is string else {printed})" if field == "arguments" else printed
    if options.get("string"):
        return f"({text} | tojson)"
    return text if field == "arguments" else f"({text})"


def python(value: str, options: Options, field: str) -> str:
    """Print keyword arguments, or on the prompt side a Python literal of any other value."""
    return f"{{macro}}{'' if field == 'arguments' else '_value'}({value})"


def text(value: str, options: Options, field: str) -> str:
    """Print a string as it is, anything else as JSON text."""
    plain = (options["scalars"], options["containers"], options["cdata"])
    if plain == ("json", "json", "never") and value.isidentifier():
        return f"({value} if {value} is string else {value} | tojson)"
    return f"{{macro}}({value})"


def type_name(value: str, options: Options, field: str) -> str:
    """Print the name of a value's type."""
    if options["others"] is not None:
        words = quoted(str(options["string"])), quoted(str(options["others"]))
        return f"({words[0]} if {value} is string else {words[1]})"
    return f"{{macro}}({value})"


def attribute(value: str, options: Options, field: str) -> str:
    """Print a text as the inside of an attribute."""
    return f'({value} | replace("&", "&amp;") | replace({quoted(QUOTE)}, "&quot;"))'


def elements(value: str, options: Options, field: str) -> str:
    """Print a value as elements."""
    return f"{{macro}}{'' if field == 'arguments' else '_value'}({value})"


def literal(value: str, options: Options, field: str) -> str:
    """Print a value in a JSON dialect."""
    return f"{{macro}}{'_arguments' if field == 'arguments' else ''}({value})"


_REFUSE_STRING = f"""  {{%- if arguments is string -%}}
    {{{{- raise_exception({quoted(STRING_ARGUMENTS)}) -}}}}
  {{%- endif -%}}"""

_PYTHON_VALUE = r"""{%- macro NAME_string(value) -%}
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
{%- endmacro -%}"""
_PYTHON = """{%- macro NAME(arguments) -%}
REFUSE_STRING
  {%- for key, value in arguments | items -%}
    {{- key ~ "=" ~ VALUE ~ ("" if loop.last else ", ") -}}
  {%- endfor -%}
{%- endmacro -%}"""
_STRINGS = {
    "plain": r"""("'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'")""",
    "escaped": r"""("'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")"""
    r""" | replace("\n", "\\n") | replace("\r", "\\r")) ~ "'")""",
}
_IS_LIST = (
    "not (value is string or value is none or value is boolean or value is number"
    " or value is mapping)"
)


def python_macro(name: str, options: Options) -> str:
    """Return the macros of ``python``; its options hold for the arguments' own values only."""
    value = "NAME_value(value)"
    for kind, test in (("mappings", "value is mapping"), ("lists", _IS_LIST)):
        if options[kind] == "json":
            value = f"(value | tojson if {test} else {value})"
    if options["strings"] != "repr":
        string = _STRINGS[str(options["strings"])]
        value = f"({string} if value is string else {value})"
    if options["values"] == "json":
        value = "(value | tojson)"
    made = f"{_PYTHON_VALUE}\n{_PYTHON}".replace("VALUE", value)
    return made.replace("REFUSE_STRING", _REFUSE_STRING).replace("NAME", name)


_TEXT = """{%- macro NAME(value) -%}
  {{- value if value is string else value | tojson -}}
{%- endmacro -%}"""
_CDATA = """    {%- if "<" in value or "&" in value or "\\n" in value -%}
      {{- "<![CDATA[" ~ value ~ "]]>" -}}
    {%- else -%}
      {{- value -}}
    {%- endif -%}"""
_PYTHON_SCALARS = """  {%- elif value is none -%}
    {{- "None" -}}
  {%- elif value is boolean -%}
    {{- "True" if value else "False" -}}"""
_PYTHON_CONTAINERS = """  {%- elif not (value is none or value is boolean or value is number) -%}
    {{- NAME_value(value) -}}"""


def text_macro(name: str, options: Options) -> str:
    """Return the macros of ``text``."""
    scalars, containers = options["scalars"] == "python", options["containers"] == "python"
    cdata = options["cdata"] == "needed"
    if not (scalars or containers or cdata):
        return _TEXT.replace("NAME", name)
    lines = [_PYTHON_VALUE] if containers else []
    lines += ["{%- macro NAME(value) -%}", "  {%- if value is string -%}"]
    lines.append(_CDATA if cdata else "    {{- value -}}")
    lines += [_PYTHON_SCALARS] if scalars else []
    lines += [_PYTHON_CONTAINERS] if containers else []
    lines += ["  {%- else -%}", "    {{- value | tojson -}}", "  {%- endif -%}"]
    return "\n".join([*lines, "{%- endmacro -%}"]).replace("NAME", name)


_TESTS = {"string": "string", "null": "none", "boolean": "boolean", "object": "mapping"}


def type_macro(name: str, options: Options) -> str:
    """Return the macro of ``type``."""
    tests = dict(_TESTS)
    if options["integer"] is not None:
        tests["integer"] = "integer"
    tests["number"] = "number"
    lines, word = [f"{{%- macro {name}(value) -%}}"], "if"
    for kind, test in tests.items():
        lines.append(f"  {{%- {word} value is {test} -%}}")
        lines.append(f"    {{{{- {quoted(str(options[kind]))} -}}}}")
        word = "elif"
    lines += ["  {%- else -%}", f"    {{{{- {quoted(str(options['array']))} -}}}}"]
    return "\n".join([*lines, "  {%- endif -%}", "{%- endmacro -%}"])


_ELEMENTS = """{%- macro NAME_value(value) -%}
  {%- if value is string -%}
    {{- value -}}
  {%- elif value is mapping -%}
    {%- for key, item in value | items -%}
      {%- if item is not none -%}
        {{- OPEN ~ key ~ ">" ~ NAME_value(item) ~ SHUT ~ key ~ ">" -}}
      {%- endif -%}
    {%- endfor -%}
  {%- elif value is boolean or value is number -%}
    {{- value | tojson -}}
  {%- elif value is not none -%}
    {%- for item in value -%}
      {{- OPEN ~ ITEM ~ NAME_value(item) ~ SHUT ~ ITEM -}}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- macro NAME(arguments) -%}
REFUSE_STRING
  {{- NAME_value(arguments) -}}
{%- endmacro -%}"""


def elements_macro(name: str, options: Options) -> str:
    """Return the macros of ``elements``."""
    mark, item = str(options["mark"]), str(options["item"])
    made = _ELEMENTS.replace("REFUSE_STRING", _REFUSE_STRING).replace("NAME", name)
    made = made.replace("OPEN ~ ITEM", quoted(f"{mark}<{item}>"))
    made = made.replace("SHUT ~ ITEM", quoted(f"{mark}</{item}>"))
    return made.replace("OPEN", quoted(f"{mark}<")).replace("SHUT", quoted(f"{mark}</"))


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
