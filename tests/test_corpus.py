"""Plain text cases (corpus/README.md): what a model writes is read as they say."""

import json

import pytest

from tests.corpus_cases import FOLDER, Case, cases, update, wrong
from tests.strategies import NAMES

CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in cases(path)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}: {case.name}")
def test_corpus(case):
    text = case.input
    events, message = case.read([text])
    assert case.show(events, message) == case.expected
    for pieces in (list(text), *([text[:at], text[at:]] for at in range(1, len(text)))):
        assert case.read(pieces)[0] == events, pieces
    assert wrong(case.expected) == ("malformed" in case.marks)
    if "printed" in case.marks:
        assert case.printed(message) == text


@pytest.mark.parametrize("name", NAMES)
def test_every_format_has_cases_enough(name):
    own = [case for case in CASES if case.format == name]
    names = [case.name for case in own]
    assert len(set(names)) == len(names) >= 6
    assert any("printed" in case.marks for case in own)


def test_what_is_read_is_written_into_the_file_but_nothing_that_went_wrong(tmp_path):
    source = sorted(FOLDER.glob("*.txt"))[0]
    blank = tmp_path / source.name
    known = list(cases(source))
    text = source.read_text(encoding="utf-8")
    for case in known:
        text = text.replace(
            f"---{case.suffix}\n{case.expected}\n", f"---{case.suffix}\nnot yet\n", 1
        )
    blank.write_text(text.replace(":malformed\n", ""), encoding="utf-8")
    refused = update(blank)
    assert refused == [case.name for case in known if "malformed" in case.marks] != []
    for old, new in zip(known, cases(blank), strict=True):
        assert new.text == old.text
        assert new.expected == ("not yet" if old.name in refused else old.expected)


def test_a_case_says_what_is_read():
    case = Case(CASES[0].format, "a text", [], "Hello.\n\nYou", "")
    assert case.show(*case.read([case.input])) == "content: Hello.\n|\n| You"
    case = Case(CASES[0].format, "white space", ["escaped"], "\\sHello\\n\n\\n", "")
    assert case.input == " Hello\n\n"
    assert case.show(*case.read([case.input])).endswith(json.dumps("Hello\n\n")[1:])
