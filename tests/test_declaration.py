"""Declarations: what TOML becomes, what ``extends`` takes over, what is refused, and the schema."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

import chatadapters
from chatadapters import declaration, registry
from chatadapters.cli import schema
from chatadapters.errors import DeclarationError

NAMES = chatadapters.names()
SMALL = """
title = "Small"
[prompt]
user = "<user>{{ content }}"
assistant = "<bot>{{ output }}"
generation = "<bot>"
[output]
text = "{{ content }}"
"""
BASE = {
    "title": "Base",
    "models": ["base/*"],
    "stop": ["<a>", "<b>"],
    "options": {"one": 1, "two": 2},
    "aliases": {"engine": ["x"]},
    "evidence": "parser",
    "deviations": [{"when": "tools", "reason": "because"}],
    "prompt": {"user": "U{{ content }}", "assistant": "A{{ output }}", "generation": "A"},
    "output": {"text": "{{ content }}", "history": {"one": {"true": "all", "false": "none"}}},
}


def made(text: str = SMALL, **bases: dict) -> declaration.Declaration:
    return declaration.parse(text, name="small", file="small.toml", load_base=bases.__getitem__)


def refused(text: str, **bases: dict) -> str:
    with pytest.raises(DeclarationError) as caught:
        made(text, **bases)
    return str(caught.value)


def test_what_is_not_written_has_its_default() -> None:
    small = made()
    assert (small.name, small.file, small.title) == ("small", "small.toml", "Small")
    assert small.prompt.tool is None and small.prompt.opening == "" and small.prompt.parts == ""
    assert small.output.history == "last_user" and small.ids is None
    assert small.limits.calls is None and small.limits.reasoning
    assert small.models == small.stop == small.accept.spellings == ()


def test_a_declaration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        made().title = "Other"  # type: ignore[misc]


def test_extends_replaces_whole_keys() -> None:
    child = made('extends = "base"\ntitle = "Child"\nstop = ["<c>"]', base=BASE)
    assert child.title == "Child" and child.stop == ("<c>",)
    assert child.prompt.user == "U{{ content }}" and child.output.text == "{{ content }}"


def test_extends_merges_tables_one_level() -> None:
    text = 'extends = "base"\n[options]\ntwo = 22\nthree = 3\n[prompt]\nuser = "V{{ content }}"\n'
    child = made(text, base=BASE)
    assert child.options == {"one": 1, "two": 22, "three": 3}
    assert child.prompt.user == "V{{ content }}" and child.prompt.assistant == "A{{ output }}"
    deep = made('extends = "base"\n[output.history.two]\ntrue = "all"', base=BASE)
    assert deep.output.history == {"two": {"true": "all"}}, "a table inside a table is replaced"
    assert deep.output.text == "{{ content }}"


def test_extends_does_not_take_over_facts_about_other_models() -> None:
    child = made('extends = "base"\ntitle = "Child"', base=BASE)
    assert child.models == child.references == child.deviations == ()
    assert child.aliases == {} and child.evidence == "template"


def test_extends_goes_on_through_several() -> None:
    middle = {"extends": "base", "title": "Middle", "options": {"two": "middle"}}
    child = made('extends = "middle"\n[options]\nthree = 3', base=BASE, middle=middle)
    assert child.title == "Middle"
    assert child.options == {"one": 1, "two": "middle", "three": 3}
    assert BASE["options"] == {"one": 1, "two": 2}, "the base is not changed"


@pytest.mark.parametrize("bases", [{"small": BASE}, {"a": {"extends": "b"}, "b": {"extends": "a"}}])
def test_extends_in_a_circle_is_refused(bases: dict) -> None:
    said = refused(f'extends = "{next(iter(bases))}"', **bases)
    assert "small.toml, extends" in said or "a.toml, extends" in said or "b.toml, extends" in said
    assert "leads back to itself" in said


def test_an_unknown_key_of_the_base_is_refused_too() -> None:
    said = refused('extends = "base"', base={**BASE, "titel": "x"})
    assert "unknown key 'titel'; did you mean 'title'?" in said


@pytest.mark.parametrize("key", ["name", "file", "source"])
def test_a_file_does_not_say_its_own_name(key: str) -> None:
    assert f"unknown key '{key}'" in refused(f'{key} = "x"\n{SMALL}')


@pytest.mark.parametrize(
    ("table", "wrong", "right"),
    [
        ("", "specials = []", "special"),
        ("[limits]", "call = 1", "calls"),
        ("[accept]", "spelling = []", "spellings"),
        ("[ids]", 'patern = "{ordinal}"', "pattern"),
    ],
)
def test_an_unknown_key_gets_a_guess(table: str, wrong: str, right: str) -> None:
    said = refused(f"{SMALL}\n{table}\n{wrong}" if table else f"{wrong}\n{SMALL}")
    assert f"unknown key {wrong.split()[0]!r}; did you mean {right!r}" in said
    assert wrong in said, "the line is quoted"


def test_the_place_of_a_key_is_a_line_of_the_file() -> None:
    assert "small.toml, prompt.usr, line 5" in refused(SMALL.replace("assistant =", "usr ="))


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a:b"])
def test_an_alias_is_a_name_as_a_command_line_takes_it(name: str) -> None:
    said = refused(f'aliases = {{ engine = ["x", "{name}"] }}\n{SMALL}')
    assert f"small.toml, aliases.engine: {name!r} is not a parser's name" in said


def test_an_alias_stands_in_a_declaration_once() -> None:
    assert made(f'aliases = {{ a = ["x"], b = ["x"] }}\n{SMALL}').aliases["b"] == ("x",)
    assert "'x' stands here twice" in refused(f'aliases = {{ a = ["x", "y", "x"] }}\n{SMALL}')


def test_evidence_is_one_of_three_words() -> None:
    assert made(f'evidence = "encoder"\n{SMALL}').evidence == "encoder"
    assert "use 'template', 'parser' or 'encoder'" in refused(f'evidence = "guess"\n{SMALL}')


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(SMALL.encode() + b"# caf\xe9\n")
    with pytest.raises(DeclarationError, match=r"not UTF-8: byte \d+ is 0xe9"):
        declaration.read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"cannot be read"):
        declaration.read(tmp_path / "none.toml")


@pytest.mark.parametrize("name", NAMES)
def test_every_declaration_is_valid_under_the_schema(name: str) -> None:
    raw = tomllib.loads(registry.resolve(name).read_text(encoding="utf-8"))
    rules = json.loads(schema.text())
    jsonschema.Draft202012Validator.check_schema(rules)
    jsonschema.Draft202012Validator(rules).validate(raw)


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_survives_a_round_trip(name: str) -> None:
    first = chatadapters.load(name).declaration
    table = json.loads(first.model_dump_json(by_alias=True, exclude_none=True))
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(table)
    again = declaration.Declaration.model_validate({**table, "name": name, "file": first.file})
    assert again == first


@pytest.mark.parametrize(
    "wrong", ["titel = 1", "title = 1", "stop = 'x'", "limits = { calls = -1 }", "options = []"]
)
def test_what_is_refused_is_not_valid_under_the_schema(wrong: str) -> None:
    raw = {**tomllib.loads(SMALL), **tomllib.loads(wrong)}
    errors = list(jsonschema.Draft202012Validator(json.loads(schema.text())).iter_errors(raw))
    assert errors
    kept = SMALL.replace('title = "Small"', "") if wrong.startswith("title") else SMALL
    refused(f"{wrong}\n{kept}")
