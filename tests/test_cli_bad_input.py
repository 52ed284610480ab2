"""Bad input: each gives one clear message with place and remedy, exit status 2, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatadapters import registry
from tests.cli_run import Ran, adapters

GOOD = """\
title = "Good"
[prompt]
user = "<u>{{ content }}\\n"
assistant = "<a>{{ output }}<e>\\n"
generation = "<a>"
tool = "<r>{{ content }}\\n"
[output]
text = '''{{ content }}{% for call in calls %}CALL{% endfor %}'''
""".replace("CALL", "<call>{{ call.name }} {{ call.arguments | json }}</call>")
CHAT = [{"role": "user", "content": "Hi"}]


def refused(ran: Ran, *said: str) -> None:
    """Assert that a command complained properly: status 2, one message that says all this."""
    assert ran.status == 2, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    for words in said:
        assert words.lower() in ran.err.lower(), ran.err
    assert ran.err.lower().count("error:") == 1


@pytest.fixture
def declared(tmp_path):
    """Write a declaration that is good but for one change."""

    def write(old: str = "", new: str = "", text: str = GOOD) -> Path:
        assert old in text
        path = tmp_path / "mine.toml"
        path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def conversation(tmp_path):
    """Write a conversation file."""

    def write(value: object) -> Path:
        path = tmp_path / "conversation.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return write


def test_the_good_declaration_and_conversation_are_good(declared, conversation):
    ran = adapters("render", declared(), conversation(CHAT))
    assert (ran.status, ran.out) == (0, "<u>Hi\n<a>")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Good"', '"Good', ["mine.toml", "not valid TOML", "line 1"]),
        (
            "title",
            'titel = "x"\ntitle',
            ["mine.toml, titel", "unknown key", "did you mean 'title'"],
        ),
        ("generation", "genration", ["mine.toml, prompt.genration", "did you mean 'generation'"]),
        ('title = "Good"', "title = 3", ["mine.toml, title", "valid string"]),
        ('user = "<u>{{ content }}\\n"', "", ["prompt.user", "missing"]),
        ("<u>{{ content }}", "<u>{{ contnt }}", ["mine.toml, prompt.user", "contnt", "content"]),
        ("<u>{{ content }}", "<u>{{ content | shout }}", ["mine.toml, prompt.user", "shout"]),
        ("<u>{{ content }}", "<u>{% if %}", ["mine.toml, prompt.user", "line 1"]),
        ("{{ call.name }}", "{{ call.name ~ 1 }}", ["mine.toml, output.text", "call.name ~ 1"]),
        ("{{ call.name }}", "{{ call.nam }}", ["mine.toml, output.text", "nam"]),
        ("'''{{ content }}", "'''{{ content }}{{ reasoning }}", ["output.text", "between", "1."]),
        (
            'title = "Good"',
            'title = "Good"\nextends = "nothing"',
            ["mine.toml, extends", "nothing"],
        ),
        ('title = "Good"', 'title = "Good"\nextends = "mine"', ["mine.toml", "itself"]),
    ],
)
def test_a_declaration_that_is_not_valid(declared, tmp_path, old, new, said):
    path = declared(old, new)
    refused(adapters("compile", path, "-o", tmp_path / "build"), *said)
    assert not (tmp_path / "build").exists()


def test_a_declaration_that_is_not_utf8(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b'title = "\xff"\n')
    refused(adapters("show", path), "mine.toml", "not UTF-8", "byte 9")


@pytest.mark.parametrize("command", ["show", "compile", "parse", "verify"])
def test_an_unknown_adapter(command):
    name = registry.names()[0]
    refused(adapters(command, name[:-1] + "x"), name[:-1] + "x", f"did you mean {name!r}")


def test_an_unknown_adapter_for_render_and_new(conversation):
    refused(adapters("render", "no/such", conversation(CHAT)), "'no/such'")
    refused(adapters("new", "mine", "--from", "nothing_like_it"), "'nothing_like_it'")


def test_a_declaration_file_that_is_not_there(tmp_path):
    refused(adapters("show", tmp_path / "none.toml"), "none.toml", "No such file", "check the path")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", ["conversation.json", "not JSON"]),
        ('[{"role": "user",}]', ["conversation.json, line 1, column", "not JSON", "valid JSON"]),
        ('[{"role": "user"\n', ["conversation.json, line 2, column 1", "not JSON", '"user"']),
        ("[" + "1" * 5000 + "]", ["conversation.json", "digits"]),
        ("[" * 100_000, ["conversation.json", "nested too deeply"]),
        ('[{"role": "user", "content": "\\ud800"}]', ["conversation.json", "half of a character"]),
        ("3", ["conversation.json", "not a conversation", '"role"']),
        ({"message": []}, ["conversation.json", "not a conversation"]),
        (["Hi"], ["conversation.json, messages[0]", "not a message", "'Hi'"]),
        ([{"content": "Hi"}], ["messages[0]", "not a message"]),
        ([{"role": "user", "content": 3}], ["messages[0]", "content"]),
        ([*CHAT, {"role": "assistant", "tool_calls": [3]}], ["messages[1]", "tool_calls"]),
        ([*CHAT, {"role": "assistant", "tool_calls": "x"}], ["messages[1]", "tool_calls"]),
        ([*CHAT, {"role": "wizard", "content": "x"}], ["role", "wizard"]),
    ],
)
def test_a_conversation_that_is_none(declared, conversation, value, said):
    refused(adapters("render", declared(), conversation(value)), *said)


@pytest.mark.parametrize("arguments", ["{", '{"a": }', "[1]", "3", '"x"', ""])
def test_arguments_that_are_a_broken_json_string(declared, conversation, arguments):
    call = {"type": "function", "function": {"name": "f", "arguments": arguments}}
    messages = [*CHAT, {"role": "assistant", "content": "", "tool_calls": [call]}]
    ran = adapters("render", declared(), conversation(messages))
    if arguments == "":  # what a call without arguments looks like at some servers
        assert ran.status == 0
    else:
        refused(ran, "messages[1]", "tool_calls[0]", "arguments")


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ("{", ["tools.json", "not JSON"]),
        ("3", ["tools.json", "tools are a list"]),
        ('["f"]', ["tools.json, tools[0]", "not a tool", '"function"']),
        ('[{"type": "function"}]', ["tools[0]", "not a tool"]),
        ('[{"function": {"name": "f"}}, {"function": {"name": 3}}]', ["tools[1]", "not a tool"]),
        ('[{"name": "f", "parameters": "x"}]', ["tools[0].parameters", "not a JSON Schema"]),
    ],
)
def test_tools_that_are_none(declared, conversation, tmp_path, tools, said):
    path = tmp_path / "tools.json"
    path.write_text(tools)
    refused(adapters("render", declared(), conversation(CHAT), "--tools", path), *said)
    refused(adapters("parse", declared(), "--tools", path), *said)


def test_tools_inside_a_conversation_are_checked_too(declared, conversation):
    path = conversation({"messages": CHAT, "tools": [3]})
    refused(adapters("render", declared(), path), "conversation.json, tools[0]")


@pytest.mark.parametrize("path", ["none.json", "."])
def test_a_file_that_cannot_be_read(declared, tmp_path, path):
    for command in (["render", declared()], ["parse", declared()]):
        refused(adapters(*command, tmp_path / path), str(tmp_path / path), "check the path")


@pytest.mark.parametrize(
    "data",
    [b"caf\xe9 and more", b"ok \xf0\x9f\x98", b"\xed\xa0\x80"],
    ids=["latin1", "cut", "half"],
)
def test_invalid_utf8_on_stdin(declared, data):
    ran = adapters("parse", declared(), stdin=data)
    refused(ran, "stdin", "not UTF-8", "byte")
    ran = adapters("parse", declared(), "--stream", stdin=data)
    assert ran.status == 2
    assert "stdin: not UTF-8: byte" in ran.err
    refused(adapters("render", declared(), "-", stdin=data), "stdin", "not UTF-8")


@pytest.mark.parametrize(
    "args",
    [
        [], ["frobnicate"], ["compil"], ["show"], ["--frob"], ["compile", "--target", "cobol", "x"],
        ["new", "Bad-Name", "--from", "x"], ["new", "x"], ["verify"], ["verify", "--all", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_usage(args):
    ran = adapters(*args)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: adapters" in ran.err


def test_an_unknown_command_is_answered_with_the_near_one():
    assert "did you mean 'compile'?" in adapters("compil").err


def test_an_unknown_option_of_the_template(declared, conversation):
    path = declared('title = "Good"', 'title = "Good"\n[options]\nthinking = true')
    ran = adapters("render", path, conversation(CHAT), "--set", "thinkin=1")
    refused(ran, "--set", "'thinkin'", "did you mean 'thinking'?")
    refused(adapters("render", path, conversation(CHAT), "--set", "thinking"), "KEY=VALUE")


def test_a_folder_that_cannot_be_written(declared, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    refused(adapters("compile", declared(), "-o", blocked), str(blocked), "cannot be written", "-o")
    assert blocked.read_text() == "in the way"
    refused(adapters("compile", declared(), "-o", "/proc/none"), "/proc/none", "cannot be written")


def test_nothing_is_half_written_where_one_file_cannot_be(declared, tmp_path):
    build = tmp_path / "build"
    (build / "mine_parser.py").mkdir(parents=True)
    refused(adapters("compile", declared(), "-o", build), "mine_parser.py", "cannot be written")
    assert [path.name for path in build.iterdir()] == ["mine_parser.py"]


def test_a_new_declaration_does_not_replace_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text("precious")
    base = registry.names()[0]
    refused(adapters("new", "mine", "--from", base, "-o", tmp_path), "mine.toml", "exists already")
    assert (tmp_path / "mine.toml").read_text() == "precious"


def program(*args: object, **options: object) -> subprocess.Popen[bytes]:
    code = "import sys; from chatadapters.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]


def test_a_closed_pipe_is_quiet(declared):
    running = program(
        "parse", declared(), "--stream", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    running.stdout.close()
    _, err = running.communicate(b"x" * 10)
    assert (running.returncode, err) == (141, b"")


@pytest.mark.parametrize("stdout", ["/dev/full", None])
def test_a_stdout_that_takes_nothing(declared, stdout):
    if stdout is None:
        running = program("schema", preexec_fn=lambda: os.close(1))
    else:
        with open(stdout, "wb") as full:
            running = program("schema", stdout=full)
    _, err = running.communicate()
    assert running.returncode == 2
    assert err.startswith(b"Error: ")
    assert b"Traceback" not in err and b"Exception ignored" not in err
