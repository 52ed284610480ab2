"""The grammars of one request: an adapter, tools and a choice in; their texts and losses out.

All of them are made of one structural tag, so that they are the same language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..cfg import Grammar, gbnf, plain, read
from ..cfg import lark as llguidance
from ..errors import ChatAdaptersError
from ..grammar import schema_notes
from ..grammar.strings import MOST_COUNTED
from ..grammar.tag import structural_tag
from ..ir import Lit, walk

if TYPE_CHECKING:
    from ..adapter import Adapter

    Special = Mapping[str, int | None] | Iterable[str] | None

_WORD = re.compile(r"\w+")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def tag(
    adapter: Adapter,
    *,
    tools: Any = None,
    tool_choice: Any = "auto",
    parallel_tool_calls: bool = True,
    reasoning: bool = True,
    prompt: str | None = None,
) -> dict[str, Any] | None:
    """Return xgrammar's structural tag for a request, None where nothing is enforced.

    ``prompt`` is the rendered prompt, which may hold a part of the reasoning block; ``reasoning``
    is false for a host that applies the grammar only after the reasoning. Raises
    ``ChatAdaptersError``, which names the tool that is to blame.
    """
    read_already = adapter.table["before"]
    if prompt is not None:
        read_already = adapter.begun(prompt)
    if tools and tool_choice != "none":
        _check_names(adapter, tools)

    def make(some: Any, choice: Any) -> dict[str, Any] | None:
        return structural_tag(
            adapter.shape,
            some,
            choice,
            parallel=parallel_tool_calls,
            reasoning=reasoning,
            read=read_already,
        )

    try:
        return make(tools, tool_choice)
    except ValueError as error:
        blamed = _to_blame(make, tools or (), tool_choice)
        place = adapter.name if blamed is None else f"{adapter.name}: tool {blamed!r}"
        raise ChatAdaptersError(f"{place}: {error}") from error


def grammar(adapter: Adapter, **request: Any) -> Grammar | None:
    """Return the grammar of the answers to a request, None where nothing is enforced."""
    found = tag(adapter, **request)
    return None if found is None else read(found, adapter.declaration.special)


def emit_structural_tag(adapter: Adapter, **request: Any) -> str:
    """Return a structural tag as JSON, ``null`` where nothing is enforced."""
    return json.dumps(tag(adapter, **request), ensure_ascii=False)


def emit_gbnf(adapter: Adapter, *, lazy: bool = False, **request: Any) -> str:
    """Return llama.cpp's GBNF, "" where nothing is enforced.

    With ``lazy``, fields of a request to llama-server as JSON, ``null`` where there is no need: the
    grammar from a call on, and the triggers that wake it.
    """
    found = grammar(adapter, **request)
    if lazy:
        special = list(adapter.declaration.special)
        return json.dumps(gbnf.lazy(found, special) if found else None, ensure_ascii=False)
    return gbnf.gbnf(found) if found else ""


def emit_lark(
    adapter: Adapter, *, special_tokens: Special = None, plain_lark: bool = False, **request: Any
) -> str:
    """Return llguidance's Lark, "" where nothing is enforced.

    ``special_tokens`` are the markers that the tokenizer has as special tokens, perhaps with their
    ids; llguidance takes any other marker as text. With ``plain_lark``, it is the Lark of the
    Python package of that name, which knows no tokens.
    """
    found = grammar(adapter, **request)
    if found is None:
        return ""
    if plain_lark:
        return plain.plain(found)
    try:
        return llguidance.lark(found, _special(special_tokens), _written(adapter))
    except ValueError as error:
        raise ChatAdaptersError(f"{adapter.name}: {error}") from error


def losses(
    adapter: Adapter,
    target: str,
    *,
    special_tokens: Special = None,
    plain_lark: bool = False,
    lazy: bool = False,
    **request: Any,
) -> list[str]:
    """Return what a target does not keep of a request's tools and format, a sentence each.

    It takes what ``emit_TARGET`` takes; what other targets take is not looked at.
    """
    found = grammar(adapter, **request)
    if found is None:
        return ["nothing is enforced: there are no tools, or no tool is to be called"]
    notes = list(_tool_notes(adapter, request))
    if request.get("tool_choice", "auto") == "auto":
        notes += _reserved_notes(adapter, tag(adapter, **request))
    if target == "gbnf":
        notes += gbnf.losses(found)
        sleeps = lazy and (found.opening or found.calls)
        if sleeps and adapter.shape["reasoning"] and request.get("reasoning", True):
            notes.append("a call that the reasoning quotes wakes the grammar, too")
    if target == "lark" and not plain_lark:
        known = _special(special_tokens)
        texts = [mark for mark in adapter.declaration.special if mark not in known]
        if texts:
            notes.append(
                f"written as text: {' '.join(texts)}; name those that are special tokens of the "
                "tokenizer as special_tokens, or else no model can write them"
            )
        free = llguidance.free_tokens(known, _written(adapter)) if known else []
        notes += (
            [
                f"{mark} stands in calls only, not in text without one"
                for mark in llguidance.kept_out(known, free, found.triggers)
            ]
            if free
            else []
        )
    return notes


def reserved(adapter: Adapter, found: Any) -> tuple[set[str], str]:
    """Return what makes a call of a text under a structural tag, though an answer may hold it.

    Texts after which only a call may come, and the character with which only calls begin, or "".
    """
    calls = adapter.shape["calls"]
    before = calls["first"] if calls["after_content"] is None else calls["after_content"]
    first = (before + calls["pieces"][0][1]).lstrip()[:1] if calls["anchored"] else ""
    return set(_triggers(found)), first


def _triggers(node: Any) -> Iterable[str]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and node.get("type") == "triggered_tags":
        yield from node["triggers"]
    for one in inner:
        yield from _triggers(one)


def _reserved_notes(adapter: Adapter, found: Any) -> Iterable[str]:
    texts, first = reserved(adapter, found)
    for text in sorted(texts):
        if not any(text.startswith(mark) for mark in adapter.declaration.special):
            yield f"a text cannot have {text!r} in it: only a call may come after that"
    if first:
        yield f"a content cannot begin with {first!r}: only calls do"


def _special(given: Special) -> dict[str, int | None]:
    if isinstance(given, Mapping):
        return dict(given)
    return dict.fromkeys(given or ())


def _written(adapter: Adapter) -> tuple[str, ...]:
    """Return the markers that stand in answers and end none."""
    found: tuple[str, ...] | None = adapter.__dict__.get("_written")
    if found is None:
        texts = [node.text for node in walk(adapter.ir) if isinstance(node, Lit)]
        declaration = adapter.declaration
        found = adapter.__dict__["_written"] = tuple(
            mark
            for mark in declaration.special
            if mark not in declaration.stop and any(mark in text for text in texts)
        )
    return found


def _tool_notes(adapter: Adapter, request: Mapping[str, Any]) -> Iterable[str]:
    choice = request.get("tool_choice", "auto")
    functions = [tool.get("function") or tool for tool in request.get("tools") or ()]
    if isinstance(choice, Mapping):
        named = choice.get("function", choice).get("name")
        functions = [function for function in functions if function.get("name") == named]
    for function in functions:
        name, strict = function.get("name"), function.get("strict")
        if not (choice != "auto" if strict is None else strict):
            yield f"tool {name!r}: any arguments are allowed; set `strict` to true to enforce them"
            continue
        spelling = adapter.shape["calls"]["arguments"]
        counted = MOST_COUNTED // len(functions)
        for note in schema_notes(spelling, function.get("parameters"), counted):
            yield f"tool {name!r}: {note}"


def _to_blame(make: Any, tools: Sequence[Any], choice: Any) -> str | None:
    """Return the name of the first tool with which alone it fails, too.

    None where it fails with a tool that has nothing in it: the choice or the format is to blame.
    """
    named = choice.get("function", choice) if isinstance(choice, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else "f"
    free = choice if isinstance(choice, str) else "required"
    try:
        make([{"name": name, "parameters": {"type": "object", "properties": {}}}], choice)
    except ValueError:
        return None
    for tool in tools:
        try:
            make([tool], free)
        except ValueError:
            return str((tool.get("function") or tool).get("name"))
    return None


# -- names of tools


def _check_names(adapter: Adapter, tools: Sequence[Mapping[str, Any]]) -> None:
    """Check that calls of these tools can be told from text and from each other."""
    known = _words(adapter)
    for tool in tools:
        name = str((tool.get("function") or tool).get("name"))
        if (name in known or not _PLAIN_NAME.fullmatch(name)) and not _reads_back(adapter, name):
            raise ChatAdaptersError(
                f"{adapter.name}: the tool {name!r} cannot be called in this format: its name is "
                "not read back as it was written; rename it with letters, digits and underscores"
            )


def _words(adapter: Adapter) -> set[str]:
    """Return the words of the format, which a tool's name could be taken for."""
    found = adapter.__dict__.get("_words")
    if found is None:
        texts = [node.text for node in walk(adapter.ir) if isinstance(node, Lit)]
        texts += [*adapter.declaration.special, *adapter.declaration.stop]
        found = adapter.__dict__["_words"] = {w for text in texts for w in _WORD.findall(text)}
    return set(found)


def _reads_back(adapter: Adapter, name: str) -> bool:
    function = {"name": name, "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": function}]
    call = {
        "id": "call00001",
        "type": "function",
        "function": {"name": name, "arguments": {}},
    }
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    try:
        text = adapter.output([{"role": "user", "content": "Hello"}, message], tools)
        got = adapter.parse(text, tools=tools, prompt="")
    except ChatAdaptersError:
        return False
    return [one.name for one in got.tool_calls] == [name] and not got.content
