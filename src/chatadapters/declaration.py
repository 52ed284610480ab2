"""The declaration of a format: a TOML file in, a checked pydantic model out."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import DeclarationError, Place, did_you_mean

HistoryPolicy = Literal[
    "last_user", "all", "none", "tool_turns", "tool_turns_after_last_user", "since_last_final", "last_only"
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reference(_Table):
    """An official template that the compiled one must equal, found by its sha256."""

    model: str = Field(description="Repository id of the model whose template this is.")
    template: str = Field(description="File name in the reference folder, without the ending .jinja.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the template file.")
    part: Literal["all", "opening"] = Field(
        "all", description="'opening': only what stands before the first turn is compared (system text and tools)."
    )


class Deviation(_Table):
    """A condition under which the compiled template must differ from the official one, and why."""

    when: str = Field(description="Jinja expression over the fragment variables, tried at every turn.")
    reason: str


class Prompt(_Table):
    """The prompt side: one Jinja fragment per kind of turn."""

    opening: str = Field("", description="Whatever stands before the first turn: leading system message, tools.")
    system: str | None = Field(None, description="A system message later in the conversation.")
    user: str = Field(description="A user message.")
    assistant: str = Field(description="An assistant message; {{ output }} is where the [output] fragment goes.")
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
    content_with_calls: bool = Field(True, description="Whether content beside tool calls is carried.")
    reasoning: bool = Field(True, description="Whether reasoning is carried at all.")


class Spelling(_Table):
    """Another spelling of a literal, read and never printed."""

    for_: str = Field(alias="for", description="The literal as the fragment has it.")
    read: str = Field(description="Another spelling that is read as well.")


class Accept(_Table):
    """What is read beyond what is printed."""

    spellings: tuple[Spelling, ...] = ()
    calls_in_reasoning: bool = Field(False, description="A tool call inside reasoning ends the reasoning.")


OptionValue = bool | int | str | dict[str, Any]


class Declaration(_Table):
    """One chat wire format, declared once."""

    title: str
    models: tuple[str, ...] = Field((), description="Patterns of repository ids, such as 'Qwen/Qwen3-*'.")
    references: tuple[Reference, ...] = ()
    stop: tuple[str, ...] = Field((), description="Stop strings: each ends the message.")
    special: tuple[str, ...] = Field((), description="Markers that the tokenizer holds as one id each.")
    extends: str | None = Field(None, description="Name of a declaration whose keys this one takes over.")
    tokens: dict[str, str] = Field(default_factory=dict, description="Defaults of bos_token, eos_token, ...")
    options: dict[str, OptionValue] = Field(
        default_factory=dict, description="Template arguments and their defaults; {} is undefined unless given."
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


Loader = Callable[[str], dict[str, Any]]


def parse(text: str, *, name: str, file: str = "", load_base: Loader | None = None) -> Declaration:
    """Read the TOML text of a declaration.

    ``load_base`` gives the raw table of the declaration that ``extends`` names. Raises ``DeclarationError``.
    """
    raw = _table(text, file or name)
    raw = _extend(raw, file or name, load_base, (name,))
    for key in ("name", "file"):
        if key in raw:
            raise DeclarationError(
                f"unknown key {key!r}", place=Place(Path(file).name), fixes=["remove it: the file's name is the name"]
            )
    try:
        return Declaration.model_validate({**raw, "name": name, "file": file})
    except ValidationError as error:
        raise _explain(error, Path(file or name).name) from None


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
        raise DeclarationError(
            f"not valid TOML: {error}",
            place=Place(Path(file).name),
            fixes=["literal text with quotes or backslashes is easiest between ''' and '''"],
        ) from None


def _extend(raw: dict[str, Any], file: str, load_base: Loader | None, seen: tuple[str, ...]) -> dict[str, Any]:
    base = raw.get("extends")
    if not isinstance(base, str):
        return raw
    if base in seen or load_base is None:
        reason = f"extends {base!r} leads back to itself" if base in seen else f"cannot look up extends = {base!r}"
        raise DeclarationError(reason, place=Place(Path(file).name), fixes=["name another declaration, or none"])
    merged = dict(_extend(load_base(base), f"{base}.toml", load_base, (*seen, base)))
    for key in ("models", "references", "deviations"):
        merged.pop(key, None)  # facts about the base's own models and templates, not about its format
    for key, value in raw.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _explain(error: ValidationError, file: str) -> DeclarationError:
    """Turn pydantic's first complaint into one of ours."""
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    place = Place(file, path)
    if first["type"] == "extra_forbidden":
        table: Any = Declaration
        for part in first["loc"][:-1]:
            field = getattr(table, "model_fields", {}).get(part)
            table = field.annotation if field is not None else None
        known = [f.alias or n for n, f in getattr(table, "model_fields", {}).items() if n not in ("name", "file")]
        word = str(first["loc"][-1])
        return DeclarationError(
            f"unknown key {word!r}{did_you_mean(word, known)}",
            place=place,
            fixes=[f"use one of: {', '.join(known)}" if known else "remove it"],
        )
    if first["type"] == "missing":
        return DeclarationError(f"the key {path!r} is missing", place=place, fixes=[f"add {path} = ..."])
    return DeclarationError(
        f"{first['msg'][0].lower()}{first['msg'][1:]}",
        place=place,
        quote=repr(first["input"]),
        fixes=["see `adapters schema` for the keys and their types"],
    )
