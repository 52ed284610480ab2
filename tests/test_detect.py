"""Detection: which adapter fits a template, by what both print; and templates that misbehave."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import chatadapters
from chatadapters import registry
from chatadapters.detection import compare, detect, known, probes, shown
from chatadapters.detection.rendering import made
from chatadapters.detection.sandbox import Sandbox
from chatadapters.errors import ChatAdaptersError
from tests.cli_run import adapters
from tests.detection_cases import Here

SMALL = """\
title = "Small"
options = { loud = false }
tokens = { bos_token = "<s>" }
MORE
[prompt]
opening = "{{ bos_token }}"
user = "<u>{{ content }}{% if loud %}!{% endif %}\\n"
system = "<y>{{ content }}\\n"
assistant = "<a>{{ output }}\\n"
tool = "<t>{{ content }}\\n"
generation = "<a>"
other = "<{{ role }}>{{ content }}\\n"
[output]
text = '''{{ content }}{% for call in calls %}\
<c>{"name": {{ call.name | json }}, "arguments": {{ call.arguments | json }}}{% endfor %}'''
"""
SAME = """{{ bos_token }}{% for m in messages %}
{%- set text = m.content if m.content is string else m.content | map(attribute='text') | join('') if m.content else '' %}
{%- if m.role == 'user' %}<u>{{ text }}{{ '!' if loud }}{{ '\\n' }}
{%- elif m.role in ('system', 'tool') %}<{{ {'system': 'y', 'tool': 't'}[m.role] }}>{{ text }}{{ '\\n' }}
{%- elif m.role == 'assistant' %}<a>{{ text }}{% for c in m.tool_calls or [] %}<c>{"name": {{ c.function.name | tojson }}, "arguments": {{ c.function.arguments | tojson if c.function.arguments is not string else c.function.arguments }}}{% endfor %}{{ '\\n' }}
{%- else %}<{{ m.role }}>{{ text }}{{ '\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}"""  # noqa: E501


@pytest.fixture
def small(tmp_path: Path) -> dict[str, known.Entry]:
    """Three adapters: two that differ in an option's default, and one unlike them."""
    texts = {
        "small": SMALL.replace("MORE", ""),
        "loud": SMALL.replace("MORE", "").replace("loud = false", "loud = true"),
        "other": SMALL.replace("MORE", "").replace("<u>", "<user>").replace("<a>", "<bot>"),
    }
    found = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
        found[name] = made(registry.read(tmp_path / f"{name}.toml"))
        registry._registered[name] = tmp_path / f"{name}.toml"
    yield found
    for name in texts:
        registry.unregister(name)


def test_the_adapter_that_prints_the_same_fits_exactly(small: dict[str, known.Entry]) -> None:
    found = detect(SAME, small)
    assert found.adapter == "small" and [fit.adapter for fit in found.exact] == ["small"]
    (exact,) = found.exact
    assert exact.equal == exact.accepted and not exact.deviating


def test_what_differs_is_near_and_the_first_difference_is_shown(
    small: dict[str, known.Entry],
) -> None:
    found = detect(SAME.replace("<c>", "<d>"), small)
    assert found.adapter is None
    near = found.near[0]
    assert near.adapter == "small" and near.differing[0] == "a call"
    assert near.difference.startswith("a call: after '")
    assert "the template has 'd>{" in near.difference and "the adapter 'c>{" in near.difference


def test_what_is_unlike_all_adapters_is_none(small: dict[str, known.Entry]) -> None:
    found = detect("{% for m in messages %}[{{ m.content }}]{% endfor %}", small)
    assert (found.adapter, found.exact, found.near) == (None, (), ())


def test_an_option_of_the_template_counts(small: dict[str, known.Entry]) -> None:
    default = SAME.replace("if loud", "if loud is not defined or loud")
    assert [fit.adapter for fit in detect(default, small).exact] == ["loud"]
    ignored = detect(SAME.replace("{{ '!' if loud }}", ""), small)
    assert ignored.exact == ()
    assert {key.rpartition(", ")[2] for key in ignored.near[0].differing} == {"loud=true"}


def test_what_a_template_refuses_is_no_difference(small: dict[str, known.Entry]) -> None:
    refusing = "{% if tools %}{{ raise_exception('no tools') }}{% endif %}" + SAME
    found = detect(refusing, small)
    assert found.adapter == "small" and found.refusal == "no tools"
    assert found.refused > 10 and found.exact[0].accepted < detect(SAME, small).exact[0].accepted


def test_a_declared_deviation_must_be_the_official_one(tmp_path: Path) -> None:
    more = 'deviations = [{ when = "calls", reason = "they are lost" }]'
    (tmp_path / "small.toml").write_text(SMALL.replace("MORE", more))
    declared = registry.read(tmp_path / "small.toml")
    official = SAME.replace("{% for c in m.tool_calls or [] %}", "{% for c in [] %}")
    entry = {"small": made(declared, [official])}
    exact = compare(official, Here(official), entry).exact
    assert exact and exact[0].deviating and exact[0].equal
    other = SAME.replace("<c>", "<d>")
    assert not compare(other, Here(other), entry).exact
    assert compare(SAME, Here(SAME), entry).exact, "the adapter's own text is no difference"


def test_of_two_that_fit_the_one_with_this_very_template_comes_first(tmp_path: Path) -> None:
    entries = {}
    for name, sha256 in (("a", "0" * 64), ("b", hashlib.sha256(SAME.encode()).hexdigest())):
        more = f'references = [{{ model = "m", template = "t", sha256 = "{sha256}" }}]'
        (tmp_path / f"{name}.toml").write_text(SMALL.replace("MORE", more))
        entries[name] = made(registry.read(tmp_path / f"{name}.toml"))
    assert [fit.adapter for fit in compare(SAME, Here(SAME), entries).exact] == ["b", "a"]


def test_the_name_of_a_model_is_not_looked_at(small, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("chatadapters.detection.entries", lambda: small)
    for name in ("small", "other", "x"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": SAME}))
        assert chatadapters.detect(folder).adapter == "small"


# -- templates that misbehave

LOOPS = (
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{{ messages }}"
)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('never') }}", "refuses every probe conversation, the first with 'nev"),
        ("{{ nothing.at.all }}", "refuses every probe conversation"),
        ("{% if messages %}\n{{ x", "not a Jinja template: line 2: unexpected end of template"),
        ("{% frobnicate %}", "not a Jinja template: line 1: Encountered unknown tag"),
        ("{{ 'x' * 3000000 }}{{ messages }}", "prints more than 1,000,000 characters"),
        ("{% for i in range(90000) %}{{ messages * 9 }}{% endfor %}", "prints more than"),
        ("{{ 'x' * 30000000000 }}{{ messages }}", "prints more than"),
        ("{{ messages }}" * 100_000, "has 1.4 MB, and what is read here at most 1.0 MB"),
        ("Hello.", "not a Jinja template: it has no {{ ... }} or {% ... %} in it"),
        (" \n", "not a Jinja template: it is empty"),
    ],
)
def test_a_template_that_misbehaves_gets_one_clear_message(small, template, said) -> None:
    with pytest.raises(ChatAdaptersError) as error:
        detect(template, small)
    assert said in str(error.value)
    assert "\n" not in str(error.value) and "Traceback" not in str(error.value)


def test_a_template_that_never_ends_is_cut_off() -> None:
    for limits in ({"seconds": 1}, {"patience": 1.0}):
        with Sandbox(LOOPS, **limits) as sandbox:
            process = sandbox._process
            with pytest.raises(ChatAdaptersError, match=r"takes too long .* it may loop without"):
                sandbox.render({"messages": []})
        assert process.returncode is not None


def test_a_template_reaches_nothing_outside(tmp_path: Path) -> None:
    reaching = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    with Sandbox(reaching) as sandbox:
        assert sandbox.render({"messages": []}) is None
        assert "unsafe" in sandbox.refusals[0]
    with Sandbox("{% set _ = messages.append(1) %}") as sandbox:
        assert sandbox.render({"messages": []}) is None


def test_dates_do_not_decide() -> None:
    with Sandbox("{{ strftime_now('%d %b %Y') }}{{ messages }}") as sandbox:
        assert sandbox.render({"messages": []}) == "03 Feb 2025[]"


def test_the_difference_is_shown_with_what_stands_before_it() -> None:
    assert shown("abc", "abd") == "after 'ab' the template has 'c', the adapter 'd'"
    assert shown("abc", "abcd") == "after 'abc' the template has '', the adapter 'd'"


# -- the table of the registry


def test_probes_tell_their_ids_apart() -> None:
    for key, _, probe in probes.all_probes({"x": (True, False)}):
        calls = [call for message in probe.messages for call in message.get("tool_calls") or ()]
        changed = probe.with_ids([f"new{n}" for n in range(len(calls))])
        left = json.dumps(changed.messages)
        assert "callA" not in left, key
        assert len(json.dumps(probe.messages)) - len(left) >= 4 * len(calls)


def test_an_adapter_that_has_changed_is_rendered_anew(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path / name)
    for folder in ("adapters", "registry"):
        (tmp_path / folder).mkdir()
    base, child = (tmp_path / "adapters" / f"{name}.toml" for name in ("small", "child"))
    base.write_text(SMALL.replace("MORE", ""))
    child.write_text('extends = "small"\ntitle = "Child"\n')
    table = {"probes": probes.digest(), "adapters": known.entries()}
    table["adapters"]["child"]["calls"] = "from the file"
    (tmp_path / "registry" / known.FILE).write_text(json.dumps(table))
    assert known.entries() == table["adapters"], "nothing has changed"
    base.write_text(SMALL.replace("MORE", "").replace("<c>", "<C>"))
    assert "<C>" in known.entries()["child"]["calls"], "what it extends has changed"


def test_a_broken_table_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path)
    (tmp_path / known.FILE).write_text("{")
    with pytest.raises(ChatAdaptersError, match=r"not JSON .*generate\.py"):
        known.entries()


def test_a_broken_declaration_does_not_stop_detection(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(registry, "folder", lambda name: tmp_path)
    (tmp_path / "small.toml").write_text(SMALL.replace("MORE", ""))
    (tmp_path / "broken.toml").write_text("title = 1")
    assert list(known.entries()) == ["small"]


# -- the command


@pytest.fixture
def model(small, tmp_path, monkeypatch) -> Path:
    """Give a model's folder, with the small adapters alone in the registry."""
    monkeypatch.setattr("chatadapters.detection.known.entries", lambda: small)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": SAME}))
    return folder


def test_detect_prints_what_fits_and_the_flags(model: Path) -> None:
    ran = adapters("detect", model)
    assert ran.status == 0
    first, exact, *near = ran.out.splitlines()
    assert first == "chat_template in tokenizer_config.json"
    assert exact.split()[:2] == ["exact", "small"] and "probes equal" in exact
    assert near[0].split()[:2] == ["near", "loud"] and "after" in near[1]
    assert "  adapters compile small -o build\n" in ran.err
    assert f"vllm serve {model} \\\n  --chat-template build/small.jinja" in ran.err


def test_detect_takes_a_folder_a_config_or_a_template(model: Path) -> None:
    (model / "x.jinja").write_text(SAME)
    for path in (model / "tokenizer_config.json", model / "x.jinja"):
        assert adapters("detect", path).status == 0
    (model / "chat_template.jinja").write_text(SAME.replace("<u>", "<user>"))
    ran = adapters("detect", model)
    assert ran.status == 1, "chat_template.jinja goes first"
    assert "adapters new my_format --from" in ran.err


def test_detect_looks_at_every_template_of_a_list(model: Path) -> None:
    named = [
        {"name": "default", "template": SAME.replace("<c>", "")},
        {"name": "tool_use", "template": SAME},
    ]
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    ran = adapters("detect", model, "--json")
    found = json.loads(ran.out)
    assert ran.status == 0 and ran.err == ""
    assert list(found) == [
        "chat_template 'default' in tokenizer_config.json",
        "chat_template 'tool_use' in tokenizer_config.json",
    ]
    default, tool_use = found.values()
    assert not default["exact"] and tool_use["exact"][0]["adapter"] == "small"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("tokenizer_config.json", b"{", "tokenizer_config.json: not JSON"),
        ("tokenizer_config.json", b"{}", "has no chat_template"),
        ("tokenizer_config.json", b"[]", "has no chat_template"),
        ("x.jinja", b"\xff\xfe", "not a Jinja template: byte 0 is not UTF-8"),
        ("x.jinja", b"{" * 10_000_000, "has 10.0 MB"),
        ("x.jinja", b"{{ x", "x.jinja: not a Jinja template: line 1"),
        ("nowhere.jinja", None, "nowhere.jinja: No such file or directory: check the path"),
    ],
)
def test_detect_says_what_is_wrong_with_a_file(model, tmp_path, name, data, said) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    ran = adapters("detect", path)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Error: ") and said in ran.err and ran.err.count("\n") == 1


def test_detect_says_what_a_folder_lacks(tmp_path: Path) -> None:
    ran = adapters("detect", tmp_path)
    assert ran.status == 2 and "no chat template in chat_template.jinja" in ran.err
