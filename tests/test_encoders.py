"""Vendors' own encoders as second witnesses: what they print is what the adapters print."""

import importlib
import importlib.util
from collections.abc import Callable

import pytest

from tests.encoders_run import Encoder, compare
from tests.strategies import ABSENT, ENCODED, subject

# the modules that wrap an encoder, and the packages that each of them needs
MODULES = {
    "encoders_mistral": ("mistral_common", "sentencepiece"),
    "encoders_harmony": ("openai_harmony", "quicktok"),
}


def missing(module: str) -> list[str]:
    return [name for name in MODULES[module] if importlib.util.find_spec(name) is None]


def encoders(module: str) -> list[Encoder]:
    made: list[Encoder] = importlib.import_module(f"tests.{module}").encoders()
    return made


CASES = {one.adapter: one for module in MODULES if not missing(module) for one in encoders(module)}


@pytest.mark.parametrize("name", CASES)
def test_prints_what_the_encoder_prints(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    result = compare(CASES[name], subject(name))
    record_property(ENCODED, f"{name}: {CASES[name].title}: {result}")
    assert not result.failures, "\n".join(result.failures[:12])


@pytest.mark.parametrize("name", [name for name in ("mistral_nemo", "gpt_oss") if name in CASES])
def test_one_wrong_byte_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = subject(name).adapter
    right = type(adapter).render
    monkeypatch.setattr(type(adapter), "render", lambda *a, **k: right(*a, **k) + " ")
    result = compare(CASES[name], subject(name))
    assert result.equal == 0 and len(result.failures) > 60


@pytest.mark.parametrize("module", MODULES)
def test_the_encoder_is_installed(
    module: str, record_property: Callable[[str, object], None]
) -> None:
    if lacking := missing(module):
        record_property(ABSENT, f"{module}: pip install {' '.join(lacking)} (the [test] extra)")
        pytest.skip(f"{' and '.join(lacking)} cannot be imported")
    assert encoders(module)
