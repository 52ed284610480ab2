"""Law 4: a compiled template equals the official one, byte for byte, outside deviations."""

from collections.abc import Callable

import pytest

from chatadapters.verify import references
from chatadapters.verify.agreement import agreements, difference, with_own_ids
from chatadapters.verify.choices import Seeded
from chatadapters.verify.conversations import Conversation, conversation
from chatadapters.verify.official import Render, official_renderer, sandbox
from tests.strategies import ABSENT, COMPARED, NAMES, subject


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_its_references(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    for result in agreements(subject(name).adapter):
        if not result.found:
            record_property(ABSENT, f"{name}: the template of {result.model} ({result.sha256[:8]})")
            continue
        record_property(
            COMPARED,
            f"{name}: {result.model} {result.part}, in the {result.where}, by {result.renderer}: "
            f"{result.reference} reference and {result.generated} generated conversations "
            "are equal / deviating / accepted",
        )
        assert not result.failures, "\n".join(result.failures)
        assert result.generated.accepted == 200


@pytest.mark.parametrize("name", [n for n in NAMES if subject(n).adapter.declaration.references])
def test_one_wrong_byte_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = subject(name).adapter
    right = type(adapter).render_template
    monkeypatch.setattr(type(adapter), "render_template", lambda *a, **k: right(*a, **k) + " ")
    results = [r for r in agreements(adapter, generated=20) if r.found and r.part == "all"]
    assert all(result.failures for result in results)


def test_without_transformers_the_sandbox_does_the_same() -> None:
    compared = 0
    for name in NAMES:
        adapter, choices = subject(name).adapter, Seeded(f"renderers {name}")
        for reference in adapter.declaration.references:
            found = references.find(reference.sha256)
            if found is None:
                continue
            own = sandbox(found.text, adapter.declaration.tokens)
            which, theirs = official_renderer(found.text, adapter.declaration.tokens)
            assert which == "transformers"
            for _ in range(20):
                sample = with_own_ids(adapter, conversation(choices, subject(name).domain))
                assert rendered(own, sample) == rendered(theirs, sample)
                compared += 1
    assert compared > 100


def rendered(render: Render, sample: Conversation) -> str | None:
    try:
        return render(sample)
    except Exception:  # official templates refuse in any way they like
        return None


def test_differences_are_shown() -> None:
    assert difference("same x", "same y") == "after 'same ' the official one has 'x', ours 'y'"
    assert difference("same", "same\n") == "after 'same' the official one has '', ours '\\n'"
