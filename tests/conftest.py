"""Hypothesis profiles, and the lines at the end of a run: which references were compared."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.strategies import ABSENT, COMPARED, ENCODED, NAMES

LEAST_COMPARED = len(NAMES) - 1  # adapters; one official template is in no package

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)  # explaining takes minutes
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
settings.register_profile(
    "default", deadline=None, max_examples=40, suppress_health_check=SLOW, phases=PHASES
)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=60,
    suppress_health_check=SLOW,
    phases=PHASES[:-1],
    derandomize=True,
    database=None,
)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")

TOOLS = Path(__file__).resolve().parent.parent / "tools"

_lines: dict[str, list[str]] = {COMPARED: [], ENCODED: [], ABSENT: []}
_agreement_ran = False


@pytest.fixture(scope="session")
def tool() -> Iterator[Callable[[str], ModuleType]]:
    """A function that imports a module of tools by its name, as the tools do each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield importlib.import_module


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "write the messages of tests/errors"
    parser.addoption("--update-errors", action="store_true", help=help)
    help = "write tests/detected.json; read what changed in it"
    parser.addoption("--update-detected", action="store_true", help=help)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    global _agreement_ran
    if report.when != "call":
        return
    _agreement_ran |= "test_law_4" in report.nodeid and "agrees" in report.nodeid
    for key, value in report.user_properties:
        if key in _lines:
            _lines[key].append(str(value))


def _adapters() -> set[str]:
    return {line.partition(":")[0] for line in _lines[COMPARED]}


def _too_few() -> bool:
    return _agreement_ran and os.environ.get("CI") == "true" and len(_adapters()) < LEAST_COMPARED


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    if _too_few() and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not any(_lines.values()):
        return
    terminalreporter.section("references")
    terminalreporter.line(
        f"{len(_lines[COMPARED])} references compared, for {len(_adapters())} adapters; "
        f"{len(_lines[ENCODED])} adapters compared with their vendor's encoder; "
        f"{len(_lines[ABSENT])} things skipped because they are not here"
    )
    for key, lines in _lines.items():
        for line in sorted(lines):
            terminalreporter.line(f"{key}: {line}")
    if _too_few():
        terminalreporter.line(
            f"FAILED: fewer than {LEAST_COMPARED} adapters were compared with their references; "
            "install the [test] extra or set CHATADAPTERS_REFERENCE"
        )
