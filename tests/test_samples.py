"""Sample texts (samples/README.md): what other people's programs say, our adapters say too."""

import dataclasses

import pytest

import chatadapters
from chatadapters import registry
from tests.strategies import subject
from tools import samples

SAMPLES = {name: samples.samples(name) for name in samples.names()}
CASES = {
    f"{name}: {kind}: {one.name}": (name, one)
    for name, own in SAMPLES.items()
    for kind, every in (("answer", own.answers), ("prompt", own.prompts))
    for one in every
}


@pytest.mark.parametrize("case", CASES)
def test_the_adapter_does_what_the_sample_says(case):
    name, sample = CASES[case]
    assert sample.problem(subject(name).adapter) == ""


@pytest.mark.parametrize("name", SAMPLES)
def test_markers_are_declared(name):
    own = dataclasses.replace(SAMPLES[name], answers=(), prompts=())
    assert list(own.problems(subject(name).adapter)) == []


def test_only_two_have_no_source_that_names_a_marker():
    without = [name for name, own in SAMPLES.items() if not (own.stop or own.special)]
    assert without == ["dots", "gorilla_openfunctions_v2"]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_a_name_and_a_source(name):
    own = SAMPLES[name]
    for every in (own.answers, own.prompts):
        assert len({one.name for one in every}) == len(every)
        assert all(one.name and one.source for one in every)
    assert own.answers


def test_who_has_no_whole_official_template_has_samples():
    def whole(name):
        return any(one.part == "all" for one in registry.read(name).references)

    assert [n for n in chatadapters.names() if not whole(n) and n not in SAMPLES] == []


def test_a_wrong_marker_that_is_printed_and_read_alike_is_noticed():
    adapter = subject("plamo3").adapter
    right = adapter.declaration
    text = right.output.text.replace("begin_tool_name", "begin_name")
    wrong = chatadapters.Adapter(
        right.model_copy(update={"output": right.output.model_copy(update={"text": text})})
    )
    assert next(SAMPLES["plamo3"].problems(wrong)).startswith("reasoning, text, one call")
    assert list(SAMPLES["plamo3"].problems(adapter)) == []
