"""The declaration of a format: a TOML file in, a checked pydantic model out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import DeclarationError, Place, did_you_mean

HistoryPolicy = Literal[
    "last_user",
    "all",
    "none",
    "tool_turns",
    "tool_turns_after_last_user",
    "since_last_final",
    "last_only",
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reference(_Table):
    """An official template that the compiled one must equal, found by its sha256."""

    model: str = Field(description="Repository id of the model whose template this is.")
    template: str = Field(
        description="File name in the reference folder, without the ending .jinja."
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the template file.")
    part: Literal["all", "opening"] = Field(
        "all",
        description="'opening': only what stands before the first turn is compared (system text and tools).",
    )


class Deviation(_Table):
    """A condition under which the compiled template must differ from the official one, and why."""

    when: str = Field(
        description="Jinja expression over the fragment variables, tried at every turn."
    )
    reason: str


class Prompt(_Table):
    """The prompt side: one Jinja fragment per kind of turn."""

    opening: str = Field(
        "", description="Whatever stands before the first turn: leading system message, tools."
    )
    system: str | None = Field(None, description="A system message later in the conversation.")
    user: str = Field(description="A user message.")
    assistant: str = Field(
        description="An assistant message; {{ output }} is where the [output] fragment goes."
    )
    tool: str | None = Field(None, description="A tool result.")
    other: str | None = Field(None, description="Any role without a fragment of its own.")
    generation: str = Field("", description="The generation prompt.")
    macros: str = Field("", description="Jinja macros for all fragments.")
    parts: str = Field("", description="What joins the text parts of a content list.")


class Output(_Table):
    """The assistant's own output, in the invertible subset of Jinja."""

    text: str
    history: HistoryPolicy | dict[str, dict[str, HistoryPolicy]] = Field(
        "last_user",
        description="Which past reasoning is kept: a policy, or { option = { 'true' = policy, 'false' = policy } }.",
    )
    inline: tuple[str, str] | None = Field(
        None, description="Markers that split a content into reasoning and content before printing."
    )


class Ids(_Table):
    """The form of tool call ids."""

    pattern: str = Field(
        description="Literal text and {name}, {index} (in the message), {ordinal} (in the conversation), "
        "{alnum:N} (N letters or digits)."
    )


class Limits(_Table):
    """What the wire format does not carry."""

    calls: int | None = Field(None, ge=0, description="Most tool calls in one message.")
    content_with_calls: bool = Field(
        True, description="Whether content beside tool calls is carried."
    )
    reasoning: bool = Field(True, description="Whether reasoning is carried at all.")


class Spelling(_Table):
    """Another spelling of a literal, read and never printed."""

    for_: str = Field(alias="for", description="The literal as the fragment has it.")
    read: str = Field(description="Another spelling that is read as well.")


class Accept(_Table):
    """What is read beyond what is printed."""

    spellings: tuple[Spelling, ...] = ()
    calls_in_reasoning: bool = Field(
        False, description="A tool call inside reasoning ends the reasoning."
    )


OptionValue = bool | int | str | dict[str, Any]


class Declaration(_Table):
    """One chat wire format, declared once."""

    title: str
    models: tuple[str, ...] = Field(
        (), description="Patterns of repository ids, such as 'Qwen/Qwen3-*'."
    )
    references: tuple[Reference, ...] = ()
    stop: tuple[str, ...] = Field((), description="Stop strings: each ends the message.")
    special: tuple[str, ...] = Field(
        (), description="Markers that the tokenizer holds as one id each."
    )
    extends: str | None = Field(
        None, description="Name of a declaration whose keys this one takes over."
    )
    tokens: dict[str, str] = Field(
        default_factory=dict, description="Defaults of bos_token, eos_token, ..."
    )
    options: dict[str, OptionValue] = Field(
        default_factory=dict,
        description="Template arguments and their defaults; {} is undefined unless given.",
    )
    prompt: Prompt
    output: Output
    ids: Ids | None = None
    limits: Limits = Limits()  # type: ignore[call-arg]
    accept: Accept = Accept()  # type: ignore[call-arg]
    deviations: tuple[Deviation, ...] = ()

    name: str = Field("", exclude=True, description="The file's stem; never written in the file.")
    file: str = Field("", exclude=True, description="The file's path; never written in the file.")

    def place(self, key: str, line: int = 0) -> Place:
        return Place(Path(self.file).name, key, line)

    def error(self, message: str, key: str, line: int, *fixes: str) -> DeclarationError:
        """Return the error about a key such as ``output.text``; line 0 is all of its text."""
        value: Any = self
        for part in key.split("."):
            value = value.get(part, "") if isinstance(value, dict) else getattr(value, part, "")
        text = (
            value
            if isinstance(value, str)
            else json.dumps(value, ensure_ascii=False, default=_plain)
        )
        lines = text.split("\n")
        quote = lines[line - 1] if 0 < line <= len(lines) else text
        return DeclarationError(message, place=self.place(key, line), quote=quote, fixes=fixes)


def _plain(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(by_alias=True)


Loader = Callable[[str], dict[str, Any]]


def parse(text: str, *, name: str, file: str = "", load_base: Loader | None = None) -> Declaration:
    """Read the TOML text of a declaration.

    ``load_base`` gives the raw table of the declaration that ``extends`` names.
    Raises ``DeclarationError``.
    """
    raw = _table(text, file or name)
    raw = _extend(raw, file or name, load_base, (name,))
    for key in ("name", "file"):
        if key in raw:
            raise DeclarationError(
                f"unknown key {key!r}",
                place=Place(Path(file).name),
                fixes=["remove it: the file's name is the name"],
            )
    try:
        made = Declaration.model_validate({**raw, "name": name, "file": file})
    except ValidationError as error:
        raise _explain(error, Path(file or name).name, text) from None
    _refuse_empty(made)
    return made


def read(path: Path, load_base: Loader | None = None) -> Declaration:
    """Read a declaration from a file. Raises ``DeclarationError``."""
    return parse(read_text(path), name=path.stem, file=str(path), load_base=load_base)


def read_text(path: Path) -> str:
    """Return the text of a declaration file. Raises ``DeclarationError``."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeclarationError(
            f"not UTF-8: byte {error.start} is {error.object[error.start]:#04x}",
            place=Place(str(path)),
            fixes=["save the file as UTF-8"],
        ) from None
    except OSError as error:
        raise DeclarationError(
            f"cannot be read: {error.strerror}", place=Place(str(path)), fixes=["check the path"]
        ) from None


def read_table(path: Path) -> dict[str, Any]:
    """Return the raw TOML table of a declaration file. Raises ``DeclarationError``."""
    return _table(read_text(path), str(path))


def _table(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, where = str(error).partition(" (at ")
        found = re.match(r"line ([0-9]+)", where)
        opened = max(text.rfind("'''"), text.rfind('"""'))
        line = (
            int(found.group(1))
            if found
            else text.count("\n", 0, opened if opened >= 0 else len(text.rstrip())) + 1
        )
        raise DeclarationError(
            f"not valid TOML: {reason}{f' (at {where}' if where else ''}",
            place=Place(Path(file).name, "", line),
            quote=_line(text, line),
            fixes=[
                "close every string, list and table; a string stands between quotes",
                "put literal text with quotes or backslashes between ''' and '''",
            ],
        ) from None


def _extend(
    raw: dict[str, Any], file: str, load_base: Loader | None, seen: tuple[str, ...]
) -> dict[str, Any]:
    base = raw.get("extends")
    if not isinstance(base, str):
        return raw
    if base in seen or load_base is None:
        reason = (
            f"extends {base!r} leads back to itself"
            if base in seen
            else f"cannot look up extends = {base!r}"
        )
        raise DeclarationError(
            reason,
            place=Place(Path(file).name, "extends"),
            quote=f'extends = "{base}"',
            fixes=["name another declaration", "remove `extends`"],
        )
    merged = dict(_extend(load_base(base), f"{base}.toml", load_base, (*seen, base)))
    for key in ("models", "references", "deviations"):
        merged.pop(
            key, None
        )  # facts about the base's own models and templates, not about its format
    for key, value in raw.items():
        old = merged.get(key)
        merged[key] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _refuse_empty(made: Declaration) -> None:
    """Refuse empty strings where a string is a marker: they would be found everywhere."""
    spellings = [
        text for spelling in made.accept.spellings for text in (spelling.for_, spelling.read)
    ]
    markers = {
        "stop": made.stop,
        "special": made.special,
        "output.inline": made.output.inline or (),
    }
    for key, texts in {**markers, "accept.spellings": spellings}.items():
        for text in texts:
            if not text.strip() and (not text or key == "accept.spellings"):
                what = "empty" if not text else "white space only"
                raise made.error(
                    f"a marker is {what}, and would be found everywhere", key, 0, "remove it"
                )


def _explain(error: ValidationError, file: str, text: str) -> DeclarationError:
    """Turn pydantic's first complaint into one of ours."""
    # A key that is not known may be one that is missing, with a typing error.
    errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = _real_keys(errors[0]["loc"])
    first = max(
        (e for e in errors if _real_keys(e["loc"])[: len(keys)] == keys),
        key=lambda e: len(e["loc"]),
    )
    keys = _real_keys(first["loc"])
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)[1:]
    line = _line_of(text, [str(key) for key in keys])
    place, quote, word = Place(file, path, line), _line(text, line), str(keys[-1])
    if first["type"] == "extra_forbidden":
        table: Any = Declaration
        for part in keys[:-1]:
            field = getattr(table, "model_fields", {}).get(part)
            table = field.annotation if field is not None else table
            table = next(
                (a for a in getattr(table, "__args__", ()) if hasattr(a, "model_fields")), table
            )
        known = [
            f.alias or n
            for n, f in getattr(table, "model_fields", {}).items()
            if n not in ("name", "file")
        ]
        fixes = [f"use one of: {', '.join(known)}", "remove it"]
        return DeclarationError(
            f"unknown key {word!r}{did_you_mean(word, known)}",
            place=place,
            quote=quote,
            fixes=fixes,
        )
    if first["type"] == "missing":
        owner = "".join(f"[{key}]" for key in keys[:-1] if isinstance(key, str))
        fix = (
            f"add {word} = ... under {owner}"
            if owner
            else f"add {word} = ... at the top of the file"
        )
        if any(isinstance(key, int) for key in keys):
            fix = f"add {word} = ... to this entry"
        if word in ("prompt", "output"):
            fix = f"add the table [{word}]"
        return DeclarationError(
            f"the key {path!r} is missing", place=place, quote=quote, fixes=[fix]
        )
    other = (f"{first['msg'][0].lower()}{first['msg'][1:]}", "correct the value")
    message, fix = _KINDS.get("option" if keys[0] == "options" else first["type"], other)
    fix = fix.format(key=word, expected=first.get("ctx", {}).get("expected"))
    return DeclarationError(
        f"{message}: {first['input']!r:.200}",
        place=place,
        quote=quote,
        fixes=[fix, "see `adapters schema` for the keys and their types"],
    )


_KINDS = {
    "string_type": ("not a valid string", 'write it between quotes: {key} = "..."'),
    "bool_type": ("not true or false", "write true or false, without quotes"),
    "bool_parsing": ("not true or false", "write true or false, without quotes"),
    "int_type": ("not a whole number", "write digits, without quotes"),
    "int_parsing": ("not a whole number", "write digits, without quotes"),
    "tuple_type": ("not a list", 'write a list: {key} = ["..."]'),
    "dict_type": ("not a table", "write a table: [{key}], and its keys below it"),
    "model_type": ("not a table", "write a table: [{key}], and its keys below it"),
    "model_attributes_type": ("not a table", "write a table: {{ ... }}"),
    "literal_error": ("not one of the words that this key takes", "use {expected}"),
    "string_pattern_mismatch": (
        "not 64 hexadecimal digits",
        "copy what `sha256sum` prints of the template file",
    ),
    "greater_than_equal": ("below zero", "write 0 or more"),
    "option": (
        "not a default that an option can have",
        "write true, false, a whole number, a string or {{}}",
    ),
}


def _real_keys(loc: tuple[int | str, ...]) -> list[int | str]:
    """Return a pydantic location without the names of union members."""
    keys = [key for key in loc if not (isinstance(key, str) and re.search(r"[\[(]", key))]
    if keys[0] == "options":
        del keys[2:]
    return keys


def _line(text: str, line: int) -> str:
    lines = text.split("\n")
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line of a TOML text on which a key stands, or else its table's, or 0."""
    table, found = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = f"{header.group(1).strip()}."
            if table.rstrip(".") == ".".join(keys[: table.count(".")]):
                found = number
        elif key := re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line):
            path = (table + key.group(1)).replace('"', "").split(".")
            if path == keys[: len(path)]:
                return number
    return found
