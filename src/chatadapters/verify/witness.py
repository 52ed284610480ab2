"""transformers' own response parser as a witness: an adapter in; where it reads otherwise, out.

It reads our printed answers with the response template that we emit. Needs transformers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ..emit.response_template import ResponseTemplate, response_template
from ..errors import ChatAdaptersError
from .checks import partition, same
from .choices import Choices, Seeded
from .laws import Printed, Subject, inverse

PARSER = "transformers.utils.chat_parsing"
Json = dict[str, Any]


@dataclass
class Said:
    """A message as a parser gives it; each call has name, arguments, and id where it is carried."""

    content: str
    reasoning: str
    calls: list[Json]

    def plain(self) -> list[Any]:
        """Return it as plain data."""
        return [self.content, self.reasoning, self.calls]


@dataclass
class Witness:
    """What came out for one adapter: answers compared, and those that were read otherwise."""

    adapter: str
    emitted: ResponseTemplate
    compared: int = 0
    explained: list[str] = field(default_factory=list)  # by a sentence of the loss report
    unexplained: list[str] = field(default_factory=list)


def witness(adapter: Any, count: int, seed: int | str = 0, parser: str = PARSER) -> Witness:
    """Compare the two parsers on generated answers: whole, in characters and in random pieces.

    ``parser`` is the module that holds ``ResponseParser``. Raises ``ChatAdaptersError`` where it
    cannot be imported.
    """
    try:
        make = import_module(parser).ResponseParser
    except (ImportError, AttributeError) as error:
        raise ChatAdaptersError(
            f"no ResponseParser in {parser} ({error}): pip install 'transformers>=5.19'"
        ) from None
    found = Witness(adapter.name, response_template(adapter))
    subject, choices = Subject(adapter), Seeded(f"{adapter.name} {seed}")
    for _ in range(count if found.emitted.template is not None else 0):
        printed = subject.good(choices)
        if inverse(subject, printed) is not None:
            continue  # law 1 says so
        found.compared += 1
        _compare(found, subject, printed, choices, make)
    return found


def _compare(
    found: Witness, subject: Subject, printed: Printed, choices: Choices, make: Any
) -> None:
    stop = subject.adapter.declaration.stop
    end = choices.pick(stop) if stop and choices.chance(0.7) else ""
    text, wanted = printed.text + end, ours(printed, subject.domain.ids)
    for pieces in ([text], list(text), partition(choices, text), partition(choices, text)):
        got: Said | None = None
        try:
            got = theirs(make, found.emitted, printed, pieces, subject.domain.ids)
            if same(wanted.plain(), got.plain()):
                continue
            wrong = f"{got.plain()!r} is not {wanted.plain()!r}"
        except (ValueError, KeyError, TypeError) as error:
            wrong = f"{type(error).__name__}: {error!s:.200}"
        kind = (
            found.explained if explained(found.emitted.losses, wanted, got) else found.unexplained
        )
        kind.append(
            f"in {len(pieces)} pieces: {wrong} from {text!r} after {printed.prompt[-40:]!r}"
        )
        return


def ours(printed: Printed, ids: bool) -> Said:
    """Return what our parser reads."""
    parser = printed.make()
    parser.feed(printed.text)
    parser.close()
    said = parser.message
    calls = [
        {"name": call.name, "arguments": call.value(), **({"id": call.id} if ids else {})}
        for call in said.tool_calls
    ]
    return Said(said.content, said.reasoning, calls)


def theirs(
    make: Any, emitted: ResponseTemplate, printed: Printed, pieces: Sequence[str], ids: bool
) -> Said:
    """Return what transformers' parser reads; raises what it raises."""
    tools = printed.conversation.tools if emitted.typed else None
    parser = make(emitted.template, prefix=printed.prompt, tools=tools)
    for piece in pieces:
        parser.feed(piece)
    message = parser.finalize()[0]
    calls = [
        {**call["function"], **({"id": call.get("id")} if ids else {})}
        for call in message.get("tool_calls") or ()
    ]
    return Said(message.get("content") or "", message.get("thinking") or "", calls)


# -- differences that the loss report foretells


def explained(losses: Sequence[str], wanted: Said, got: Said | None) -> bool:
    """Return whether a loss says that a message is read as ``got``, or, if None, is an error.

    A call that their parser cannot read stays in the text; nothing else may change with it.
    """
    strings = [text for text in _texts([call["arguments"] for call in wanted.calls])]
    keys = list(_keys([call["arguments"] for call in wanted.calls]))
    lost = got is not None and not got.calls and got.reasoning == wanted.reasoning
    for loss in losses:
        contained = re.search(r"string argument that contains '(.+)'$", loss)
        if (
            (loss.startswith("calls:") and wanted.calls and lost)
            or (loss.startswith("a second call") and len(wanted.calls) > 1)
            or (contained and any(contained.group(1) in text for text in strings))
            or ("U+0001" in loss and any(set(text) & {"\1", "\2"} for text in strings + keys))
            or ("argument name with" in loss and not all(re.fullmatch(r"\w+", k) for k in keys))
        ):
            return True
    if got is None or len(got.calls) != len(wanted.calls):
        return False
    ready = (
        _forgiven(losses, one, other) for one, other in zip(wanted.calls, got.calls, strict=True)
    )
    return (wanted.content, wanted.reasoning) == (got.content, got.reasoning) and all(ready)


def _forgiven(losses: Sequence[str], wanted: Json, got: Json) -> bool:
    """Return whether two calls are the same but for what is lost."""
    lost = " ".join(losses)
    left, right = wanted["arguments"], got["arguments"]
    if "JSON string on the wire" in lost and isinstance(right, str):
        right = json.loads(right)
    if "escaped on the wire" in lost:
        right = {key.replace("&quot;", '"').replace("&amp;", "&"): v for key, v in right.items()}
    if set(left) != set(right) or wanted["name"] != got["name"]:
        return False
    if "list or an object among" in lost:
        left = {key: value for key, value in left.items() if not isinstance(value, dict | list)}
    typed = "typed by the tool's schema" in lost
    return all(
        same(left[key], right[key])
        or (typed and isinstance(left[key], str) != isinstance(right[key], str))
        or (typed and _number(left[key]) and _number(right[key]) and left[key] == right[key])
        for key in left
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from _texts(list(value.values()))
        case list():
            for item in value:
                yield from _texts(item)


def _keys(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from value
            yield from _keys(list(value.values()))
        case list():
            for item in value:
                yield from _keys(item)
