"""``adapters show``: an adapter in, a worked example, its artefacts and its limits out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..adapter import Adapter


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--prefix", is_flag=True, help="Also what a prefix cache reads again; some seconds.")
def command(name: str, prefix: bool) -> None:
    """Show one adapter: a worked example with its parts marked, its artefacts and its limits.

    NAME is an adapter's name, a model id, or what another engine calls a parser of the format,
    such as vllm:NAME.

    \b
    Examples:
      adapters show chatglm3
      adapters show zai-org/chatglm3-6b
      adapters show chatglm3 --prefix
    """
    from .. import load
    from ..registry import resolve
    from .example import example
    from .facts import prose
    from .terminal import heading, marked, print_table, print_text

    adapter = load(name)
    worked = example(adapter)
    parts = worked.answer_parts()
    read = json.dumps(worked.read_back(), indent=2, ensure_ascii=False)
    table, rest = list(rows(adapter)), list(sections(adapter))
    if prefix:
        rest.append(("Prefix cache", list(adapter.prefix().sentences())))

    print_text(marked([("name", adapter.name), ("", f"  {adapter.declaration.title}")]))
    if note := prose(resolve(name)):
        print_text(f"\n{note}")
    heading(f"Prompt{with_options(worked.options)}")
    print_text(marked(worked.prompt_parts()))
    heading("Answer")
    print_text(marked(parts))
    heading("Answer, part by part")
    print_table(("part", "text"), [(kind, marked([(kind, _quoted(text))])) for kind, text in parts])
    heading("Read back")
    print_text(read)
    heading("Facts")
    print_table(("what", "value"), table)
    for title, lines in rest:
        heading(title)
        for line in lines:
            print_text(f"- {line}")


def with_options(options: dict[str, object]) -> str:
    """Return what a heading says of options that are not the defaults."""
    said = ", ".join(f"{key}={json.dumps(value)}" for key, value in options.items())
    return f" with {said}" if said else ""


def rows(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Give the facts of an adapter as rows of two cells."""
    from ..emit import TARGETS
    from .facts import EVIDENCE, capabilities, file_name, summary

    declared = adapter.declaration
    yield "models", ", ".join(declared.models) or "-"
    for engine, names in declared.aliases.items():
        yield f"in {engine}", ", ".join(names)
    if declared.evidence != "template":
        yield "read from", EVIDENCE[declared.evidence]
    yield "equal to", ", ".join(f"{r.model} ({r.template})" for r in declared.references) or "-"
    yield "carries", summary(capabilities(adapter))
    yield "compiles to", ", ".join(file_name(adapter.name, target) for target in TARGETS)
    yield "stop strings", " ".join(declared.stop) or "-"
    yield "special", " ".join(declared.special) or "-"
    yield "ids", declared.ids.pattern if declared.ids else "any"
    for key, value in declared.options.items():
        yield f"option {key}", "undefined" if value == {} else json.dumps(value)


def sections(adapter: Adapter) -> Iterator[tuple[str, list[str]]]:
    """Give what else there is to say: what is lost, what differs, what happens to reasoning."""
    from ..injection import in_words
    from .facts import history

    deviations = [f"{d.reason} (where {d.when})" for d in adapter.declaration.deviations]
    for title, lines in (
        ("Past reasoning", history(adapter)),
        ("What the format cannot carry", adapter.domain()),
        ("What untrusted text can forge", in_words(adapter)),
        ("Where it differs from the official template, on purpose", deviations),
    ):
        if lines:
            yield title, lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')
