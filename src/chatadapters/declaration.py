"""The declaration of a format: a TOML file in, a checked pydantic model out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import tables
from .complaints import explain
from .errors import DeclarationError, Place

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
        description="'opening': only what stands before the first turn is compared "
        "(system text and tools).",
    )


class Deviation(_Table):
    """A condition under which the compiled template must differ from the official one, and why."""

    when: str = Field(
        description="Jinja expression over the fragment variables, tried at every turn."
    )
    reason: str = Field(description="Why the official text is not copied, for the docs.")


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
    use: tuple[str, ...] = Field(
        (), description="Sets of macros that the package keeps, by name; `macros` may replace some."
    )
    parts: str = Field("", description="What joins the text parts of a content list.")


class Output(_Table):
    """The assistant's own output, in the invertible subset of Jinja."""

    text: str = Field(
        description="Holes, literal text, conditions and loops that can be run backwards."
    )
    history: HistoryPolicy | dict[str, dict[str, HistoryPolicy]] = Field(
        "last_user",
        description="Which past reasoning is kept: a policy, "
        "or { option = { 'true' = policy, 'false' = policy } }.",
    )
    history_when: str | None = Field(
        None,
        description="Instead of `history`: a Jinja expression over the fragment variables; "
        "past reasoning is kept in the turns where it holds.",
    )
    inline: tuple[str, str] | None = Field(
        None, description="Markers that split a content into reasoning and content before printing."
    )


class Ids(_Table):
    """The form of tool call ids."""

    pattern: str = Field(
        description="Literal text and {name}, {index} (in the message), "
        "{ordinal} (in the conversation), {alnum:N} (N letters or digits)."
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """The pattern cut into literal text and placeholders."""
        return tuple(part for part in re.split(r"(\{[^{}]*\})", self.pattern) if part)


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
    missing: tuple[str, ...] = Field(
        (),
        description="Opening markers of calls that may be missing, where another one follows them.",
    )
    calls_in_reasoning: bool = Field(
        False, description="A tool call inside reasoning ends the reasoning."
    )


Evidence = Literal["template", "parser", "encoder"]
OptionValue = bool | int | str | dict[str, Any]


class Declaration(_Table):
    """One chat wire format, declared once."""

    title: str = Field(description="What the format is, in a few words.")
    models: tuple[str, ...] = Field(
        (), description="Patterns of repository ids, such as 'OWNER/NAME-*'."
    )
    aliases: dict[str, tuple[str, ...]] = Field(
        {},
        description="Names that other engines give to a parser of this format, by engine: "
        '{ vllm = ["NAME"], sglang = ["NAME"] }.',
    )
    evidence: Evidence = Field(
        "template",
        description="What this declaration is read from: the vendor's chat template, only an "
        "engine's parser (or fixtures), or the vendor's encoder program.",
    )
    references: tuple[Reference, ...] = ()
    stop: tuple[str, ...] = Field((), description="Stop strings: each ends the message.")
    special: tuple[str, ...] = Field(
        (), description="Markers that the tokenizer holds as one id each."
    )
    flags: dict[str, str] = Field(
        {},
        description="Flags that a server needs for these models whatever their format, by engine: "
        '{ vllm = "--trust-remote-code" }.',
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


def parse(
    text: str, *, name: str, file: str = "", load_base: tables.Loader | None = None
) -> Declaration:
    """Read the TOML text of a declaration.

    ``load_base`` gives the raw table of the declaration that ``extends`` names.
    Raises ``DeclarationError``.
    """
    raw = tables.parse(text, file or name)
    raw = tables.extend(raw, file or name, load_base, (name,))
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
        raise explain(error, Path(file or name).name, text, cls=Declaration) from None
    _refuse_empty(made)
    _check_aliases(made)
    return made


def read(path: Path, load_base: tables.Loader | None = None) -> Declaration:
    """Read a declaration from a file. Raises ``DeclarationError``."""
    return parse(tables.read_text(path), name=path.stem, file=str(path), load_base=load_base)


def _check_aliases(made: Declaration) -> None:
    for engine, names in made.aliases.items():
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", f"{engine}{name}") or not name:
                raise made.error(
                    f"{name!r} is not a parser's name",
                    f"aliases.{engine}",
                    0,
                    "write it as the engine's own command line takes it: letters, digits, _, -, .",
                )
            if names.count(name) > 1:
                raise made.error(
                    f"{name!r} stands here twice", f"aliases.{engine}", 0, "remove one"
                )


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
