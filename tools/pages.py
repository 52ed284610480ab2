"""The page of one format: an adapter in, Markdown out, the same text every day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatadapters import registry
from chatadapters.abilities import CLOCK
from chatadapters.adapter import Adapter
from chatadapters.certify import Certificate, prove
from chatadapters.cli import facts, show
from chatadapters.cli.compile import serve
from chatadapters.cli.example import Example, Part, example
from chatadapters.cli.marks import Marked
from chatadapters.emit import TARGETS
from chatadapters.errors import ConversationError
from chatadapters.injection import in_words

LEGEND = (
    "The left column says where a stretch comes from. `⏎` is a line break and `·` a space at the "
    "end of a row; after a row without `⏎` the text goes on in the next row."
)
FORGING = (
    "Found by rendering each marker in each place. [injection.md](../injection.md) says what to do."
)
CACHED = (
    "What a server with a prefix cache reads again in this format is in [prefix.md](../prefix.md); "
    "`adapters show {} --prefix` says by which rule."
)
EVIDENCE = {
    "parser": "No official template of this format is known: it is read from an engine's parser or "
    "fixtures, and nothing here is compared with a text of the vendor's.",
    "encoder": "The vendor ships no chat template for this format but a program of its own, and "
    "that is what this adapter follows.",
}


def page(adapter: Adapter, notice: str) -> str:
    """Return the page of a format; ``notice`` is the comment that says who writes it."""
    worked = example(adapter, calls=2)
    declared = adapter.declaration
    lines = [f"# {adapter.name}: {declared.title}", notice, ""]
    if note := facts.prose(registry.resolve(adapter.name)):
        lines += [note, ""]
    if declared.evidence in EVIDENCE:
        lines += [EVIDENCE[declared.evidence], ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {cell(key)} | {cell(value)} |" for key, value in show.rows(adapter)]
    lines += ["", "## Worked example", "", LEGEND, *_example(worked)]
    lines += ["", "## What it carries, and what not", *_carried(adapter, worked.options)]
    lines += ["", "## What untrusted text can forge", ""]
    lines += [f"- {cell(line)}" for line in in_words(adapter)]
    lines += ["", FORGING]
    lines += ["", CACHED.format(adapter.name)]
    lines += ["", "## Serve", "", *fenced("\n".join(_serve(adapter)), "sh")]
    if declared.deviations:
        lines += ["", "## Template bugs that are not copied", "", *_deviations(adapter)]
    return "\n".join(lines) + "\n"


def table(parts: list[Part]) -> str:
    """Return parts as rows: what it is, and a line of its text.

    >>> print(table([("user", "Hi \\nyou "), ("framing", "<end>")]))
    user     Hi·⏎
             you·
    framing  <end>
    """
    width = max((len(label) for label, _ in parts), default=0)
    rows = []
    for label, text in parts:
        for line in text.splitlines(keepends=True):
            said = line.rstrip("\n")
            shown = said.rstrip(" ")
            shown += "·" * (len(said) - len(shown)) + "⏎" * (len(line) - len(said))
            rows.append(f"{label:{width}}  {shown}")
            label = ""
    return "\n".join(rows)


def _example(worked: Example) -> Iterator[str]:
    marked = Marked(worked.adapter)
    options = {**worked.options, **CLOCK}
    parts = marked.parts(worked.messages, worked.tools, options)
    yield from ("", f"### Prompt{show.with_options(worked.options)}", "")
    yield from fenced(table(parts))
    yield from ("", "### Answer", "", *fenced(table(worked.answer_parts())))
    yield from ("", "### Read back", "", *fenced(_message(worked.read_back()), "json"))
    yield from ("", "### The next prompt", "")
    try:
        later = marked.parts(worked.next_messages(), worked.tools, options)
    except ConversationError as error:
        yield f"The template refuses what follows the answer: {cell(str(error))}"
        return
    begun = parts[:-1] if parts[-1][0] == "generation prompt" else parts
    if later[: len(begun)] == begun:
        later = later[len(begun) :]
        yield "It begins as the first one does, up to its generation prompt, and goes on:"
    else:
        yield "It does not begin as the first one does:"
    yield from ("", *fenced(table(later)))


def _message(message: dict[str, Any]) -> str:
    """Return a message as JSON with one line for each entry and each call."""
    entries = []
    for key, value in message.items():
        said = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            calls = (json.dumps(call, ensure_ascii=False) for call in value)
            said = "[\n    " + ",\n    ".join(calls) + "\n  ]"
        entries.append(f"  {json.dumps(key)}: {said}")
    return "{\n" + ",\n".join(entries) + "\n}"


def _carried(adapter: Adapter, options: dict[str, Any]) -> Iterator[str]:
    proof = prove(adapter, options, samples=0)
    if options:
        yield from ("", f"Tried{show.with_options(options)}.")
    inside = [one.limit for one in proof.carried if one.hole == "value"]
    around = [one.limit for one in proof.carried if one.hole != "value"]
    for where, words in (("Carried", around), ("Carried in arguments", inside)):
        if words:
            yield from ("", f"{where}: {'; '.join(words)}.")
    found: dict[str, Certificate] = {}
    for one in proof.certificates:  # the same limit under another schema says nothing more here
        found.setdefault(one.limit, one)
    respelled = [one for one in found.values() if one.hole == "wire"]
    lost = [one for one in found.values() if one.hole != "wire"]
    if lost:
        yield from ("", "| not carried | smallest example found | what becomes of it |")
        yield "|---|---|---|"
    for one in lost:
        yield f"| {cell(one.limit)} | {_code(one.example)} | {cell(_outcome(one))} |"
    if respelled:
        yield from ("", "Read, but not printed again as it was written:", "")
    for one in respelled:
        yield f"- {cell(one.limit)}: {_code(one.example)}: {cell(one.outcome)}"
    if rules := facts.history(adapter):
        yield from ("", "Past reasoning:", "", *(f"- {cell(rule)}" for rule in rules))


def _outcome(one: Certificate) -> str:
    return f"{one.outcome}; {one.in_grammar}" if one.in_grammar else one.outcome


def _code(text: str) -> str:
    """Return a text as Markdown code that may stand in a table.

    >>> _code("a|b"), _code("`")
    ('`a\\\\|b`', '`` ` ``')
    """
    text = text.replace("|", "\\|")
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (max(map(len, re.findall("`+", text))) + 1)
    return f"{fence} {text} {fence}"


def _serve(adapter: Adapter) -> list[str]:
    files = {target: Path(facts.file_name(adapter.name, target)) for target in TARGETS}
    return [f"adapters compile {adapter.name}", *serve(adapter, files)]


def _deviations(adapter: Adapter) -> Iterator[str]:
    declared = adapter.declaration
    models = ", ".join(dict.fromkeys(f"`{one.model}`" for one in declared.references))
    yield f"The compiled template differs from the official one{f' of {models}' if models else ''}:"
    yield ""
    for deviation in declared.deviations:
        yield f"- {cell(deviation.reason)} (where `{' '.join(deviation.when.split())}`)"


def fenced(text: str, info: str = "text") -> list[str]:
    """Return a text as a fenced block, with a fence that the text does not hold."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{info}", text, fence]


def cell(text: str) -> str:
    """Return a text that shows as it is, in a table too."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("\n", "\\n")
