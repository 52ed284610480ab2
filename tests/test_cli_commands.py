"""Every command does what its help says."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import pytest

import chatadapters
from chatadapters import registry, tables
from chatadapters.cli import facts, sample, show
from chatadapters.cli.app import COMMANDS
from chatadapters.cli.example import example
from tests import strategies
from tests.cli_run import adapters

NAMES = registry.names()
SOME = sorted({*strategies.NAMES, *NAMES[::6]})  # `verify --all` tries every one
CHAT = '[{"role": "user", "content": "Hi"}]'


@pytest.fixture
def conversation(tmp_path):
    """Write a conversation file."""

    def write(value: object) -> Path:
        path = tmp_path / "conversation.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return write


@pytest.fixture(params=SOME)
def adapter(request):
    return chatadapters.load(request.param)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    ran = adapters(command, "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: adapters {command}")
    assert f"adapters {command}" in ran.out.split("Example", 1)[1]
    assert not ran.err


def test_the_program_has_help_and_a_version():
    from chatadapters.cli.app import help_text, run

    assert adapters("--help").out == adapters("-h").out == help_text()
    assert set(COMMANDS) <= set(help_text().split())
    assert adapters("--version").out == f"adapters {chatadapters.__version__}\n"
    assert callable(run)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from chatadapters.cli import main; main(['--help']); "
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"click", "rich", "jinja2", "pydantic", "typing"} & set(ran.stderr.split())


def test_help_of_a_command_imports_no_compiler():
    code = (
        "import sys; from chatadapters.cli import main; main(['compile', '--help']); "
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"rich", "jinja2", "pydantic"} & set(ran.stderr.split())


def test_list_names_every_adapter():
    table = adapters("list").out.splitlines()
    assert [line.split()[0] for line in table[1:] if not line.startswith(" ")] == NAMES
    rows = json.loads(adapters("list", "--json").out)
    assert sorted(rows) == NAMES
    for row in rows.values():
        assert {"title", "models", "aliases", "capabilities", "sha256", "evidence"} <= set(row)


def test_show_says_what_there_is_to_know(adapter):
    ran = adapters("show", adapter.name)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"{adapter.name}  {adapter.declaration.title}")
    for heading in ("Prompt", "Answer\n", "Read back\n", "Facts\n"):
        assert f"\n{heading}" in ran.out
    for lines in dict(show.sections(adapter)).values():
        assert all(line in ran.out for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_the_worked_example_is_cut_without_loss(name):
    adapter = chatadapters.load(name)
    worked = example(adapter)
    parts = worked.answer_parts()
    assert "".join(text for _, text in parts) == worked.answer
    kinds = {kind for kind, _ in parts}
    can = facts.capabilities(adapter)
    assert can["tools"] == ("name" in kinds)
    assert can["reasoning"] == ("reasoning" in kinds)
    assert "".join(text for _, text in worked.prompt_parts()) == worked.prompt
    assert ("content", sample.QUESTION) in worked.prompt_parts()


def test_compile_writes_the_files_and_says_how_to_use_them(adapter, tmp_path):
    ran = adapters("compile", adapter.name, "-o", tmp_path / "a" / "b")
    assert ran.status == 0
    written = {p.name: p for p in (tmp_path / "a" / "b").iterdir()}
    assert sorted(written) == [
        f"{adapter.name}{ending}" for ending in (".jinja", "_parser.py", "_vllm.py")
    ]
    assert [line.split()[0] for line in ran.out.splitlines()] == [
        str(p) for p in written.values()
    ] or [line.split()[0] for line in ran.out.splitlines()] == sorted(map(str, written.values()))
    assert f"--chat-template {written[f'{adapter.name}.jinja']}" in ran.err
    assert f"from {adapter.name}_parser import Parser" in ran.err
    assert written[f"{adapter.name}.jinja"].read_bytes() == adapter.emit("jinja").encode()
    assert written[f"{adapter.name}_parser.py"].read_bytes() == adapter.emit("python").encode()


def test_the_committed_templates_are_what_compile_writes(adapter):
    folder = registry.folder("chat-template")
    ran = adapters("compile", adapter.name, "-o", folder, "--target", "jinja", "--check")
    assert (ran.status, ran.err) == (0, "")
    assert "is up to date" in ran.out


def test_compile_check_tells_missing_and_changed_files(tmp_path):
    name = NAMES[0]
    ran = adapters("compile", name, "-o", tmp_path, "--check")
    assert ran.status == 1
    assert ran.out.count("missing") == 3
    assert not list(tmp_path.iterdir())
    assert adapters("compile", name, "-o", tmp_path).status == 0
    assert adapters("compile", name, "-o", tmp_path, "--check").status == 0
    (tmp_path / f"{name}.jinja").write_text("edited")
    ran = adapters("compile", name, "-o", tmp_path, "--check")
    assert ran.status == 1
    assert "differs" in ran.out and "is up to date" in ran.out


def test_compile_writes_one_target_where_asked(tmp_path):
    assert adapters("compile", NAMES[0], "-o", tmp_path, "-t", "jinja").status == 0
    assert [p.suffix for p in tmp_path.iterdir()] == [".jinja"]


def test_compiled_files_get_the_permissions_of_any_new_file(tmp_path):
    adapters("compile", NAMES[0], "-o", tmp_path)
    plain = tmp_path / "plain"
    plain.touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {stat.S_IMODE(plain.stat().st_mode)}


def test_compile_takes_a_file_whose_name_is_no_identifier(tmp_path):
    path = tmp_path / "my-format.toml"
    path.write_bytes(registry.resolve(NAMES[0]).read_bytes())
    assert adapters("compile", path, "-o", tmp_path).status == 0
    assert (tmp_path / "my-format.jinja").exists()
    assert (tmp_path / "my_format_parser.py").exists()


def test_render_prints_the_prompt_and_nothing_else(adapter, conversation, tmp_path):
    messages, tools = sample.conversation(facts.capabilities(adapter))
    path, tools_file = conversation(messages[:-1]), tmp_path / "tools.json"
    tools_file.write_text(json.dumps({"tools": tools}))
    extra = ["--tools", tools_file] if tools else []
    ran = adapters("render", adapter.name, path, *extra)
    assert (ran.status, ran.err) == (0, "")
    assert any_time(ran.out) == any_time(adapter.render(messages[:-1], tools=tools))
    body = conversation({"messages": messages[:-1], "tools": tools, "model": "ignored"})
    assert any_time(adapters("render", adapter.name, body).out) == any_time(ran.out)
    ran = adapters("render", adapter.name, path, *extra, "--no-generation-prompt")
    without = adapter.render(messages[:-1], tools=tools, add_generation_prompt=False)
    assert any_time(ran.out) == any_time(without)


def any_time(prompt: str) -> str:
    """Return a prompt without the time of day, which one format tells."""
    return re.sub(r"\b\d\d:\d\d:\d\d\b", "12:00:00", prompt)


def test_render_reads_stdin_and_a_byte_order_mark():
    expected = adapters("render", NAMES[0], "-", stdin=CHAT).out
    assert expected
    assert adapters("render", NAMES[0], "-", stdin="\ufeff" + CHAT).out == expected


def test_render_takes_options_from_the_command_line_and_from_the_file(conversation, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "x"\n[options]\nmode = "plain"\n[prompt]\nuser = "{{ mode }} {{ content }}"\n'
        'assistant = "{{ output }}"\n[output]\ntext = "{{ content }}"\n'
    )
    assert adapters("render", path, conversation(CHAT)).out == "plain Hi"
    assert adapters("render", path, conversation(CHAT), "--set", "mode=loud").out == "loud Hi"
    table = {"messages": json.loads(CHAT), "chat_template_kwargs": {"mode": "soft"}}
    assert adapters("render", path, conversation(table)).out == "soft Hi"
    assert adapters("render", path, conversation(table), "--set", "mode=x").out == "x Hi"


def test_parse_prints_the_message_that_was_rendered(adapter, tmp_path):
    worked = example(adapter)
    tools_file, prompt_file = tmp_path / "tools.json", tmp_path / "prompt.txt"
    tools_file.write_text(json.dumps(worked.tools or []))
    prompt_file.write_bytes(worked.prompt.encode())
    given = ["--tools", tools_file] if worked.tools else []
    args = ["parse", adapter.name, "--prompt", prompt_file, *given]
    ran = adapters(*args, stdin=worked.answer)
    assert (ran.status, ran.err) == (0, "")
    assert without_ids(json.loads(ran.out)) == without_ids(worked.read_back())
    streamed = adapters(*args, "--stream", stdin=worked.answer)
    events = [json.loads(line) for line in streamed.out.splitlines()]
    texts = "".join(event["text"] for event in events if event["type"] == "text")
    assert texts == (json.loads(ran.out)["content"] or "")


def without_ids(message):
    """Return a message without its calls' ids: where the text carries none, they are random."""
    return [message | {"tool_calls": [c["function"] for c in message.get("tool_calls", [])]}]


def test_parse_streams_while_its_input_is_still_open():
    code = "import sys; from chatadapters.cli import main; sys.exit(main())"
    name = NAMES[0]
    running = subprocess.Popen(
        [sys.executable, "-c", code, "parse", name, "--stream"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    timer = threading.Timer(60, running.kill)
    timer.start()
    answer = chatadapters.load(name).output(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "one two three"}]
    )
    running.stdin.write(answer[:-4].encode() + "é".encode()[:1])  # half a character must wait
    running.stdin.flush()
    first = json.loads(running.stdout.readline())
    assert first["type"] == "text"
    rest, _ = running.communicate("é".encode()[1:])
    timer.cancel()
    assert running.returncode == 0
    events = [first, *map(json.loads, rest.splitlines())]
    assert "".join(e["text"] for e in events if e["type"] == "text").endswith("é")


def test_parse_says_what_is_wrong_with_a_call(tmp_path):
    adapter = next(a for a in map(chatadapters.load, NAMES) if facts.capabilities(a)["tools"])
    answer = example(adapter).answer
    half = answer[: answer.index("Paris") + 2]
    ran = adapters("parse", adapter.name, stdin=half)
    assert ran.status == 0
    assert "is truncated" in ran.err


@pytest.mark.parametrize("base", SOME)
def test_new_makes_a_declaration_that_works_like_its_base(base, tmp_path):
    name = base
    ran = adapters("new", "mine", "--from", name, "-o", tmp_path)
    assert ran.status == 0
    path = tmp_path / "mine.toml"
    assert str(path) in ran.out
    mine, theirs = chatadapters.load(path), chatadapters.load(base)
    ours, base = example(mine), example(theirs)
    assert (ours.prompt, ours.answer) == (base.prompt, base.answer)
    assert mine.declaration.models == mine.declaration.references == ()
    kept = [line[2:] for line in path.read_text(encoding="utf-8").splitlines()]
    written = registry.resolve(name).read_text(encoding="utf-8").splitlines()
    assert set(kept) >= {line for line in written if line.startswith("[")}


def test_new_prints_where_asked():
    ran = adapters("new", "mine", "--from", NAMES[0], "-o", "-")
    assert tables.tomllib.loads(ran.out)["extends"] == NAMES[0]
    assert not Path("mine.toml").exists()


def test_the_schema_accepts_every_declaration_and_refuses_mistakes():
    ran = adapters("schema")
    schema = json.loads(ran.out)
    assert ran.out == (registry.folder("registry") / "schema.json").read_text(encoding="utf-8")
    validator = jsonschema.Draft202012Validator(schema)
    for name in NAMES:
        validator.validate(tables.read_table(registry.resolve(name)))
    table = tables.read_table(registry.resolve(NAMES[0]))
    validator.validate({"extends": NAMES[0], "prompt": {"generation": "x"}})
    for broken in (
        {**table, "titel": "x"}, {**table, "stop": "x"}, {"title": "x"}, {**table, "name": "x"},
        {**table, "prompt": {}}, {**table, "output": {"text": 3}},
    ):  # fmt: skip
        assert not validator.is_valid(broken)


def test_every_key_of_the_schema_is_described():
    schema = json.loads(adapters("schema").out)

    def undescribed(table, place):
        for key, value in table.get("properties", {}).items():
            if "description" not in value and "$ref" not in json.dumps(value):
                yield f"{place}.{key}"
        for key, value in table.get("$defs", {}).items():
            yield from undescribed(value, key)

    assert not list(undescribed(schema, "Declaration"))


def test_verify_prints_a_table():
    ran = adapters("verify", NAMES[0], "--samples", "8")
    assert NAMES[0] in ran.out
    assert "references: " in ran.out
    assert ran.status in (0, 1)  # few samples may miss the shares; tests of the laws say the rest


def test_verify_exits_1_where_a_law_is_broken(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }} is not our format")
    ran = adapters("verify", NAMES[0], "--model", folder, "--samples", "8")
    assert ran.status == 1
    assert "the official one has" in ran.out


def test_verify_compares_with_the_template_of_a_model_folder(tmp_path):
    name = NAMES[0]
    template = chatadapters.load(name).template()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    ran = adapters("verify", name, "--model", tmp_path, "--samples", "8")
    assert "the given model" in ran.out
    assert "the official one has" not in ran.out
    assert "has no tokenizer.json" in ran.out


def test_output_is_utf8_in_any_locale():
    code = "import sys; from chatadapters.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(
        [sys.executable, "-c", code, "render", NAMES[0], "-"],
        input='[{"role": "user", "content": "é🙂"}]'.encode(), capture_output=True, env=environment,
    )  # fmt: skip
    assert "é🙂".encode() in ran.stdout
