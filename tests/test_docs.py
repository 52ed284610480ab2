"""The documentation is true: its programs print what it says, and its links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatadapters.cli.app import COMMANDS
from tools.readme import FENCED, README, replay

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "adapters" / "README.md"])


@dataclass(frozen=True)
class Block:
    """A fenced block: the words after its fence, and its text."""

    info: str
    text: str


def blocks(path: Path) -> list[Block]:
    found = FENCED.finditer(path.read_text(encoding="utf-8"))
    return [Block(block["info"].strip(), block["text"]) for block in found]


def test_the_readme_prints_what_it_says(tmp_path):
    done = list(replay(README.read_text(encoding="utf-8"), tmp_path))
    assert len(done) >= 5
    for run in done:
        assert run.printed == run.said, f"{run.what}: run `python tools/readme.py`"


def test_the_readme_has_its_two_commands():
    commands = [b.text.strip() for b in blocks(README) if b.info in ("sh first", "sh second")]
    assert len(commands) == 2
    assert "pip install -e" in commands[0] and "adapters compile" in commands[0]
    assert "[test]" in commands[1] and "pytest" in commands[1]


def test_the_declaration_in_the_readme_is_the_real_one():
    shown = next(block.text for block in blocks(README) if block.info.startswith("toml"))
    name = re.search(r"adapters/(\w+)\.toml", README.read_text(encoding="utf-8")).group(1)
    lines = iter((ROOT / "adapters" / f"{name}.toml").read_text(encoding="utf-8").splitlines())
    for line in shown.splitlines():
        if line.strip() and not line.startswith("# ..."):
            assert any(real == line for real in lines), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if "://" not in target and path:
            assert (page.parent / path).exists(), f"{target} in {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_exist(page):
    for block in blocks(page):
        for command in re.findall(r"^(?:\$ )?(?:\S+/)?adapters (\w+)", block.text, flags=re.M):
            assert command in COMMANDS, command


def test_every_command_is_documented():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"\n## adapters {command}\n" in page
        assert f"adapters {command}" in readme


def test_every_page_of_the_docs_can_be_found():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
    formats = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "formats").glob("*.md"):
        assert f"(formats/{page.name})" in formats
