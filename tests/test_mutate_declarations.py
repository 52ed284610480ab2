"""tools/mutate_declarations.py: what it changes, and that each way to notice can say yes and no."""

import pytest

from chatadapters import declaration, registry, tables
from chatadapters.verify import laws, references, shapes
from chatadapters.verify.choices import Seeded
from chatadapters.verify.known_markers import unknown_markers
from tests.strategies import EVERY, subject


@pytest.fixture(scope="module")
def witness(tool):
    return tool("mutate_declarations_witness")


def judged(witness, name, *keys):
    """Return who notices the first mutation of each key."""
    every = witness.mutations_of(name)
    asked = witness.Witnesses(name)
    chosen = [next(one for one in every if f"{one.key} {one.what}".startswith(key)) for key in keys]
    return [asked.judge(one).by for one in chosen]


def test_each_way_to_notice_says_yes_and_no(witness):
    keys = [
        "prompt.user drop: literal",  # printed otherwise
        "stop[1] drop",  # the turn of a result follows
        "stop[0] double",  # a marker that is known from nowhere
        "stop[2] drop",  # printed by no template
        "output.text make it elements: codec text",  # a codec that cannot stand there
    ]
    compared = [
        bool(references.find(r.sha256)) for r in subject("glm45").adapter.declaration.references
    ]
    official = "official template" if any(compared) else "laws"
    by = judged(witness, "glm45", *keys)
    assert by == [official, "laws", "laws", "survived", "refused"]


def test_samples_notice_what_no_official_template_is_there_for(witness):
    key = "output.text drop: literal '<|plamo:begin_tool_requests:plamo|>'"
    assert judged(witness, "plamo3", key) == ["samples"]


def test_what_changes_nothing_is_equivalent(witness):
    blank = "prompt.macros drop: literal '\\n'"
    assert judged(witness, "qwen3", blank) == ["equivalent"]


def test_a_declaration_that_breaks_the_laws_is_not_used(witness, monkeypatch):
    monkeypatch.setattr(witness, "broken", lambda *_, **__: "inverse: broken")
    assert judged(witness, "chatglm3", "stop[0] drop") == ["wrong"]


def test_mutations_are_different_and_of_every_kind(tool, witness):
    made = witness.mutations_of("reka_edge")
    table = tables.read_table(registry.resolve("reka_edge"))
    texts = {tool("mutate_declarations_changes").toml(m.apply(table)) for m in made}
    assert len(texts) == len(made) > 100
    kinds = {mutation.kind for mutation in made}
    assert kinds >= {"literal", "condition", "codec", "stop", "option", "deviation", "inline"}


@pytest.mark.parametrize("name", EVERY[::25])
def test_the_written_toml_is_the_same_declaration(tool, witness, name):
    toml = tool("mutate_declarations_changes").toml
    path = registry.resolve(name)
    made = declaration.parse(
        toml(tables.read_table(path)), name=name, file=str(path), load_base=witness.base_table
    )
    assert made == registry.read(name)


def test_the_score_counts_refused_and_equivalent_ones_as_it_says(tool, witness):
    mutate = tool("mutate_declarations")
    mutation = witness.mutations_of("glm45")[0]
    by = ["laws", "official template", "refused", "equivalent", "survived"]
    outcomes = [mutate.Outcome(mutation, one) for one in by]
    assert mutate.score(outcomes) == pytest.approx(200 / 3)
    assert mutate.score(outcomes, refused=True) == pytest.approx(75)


def test_every_stop_string_and_marker_is_printed_or_known():
    """Two markers are known from the vendors' vocabularies alone."""
    templates = registry.folder("chat-template")
    unknown = [
        marker
        for name in EVERY
        for marker in unknown_markers(
            registry.read(name), (templates / f"{name}.jinja").read_text(encoding="utf-8")
        )
    ]
    assert unknown == ["<|interpreter|>", "<|flush|>"]


def test_law_5_reads_on_after_the_answer(monkeypatch):
    about = subject("glm45")
    sample = laws.Conversation(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    )
    assert laws.turn(about, about.print(sample)) is None
    declared = about.adapter.declaration.model_copy(update={"stop": ("<|observation|>",)})
    without = laws.Subject(type(about.adapter)(declared))
    assert "is read on" in (laws.turn(without, without.print(sample)) or "")


def test_conversations_try_options_and_roles_that_a_fragment_asks_for():
    """Survivors showed that nobody did."""
    sample = laws.Conversation(
        [{"role": "user", "content": "Hi"}, {"role": "user", "content": "?"}]
    )
    budgets = shapes.with_options(registry.read("seed_oss"), [sample])
    assert [one.options for one in budgets] == [{"thinking_budget": 0}, {"thinking_budget": 999}]
    roles = list(shapes.with_roles(registry.read("apriel15"), [sample]))
    assert ["user", "content", "user"] in [[m["role"] for m in one.messages] for one in roles]
    made = shapes.padded(Seeded(1), sample)
    assert [m["content"].strip() for m in made.messages] == ["Hi", "?"]
    assert made.messages != sample.messages
