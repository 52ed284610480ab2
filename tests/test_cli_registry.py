"""The commands that speak of all adapters: aliases in list and show, verify --all, plain tables."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path

import pytest

from chatadapters import conflicts, registry
from chatadapters.cli import verify as command
from chatadapters.cli.columns import layout
from chatadapters.verify import LawResult, Report, board
from tests.cli_run import adapters

PLAIN = """\
title = "Plain chat"
models = ["Maker/Plain-*"]
aliases = { engine = ["one", "two"], other = ["three"] }
evidence = "parser"
[prompt]
system = "<s>{{ content }}\\n"
user = "<u>{{ content }}\\n"
assistant = "<a>{{ output }}\\n"
generation = "<a>"
[output]
text = "{{ content }}"
[limits]
calls = 0
reasoning = false
"""


@pytest.fixture
def alone(tmp_path, monkeypatch) -> Path:
    """Give a folder with one declaration, which stands for the package's own."""
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path / name)
    monkeypatch.setattr(registry, "_registered", {})
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "plain.toml").write_text(PLAIN)
    return tmp_path


def test_list_shows_what_other_engines_call_a_format(alone):
    header, row = adapters("list").out.splitlines()
    assert "in other engines" in header
    assert "engine:one, engine:two, other:three" in row
    rows = json.loads(adapters("list", "--json").out)
    assert rows["plain"]["aliases"] == {"engine": ["one", "two"], "other": ["three"]}


def test_list_says_where_no_official_template_is_known(alone):
    row = {"models": [], "aliases": {}, "capabilities": {}, "evidence": {"from": "parser"}}
    (alone / "registry").mkdir()
    (alone / "registry" / "index.json").write_text(json.dumps({"adapters": {"plain": row}}))
    assert adapters("list").out.splitlines()[1].endswith("(parser)")


@pytest.mark.parametrize("words", [["PLAIN"], ["maker/", "one"], []])
def test_list_keeps_what_has_the_words(alone, words):
    (row,) = adapters("list", *words).out.splitlines()[1:]
    assert row.startswith("plain ")


def test_list_says_that_no_adapter_has_a_word(alone):
    ran = adapters("list", "plain", "nowhere")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "no adapter has 'plain' and 'nowhere': `adapters list` shows all of them\n"


@pytest.mark.parametrize("name", ["plain", "engine:one", "three", "Maker/Plain-1B"])
def test_show_finds_an_adapter_by_any_of_its_names(alone, name):
    ran = adapters("show", name)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("plain  Plain chat")
    assert "in engine     one, two" in ran.out and "in other      three" in ran.out
    assert "an engine's parser alone" in ran.out


def test_show_of_a_name_that_two_engines_use_says_what_to_write(alone):
    other = PLAIN.replace('other = ["three"]', 'third = ["one"]').replace("Plain-", "Other-")
    (alone / "adapters" / "second.toml").write_text(other.replace('engine = ["one", "two"], ', ""))
    ran = adapters("show", "one")
    assert ran.status == 2
    assert "'plain' (as engine:one) and 'second' (as third:one)" in ran.err


def test_verify_all_fails_where_two_adapters_claim_the_same(alone, monkeypatch):
    monkeypatch.setattr(conflicts, "conflicts", lambda: ["two adapters want it: choose one"])
    ran = adapters("verify", "--all", "--samples", "4")
    assert ran.status == 1 and "FAILS two adapters want it: choose one" in ran.out
    assert "no reference (parser only)" in ran.out


def test_verify_all_goes_on_after_a_broken_declaration(alone):
    (alone / "adapters" / "broken.toml").write_text("title = 1\n")
    ran = adapters("verify", "--all", "--samples", "4", "--jobs", "1")
    assert ran.status == 1
    assert "broken: FAILS declaration: broken.toml, title, line 1" in ran.out
    assert "2 adapters, 1 hold all laws" in ran.out


def test_several_processes_report_in_order_and_as_one_would(tmp_path):
    names = []
    for name in "abcd"[: command.FEW]:
        (tmp_path / f"{name}.toml").write_text(PLAIN)
        names.append(str(tmp_path / f"{name}.toml"))
    one = partial(command.report_or_failure, folder=None, seed=0, samples=2)
    made = list(command.verified(one, names, 2))
    assert [report.adapter for report in made] == list("abcd")
    assert made == list(command.verified(one, names, 1))


def test_a_bar_on_a_terminal_counts_what_is_done(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    reports = [Report("a"), Report("b", laws=[LawResult("split", 1, ["no"])])]
    monkeypatch.setattr("sys.stderr", plain := io.StringIO())
    assert list(command.with_progress(iter(reports), 2)) == reports
    assert plain.getvalue() == "", "nothing where it would fill a log"
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    assert list(command.with_progress(iter(reports), 2)) == reports
    assert "2/2" in terminal.getvalue() and "b (1 fail)" in terminal.getvalue()


def test_the_board_says_what_an_adapter_without_a_template_is_read_from():
    rows = board.rows([Report("a"), Report("b", "encoder")])
    assert [row[1] for row in rows] == ["no reference", "no reference (encoder only)"]


def test_columns_are_folded_to_the_width():
    rows = [("name", "models"), ("x", "one, two, three"), ("longer", "a" * 14)]
    assert list(layout(rows, 80)) == [
        "name    models",
        "x       one, two, three",
        f"longer  {'a' * 14}",
    ]
    assert list(layout(rows, 20)) == [
        "name    models", "x       one, two,", "        three", f"longer  {'a' * 12}", "        aa",
    ]  # fmt: skip
    assert list(layout([("wide " * 9, "b")], 10)) == [f"{'wide ' * 9}  b"], "the first never is"
    assert list(layout([("name",), ("x",)], 80)) == ["name", "x"]
