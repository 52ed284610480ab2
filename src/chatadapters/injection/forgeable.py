"""What untrusted text can forge: an adapter in; for each place the markers that come through, out.

Each marker is put into every text of a small conversation; the prompt tells which of them still
hold it. Nothing is taken from the declaration but the markers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import render
from ..errors import ConversationError
from .forged import forged
from .places import TOOLS, prompt
from .traced import UNKNOWN, Origin, Traced, runs

if TYPE_CHECKING:
    from ..adapter import Adapter

Json = dict[str, Any]
# place -> the role and the field of the texts that stand there, as ``Origin`` has them
PLACES: dict[str, tuple[str, str]] = {
    "system text": ("system", r"content"),
    "user text": ("user", r"content"),
    "tool result": ("tool", r"content"),
    "past answer": ("assistant", r"content"),
    "past reasoning": ("assistant", r"reasoning_content"),
    "argument name": ("assistant", r"tool_calls\[0\]\.function\.arguments"),
    "argument value": ("assistant", r"tool_calls\[0\]\.function\.arguments\..*"),
    "name of a called tool": ("assistant", r"tool_calls\[0\]\.function\.name"),
    "tool name": (TOOLS, r"tools\[0\]\.function\.name"),
    "tool description": (TOOLS, r"tools\[0\]\.function\.description"),
    "parameter name": (TOOLS, r"tools\[0\]\.function\.parameters\.properties"),
    "parameter description": (TOOLS, r".*\.properties\..*\.description"),
}


_PLAIN = "a"
_WORDS = {place: f"zq{at}zq" for at, place in enumerate(PLACES)}  # that tell where a text came from


def forgeable(adapter: Adapter) -> dict[str, tuple[str, ...]]:
    """Return the markers that come through, for each place that the format prints at all.

    A place that a prompt does not show, such as a past reasoning that is dropped, is left out. One
    is shown if its word stands in a prompt, or any text of which the origin is known to be there.
    """
    known = adapter.markers()
    for system, tools in ((True, True), (False, True), (True, False), (False, False)):
        places = {
            place: spot
            for place, spot in PLACES.items()
            if (system or place != "system text") and (tools or not _about_tools(place))
        }
        text = _render(adapter, {place: f"{_PLAIN} {_WORDS[place]} b" for place in places})
        if text is not None:
            break
    else:
        return {}
    seen = {origin for _, origin in runs(text) if origin is not None}
    found = {
        place: list[str]()
        for place in places
        if _WORDS[place] in text.lower() or any(_is(one, place) for one in seen)
    }
    for marker in known:
        said = f"{_PLAIN} {marker.text} b"
        text = _render(adapter, dict.fromkeys(places, said))
        origins = [one.origin for one in forged(text, [marker])] if text is not None else [UNKNOWN]
        # Such as in an id that is made of a name; its place is found by trying each for itself.
        alone = any(not any(_is(origin, place) for place in PLACES) for origin in origins)
        for place in found:
            if alone:
                text = _render(adapter, {**dict.fromkeys(places, _PLAIN), place: said})
                through = text is not None and any(forged(text, [marker]))
            else:
                through = any(_is(origin, place) for origin in origins)
            if through:
                found[place].append(marker.text)
    return {place: tuple(texts) for place, texts in found.items()}


def in_words(adapter: Adapter) -> list[str]:
    """Return the same as lines, the markers first, then places with the same markers together."""
    known = [marker.text for marker in adapter.markers()]
    together: dict[tuple[str, ...], list[str]] = {}
    for place, through in adapter.forgeable().items():
        together.setdefault(through, []).append(place)
    lines = [f"the markers of this format: {' '.join(known) or 'none'}"]
    for through, places in sorted(together.items(), key=lambda item: -len(item[0])):
        kept = [text for text in known if text not in through]
        if not through:
            said = "no marker"
        elif not kept:
            said = "every marker"
        elif len(kept) < len(through):
            said = f"every marker but {' '.join(kept)}"
        else:
            said = " ".join(through)
        lines.append(f"{', '.join(places)}: {said}")
    return lines


def _about_tools(place: str) -> bool:
    return any(word in place for word in ("tool", "argument", "parameter"))


def _is(origin: Origin, place: str) -> bool:
    role, field = PLACES[place]
    return origin.role == role and re.fullmatch(field, origin.field, re.DOTALL) is not None


def _render(adapter: Adapter, texts: Mapping[str, str]) -> Traced | None:
    """Return the prompt of a conversation with these texts in their places; None: refused."""
    tools, messages = _conversation(texts)
    if not any(map(_about_tools, texts)):
        tools, messages = None, messages[:4]
    if "system text" not in texts:
        messages = messages[1:]
    checked = render.normalise(messages, adapter.declaration)
    try:
        return prompt(adapter, checked, tools, True, (), {})
    except ConversationError:
        return None


def _conversation(texts: Mapping[str, str]) -> tuple[list[Json] | None, list[Json]]:
    said = {place: texts.get(place, _PLAIN) for place in PLACES}
    fields = {"type": "string", "description": said["parameter description"]}
    parameters = {"type": "object", "properties": {said["parameter name"]: fields}}
    tool = {
        "name": said["tool name"],
        "description": said["tool description"],
        "parameters": parameters,
    }
    arguments = {said["argument name"]: said["argument value"]}
    call = {
        "id": "call_0001",
        "type": "function",
        "function": {"name": said["name of a called tool"], "arguments": arguments},
    }
    answer = {"role": "assistant", "reasoning_content": said["past reasoning"]}
    messages: list[Json] = [
        {"role": "system", "content": said["system text"]},
        {"role": "user", "content": said["user text"]},
        {**answer, "content": said["past answer"]},
        {"role": "user", "content": said["user text"]},
        {**answer, "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0001", "content": said["tool result"]},
    ]
    return [{"type": "function", "function": tool}], messages
