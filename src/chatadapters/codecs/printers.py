"""The Jinja printers of the codecs: an expression for a value in, Jinja text that prints the value out."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

Options = Mapping[str, object]

STRING_ARGUMENTS = (
    "tool call arguments are a string: this format needs a mapping; decode the JSON string before rendering"
)


def quoted(text: str) -> str:
    """Return a Jinja string literal with only escapes that every engine knows."""
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
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
        return f"{{{', '.join(f'{constant(k)}: {constant(v)}' for k, v in value.items())}}}"
    return repr(value)


def raw(value: str, options: Options, field: str) -> str:
    return value


def json(value: str, options: Options, field: str) -> str:
    names = {"ascii": "ensure_ascii"}
    given = [
        f"{names.get(name, name)}={constant(option)}"
        for name, option in options.items()
        if option is not None and option is not False
    ]
    printed = f"{value} | tojson" + (f"({', '.join(given)})" if given else "")
    return f"({value} if {value} is string else {printed})" if field == "arguments" else f"({printed})"


def python(value: str, options: Options, field: str) -> str:
    return f"{{macro}}{'' if field == 'arguments' else '_value'}({value})"


def text(value: str, options: Options, field: str) -> str:
    if options["scalars"] == "json" and value.isidentifier():
        return f"({value} if {value} is string else {value} | tojson)"
    return f"{{macro}}({value})"


def literal(value: str, options: Options, field: str) -> str:
    return f"{{macro}}{'_arguments' if field == 'arguments' else ''}({value})"


def python_macro(name: str, options: Options, field: str) -> str:
    plain, as_json = options["strings"] == "plain", options["mappings"] == "json"
    value = f"{name}_value(value)"
    if as_json:
        value = f"(value | tojson if value is mapping else {value})"
    if plain:
        escaped = r'''"'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'"'''
        value = f"({escaped} if value is string else {value})"
    return rf"""{{%- macro {name}_string(value) -%}}
  {{%- set text = value | replace("\\", "\\\\") | replace("\n", "\\n") | replace("\r", "\\r") | replace("\t", "\\t") -%}}
  {{%- if "'" in value and '"' not in value -%}}
    {{{{- '"' ~ text ~ '"' -}}}}
  {{%- else -%}}
    {{{{- "'" ~ (text | replace("'", "\\'")) ~ "'" -}}}}
  {{%- endif -%}}
{{%- endmacro -%}}
{{%- macro {name}_value(value) -%}}
  {{%- if value is string -%}}
    {{{{- {name}_string(value) -}}}}
  {{%- elif value is none -%}}
    {{{{- "None" -}}}}
  {{%- elif value is boolean -%}}
    {{{{- "True" if value else "False" -}}}}
  {{%- elif value is mapping -%}}
    {{{{- "{{" -}}}}
    {{%- for key, item in value | items -%}}
      {{{{- {name}_string(key) ~ ": " ~ {name}_value(item) ~ ("" if loop.last else ", ") -}}}}
    {{%- endfor -%}}
    {{{{- "}}" -}}}}
  {{%- elif value is number -%}}
    {{{{- value | tojson -}}}}
  {{%- else -%}}
    {{{{- "[" -}}}}
    {{%- for item in value -%}}
      {{{{- {name}_value(item) ~ ("" if loop.last else ", ") -}}}}
    {{%- endfor -%}}
    {{{{- "]" -}}}}
  {{%- endif -%}}
{{%- endmacro -%}}
{{%- macro {name}(arguments) -%}}
  {{%- if arguments is string -%}}
    {{{{- raise_exception({quoted(STRING_ARGUMENTS)}) -}}}}
  {{%- endif -%}}
  {{%- for key, value in arguments | items -%}}
    {{{{- key ~ "=" ~ {value} ~ ("" if loop.last else ", ") -}}}}
  {{%- endfor -%}}
{{%- endmacro -%}}
"""


def text_macro(name: str, options: Options, field: str) -> str:
    if options["scalars"] == "json":
        body = "  {{- value if value is string else value | tojson -}}"
    else:
        body = """  {%- if value is string -%}
    {{- value -}}
  {%- elif value is none -%}
    {{- "None" -}}
  {%- elif value is boolean -%}
    {{- "True" if value else "False" -}}
  {%- else -%}
    {{- value | tojson -}}
  {%- endif -%}"""
    return f"{{%- macro {name}(value) -%}}\n{body}\n{{%- endmacro -%}}\n"


def literal_macro(name: str, options: Options, field: str) -> str:
    quote = quoted(str(options["quote"]))
    key = "key" if options["bare_keys"] else f"{quote} ~ key ~ {quote}"
    pairs = "dictsort" if options["sort_keys"] else "items"
    return f"""{{%- macro {name}(value) -%}}
  {{%- if value is string -%}}
    {{{{- {quote} ~ value ~ {quote} -}}}}
  {{%- elif value is none -%}}
    {{{{- "null" -}}}}
  {{%- elif value is mapping -%}}
    {{{{- "{{" -}}}}
    {{%- for key, item in value | {pairs} -%}}
      {{{{- {key} ~ ":" ~ {name}(item) ~ ("" if loop.last else ",") -}}}}
    {{%- endfor -%}}
    {{{{- "}}" -}}}}
  {{%- elif value is boolean or value is number -%}}
    {{{{- value | tojson -}}}}
  {{%- else -%}}
    {{{{- "[" -}}}}
    {{%- for item in value -%}}
      {{{{- {name}(item) ~ ("" if loop.last else ",") -}}}}
    {{%- endfor -%}}
    {{{{- "]" -}}}}
  {{%- endif -%}}
{{%- endmacro -%}}
{{%- macro {name}_arguments(arguments) -%}}
  {{%- if arguments is string -%}}
    {{{{- raise_exception({quoted(STRING_ARGUMENTS)}) -}}}}
  {{%- endif -%}}
  {{{{- {name}(arguments) -}}}}
{{%- endmacro -%}}
"""
