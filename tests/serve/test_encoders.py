"""No server: the encoders that only vLLM carries print what the adapters print."""

import pytest

import chatadapters
from chatadapters.verify.laws import Subject
from tests.encoders_run import compare
from tests.encoders_vllm import encoders

CASES = {f"{encoder.adapter} {encoder.title}": encoder for encoder in encoders()}


@pytest.mark.parametrize("case", CASES)
def test_prints_what_the_encoder_prints(case, note):
    encoder = CASES[case]
    result = compare(encoder, Subject(chatadapters.load(encoder.adapter)))
    note(f"encoder compared: {encoder.adapter}: {encoder.title}: {result}")
    assert not result.failures, "\n".join(result.failures[:12])
