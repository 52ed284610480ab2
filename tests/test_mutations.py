"""Every mutation of tools/mutate.py still applies; whether the tests notice it, the tool says."""

import ast
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("mutate", ROOT / "tools" / "mutate.py")
assert SPEC is not None and SPEC.loader is not None
mutate = importlib.util.module_from_spec(SPEC)
sys.modules["mutate"] = mutate
SPEC.loader.exec_module(mutate)


@pytest.mark.parametrize("mutation", mutate.MUTATIONS, ids=lambda mutation: mutation.what)
def test_it_applies_and_is_python(mutation: object, tmp_path: Path) -> None:
    folder = tmp_path / mutate.RUNTIME
    shutil.copytree(ROOT / mutate.RUNTIME, folder)
    before = (folder / mutation.file).read_text(encoding="utf-8")
    assert mutation.apply(tmp_path) == ""
    after = (folder / mutation.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))


def test_one_that_does_not_apply_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / mutate.RUNTIME
    shutil.copytree(ROOT / mutate.RUNTIME, folder)
    missing = mutate.Mutation("none", "scan.py", "no such text", "")
    assert "0 places" in missing.apply(tmp_path)


def test_there_are_at_least_ten() -> None:
    assert len(mutate.MUTATIONS) >= 10
    assert len({mutation.what for mutation in mutate.MUTATIONS}) == len(mutate.MUTATIONS)


def test_the_tests_that_it_runs_are_there() -> None:
    for pattern in (*mutate.QUICK, *mutate.SLOW):
        assert list((ROOT / "tests").glob(pattern)), pattern
