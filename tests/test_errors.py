"""Every mistake in tests/errors gives exactly the message that stands beside it.

``pytest tests/test_errors.py --update-errors`` writes the messages, for review.
"""

import re
from pathlib import Path

import pytest

import chatadapters
from chatadapters.errors import DeclarationError

FOLDER = Path(__file__).parent / "errors"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
AT_LEAST = 14


def message(name: str) -> str:
    """Return what the compiler says about a case, or nothing."""
    try:
        adapter = chatadapters.load(str(FOLDER / name / "declaration.toml"))
        assert adapter.table["states"]
        assert adapter.template()
    except DeclarationError as error:
        return f"{error}\n"
    return ""


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_the_expected_one(name: str, request: pytest.FixtureRequest) -> None:
    said = message(name)
    expected = FOLDER / name / "expected_error.txt"
    if request.config.getoption("--update-errors"):
        expected.write_text(said, encoding="utf-8", newline="\n")
    assert said == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_the_message_says_where_and_what_to_do(name: str) -> None:
    said = message(name)
    assert re.match(r"declaration\.toml, \S+", said), said or "it compiles"
    first, *rest = said.split("\n")
    assert not re.search(r"\b(Traceback|pydantic|NoneType|literal\[)", said)
    assert "  1. " in said
    assert re.search(r"^To fix it(, either)?:$", said, re.MULTILINE)
    assert "is missing" in first or any(line.startswith("    ") for line in rest), "nothing quoted"
    assert len(first) < 250


def test_there_are_enough_cases_and_each_is_whole() -> None:
    assert len(CASES) >= AT_LEAST
    for name in CASES:
        files = {path.name for path in (FOLDER / name).iterdir()}
        assert files == {"declaration.toml", "expected_error.txt"}


def test_no_two_cases_give_one_message() -> None:
    said = [message(name) for name in CASES]
    assert len(set(said)) == len(said)
