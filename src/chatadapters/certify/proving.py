"""A whole proof: an adapter in; its claims, counter-examples and contradictions out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import grammar, messages, report, values
from .arguments import call_limits, sorts
from .bench import Bench
from .limits import Limit, text_limits
from .places import Place, places
from .prompts import tried, whole_messages
from .report import KEPT, UNPRINTED, Certificate, Proof, Searched
from .search import MOST_SHOWN, Search
from .values import Case
from .wire import wire

if TYPE_CHECKING:
    from ..adapter import Adapter

SAMPLES = 200  # texts of each hole that a proof tries
_NAMED: tuple[tuple[str, str, Any, Any], ...] = (  # kind, words, schema, value
    ("null", "null", {"type": "null"}, None),
    ("nested", "nested arrays and objects", values.NESTED, {"b": [{"b": 1}]}),
    ("empty array", "empty arrays", {"type": "array"}, []),
    ("empty object", "empty objects", {"type": "object"}, {}),
    ("whole float", "floats that are whole numbers", {"type": "number"}, 1.0),
    ("big", "integers of any size", {"type": "integer"}, 10**25),
    ("empty string", "empty strings", {"type": "string"}, ""),
    ("lines", "strings of several lines", {"type": "string"}, "b\nc"),
    ("spaces", "spaces around strings", {"type": "string"}, " b "),
    ("quotes", "quotes and backslashes", {"type": "string"}, "'\"\\n"),
    ("numeric", "strings that look like numbers", {"type": "string"}, "1"),
    ("nullable", "numbers that may be null", {"type": ["integer", "null"]}, None),
    ("floats", "floats of any size", values.FLOATS, [1e22, -0.0, 5e-324, 0.1]),
)


def limits(bench: Bench) -> list[Limit]:
    """Return what a format claims of its texts, each claim once."""
    adapter = bench.adapter
    declaration, table = adapter.declaration, bench.table
    made = [
        *text_limits(declaration, table, bench.spoken, bench.begins_with_content),
        *call_limits(declaration, adapter.ir, table, bench.prints_ids),
    ]
    return list({(one.hole, one.kind, one.words): one for one in made}.values())


def limits_in_words(adapter: Adapter) -> list[str]:
    """Return what a format claims not to carry, of its texts and of the values in arguments."""
    bench = Bench(adapter)
    kinds = dict.fromkeys(values.lost(case, bench.table) for case in values.cases())
    kinds.pop("", None)
    order = ["the order of the arguments: they are sorted"] if sorts(adapter) else []
    words = [one.words for one in limits(bench)]
    return [*words, *order, *(values.words(kind, bench.table) for kind in kinds)]


def certificates(
    adapter: Adapter, options: dict[str, Any] | None = None
) -> tuple[Certificate, ...]:
    """Return a certificate of each limit of an adapter's wire format, found and confirmed by runs.

    ``options`` are template arguments under which an answer prints its reasoning; by default they
    are looked for.
    """
    return prove(adapter, options, samples=0).certificates


def prove(
    adapter: Adapter,
    options: dict[str, Any] | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Proof:
    """Return what an adapter's wire format cannot carry, and whatever contradicts that.

    Of each hole that holds texts, ``samples`` are tried; with 0 only the counter-examples are
    looked for.
    """
    bench = Bench(adapter, options)
    there = list(places(bench))
    claims = limits(bench)
    search = Search(bench, claims, there)
    failures: list[str] = []
    found = list(_found(bench, search, claims, failures))
    searched: list[Searched] = []
    for hole in dict.fromkeys(place.hole for place in there) if samples else ():
        searched.append(search.contradictions(hole, samples, seed, failures))
    if samples and bench.able["tools"]:
        searched.append(_against(bench, failures))
    lost = [_with_grammar(bench, one, failures) for one in found if one.fate != KEPT]
    return Proof(
        adapter=adapter.name,
        domains=tuple(_domains(bench, there, claims)),
        certificates=tuple(lost),
        carried=tuple(one for one in found if one.fate == KEPT),
        searched=tuple(searched),
        failures=tuple(failures),
        runs=bench.runs,
    )


def _found(
    bench: Bench, search: Search, claims: list[Limit], failures: list[str]
) -> Iterator[Certificate]:
    """Give a certificate of each claim, and of all else that was tried, carried or not."""
    for claim in claims:
        made = search.certificate(claim)
        if made is None:
            failures.append(f"{claim.hole}: no text was found that is lost by this: {claim.words}")
        else:
            yield made
    if bench.able["tools"]:
        yield from _values(bench, failures)
    yield from _tools(bench)
    yield from whole_messages(bench)
    if bench.able["tools"]:
        for kind, words, schema, value in (*_NAMED, *_closers(bench, claims)):
            message = messages.arguments(value)
            yield tried(bench, "value", kind, words, message, _typed(schema))
    yield from wire(bench)


def _tools(bench: Bench) -> Iterator[Certificate]:
    """Give the smallest schema of a tool that the template does not declare, if there is one."""
    schemas = {json.dumps(case.schema): case for case in values.cases()}
    for said in sorted(schemas, key=len) if bench.able["tools"] else ():
        refusal = bench.declares(schemas[said].tools)
        if refusal:
            words = "tools with such a schema: the template refuses them"
            yield Certificate(
                "tools", "schema", words, said, UNPRINTED, refusal,
                tools=schemas[said].tools, refusal=refusal,
            )  # fmt: skip
            return


def _closers(bench: Bench, claims: list[Limit]) -> Iterator[tuple[str, str, Any, Any]]:
    """Give a string that holds what ends a call, as far as nothing says that it is lost."""
    ends = [end for call in bench.table["calls"] for spelled in call["close"] for end in spelled]
    text = " ".join(dict.fromkeys(ends))
    if text and not any(one.hole == "string" and one.near(text) for one in claims):
        yield "closers", "strings that hold what ends a call", {"type": "string"}, text


def _typed(schema: Any) -> list[Any]:
    return [messages.tool({messages.KEY: schema})]


def _values(bench: Bench, failures: list[str]) -> Iterator[Certificate]:
    """Give the smallest value that each limit of values is about."""
    least: dict[str, Case] = {}
    for case in sorted(values.cases(), key=values.size):
        kind = values.lost(case, bench.table)
        key = f"{kind} {case.form}" if kind else ""
        if key and key not in least:
            least[key] = case
    for key, case in least.items():
        words = values.words(key.partition(" ")[0], bench.table)
        made = tried(bench, "value", key, words, case.message, case.tools)
        if made.fate == KEPT:
            failures.append(f"value: {made.example} is carried, though: {words}")
        else:
            yield made
    for kind, case in values.odd_cases():
        made = tried(
            bench, "value", kind, values.words(kind, bench.table), case.message, case.tools
        )
        if made.fate != KEPT:
            yield made


def _against(bench: Bench, failures: list[str]) -> Searched:
    """Try every value under every schema; note what is not as claimed."""
    tried_, kept, wrong = 0, 0, list[str]()
    for case in values.cases():
        outcome = bench.run(case.message, case.tools)
        if outcome.refusal and bench.declares(case.tools):
            continue  # not for the value: `_tools` tells of it
        tried_ += 1
        carried = outcome.same and not outcome.refusal
        kept += carried
        claim = values.lost(case, bench.table)
        shown = f"value {report.shown(outcome.wanted)} under {case.schema}"
        if carried and claim:
            wrong.append(f"{shown} is carried, though: {values.words(claim, bench.table)}")
        elif not carried and not claim:
            said = report.outcome(outcome.wanted, outcome.back, outcome.refusal)
            wrong.append(f"{shown} is within every limit, but {said}")
        elif not carried and outcome.back is not None and not outcome.refusal:
            said = report.outcome(outcome.wanted, outcome.back, "")
            wrong.append(f"{shown} is not refused, but {said}")
    failures += wrong[:MOST_SHOWN]
    return Searched("value", tried_, kept, tried_ - kept)


def _with_grammar(bench: Bench, made: Certificate, failures: list[str]) -> Certificate:
    if made.hole not in ("string", "nested", "nested key") or made.message is None:
        return made
    try:
        return replace(made, grammar=grammar.excludes(bench, made.message, made.tools))
    except (LookupError, ValueError) as error:
        failures.append(f"{made.hole}: the grammar of {made.example} cannot be read: {error!r}")
        return made


def _domains(bench: Bench, there: list[Place], claims: list[Limit]) -> Iterator[tuple[str, str]]:
    """Give each hole and which texts it carries, in words."""
    for hole in dict.fromkeys(place.hole for place in there):
        about = [one.words for one in claims if one.hole == hole]
        yield hole, "every text but " + "; ".join(about) if about else "every text"
    for kind, words in values.domains(bench.table) if bench.able["tools"] else ():
        yield f"value, {kind}", words
