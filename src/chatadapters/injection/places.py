"""Where texts come from: a conversation in, the same one with the origin of every text out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import render
from ..markers import Marker
from .environment import compile_traced
from .traced import OWN, Origin, Traced, traced

if TYPE_CHECKING:
    from ..adapter import Adapter

TRUSTED = ("system", "developer")  # the roles whose texts are the host's own
TOOLS = "tools"  # stands for the declarations of tools where roles are named
_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*")


def prompt(
    adapter: Adapter,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
    trusted: Collection[str],
    options: Mapping[str, object],
    template: str = "template",
) -> Traced:
    """Return a prompt whose every character has its origin; ``messages`` are normalised.

    Options are the host's, but for texts inside of lists and objects (documents); so is a role that
    is one word. ``template`` names the method of ``adapter`` or module that writes the template.
    """
    known = adapter.markers()
    given: dict[str, object] = {
        key: traced(text, OWN) for key, text in adapter.declaration.tokens.items()
    }
    for key, value in options.items():
        plain = isinstance(value, str)
        given[key] = _labelled(value, OWN if plain else Origin(field=f"option {key}"))
    made = render.render_text(
        _compiled(adapter, template),
        [_message(message, at, trusted, known) for at, message in enumerate(messages)],
        _tools(tools, trusted),  # type: ignore[arg-type]
        add_generation_prompt,
        adapter.declaration,
        given,
    )
    assert isinstance(made, Traced)
    return made


def _compiled(adapter: Adapter, target: str) -> Any:
    made = adapter._compiled.get(f"traced {target}")
    if made is None:
        text = adapter.template() if target == "template" else adapter.emit(target)
        made = adapter._compiled[f"traced {target}"] = compile_traced(text)
    return made


def _message(
    message: Mapping[str, Any], index: int, trusted: Collection[str], known: Sequence[Marker]
) -> dict[str, Any]:
    role = str(message["role"])
    own = role in trusted
    done = {
        key: _labelled(value, OWN if own else Origin(index, role, str(key)))
        for key, value in message.items()
    }
    if own or (_WORD.fullmatch(role) and not any(marker.text in role for marker in known)):
        done["role"] = traced(role, OWN)
    return done


def _tools(tools: object, trusted: Collection[str]) -> object:
    if not isinstance(tools, list | tuple):
        return tools
    own = TOOLS in trusted
    return [
        _labelled(tool, OWN if own else Origin(None, TOOLS, f"tools[{number}]"))
        for number, tool in enumerate(tools)
    ]


def _labelled(value: object, origin: Origin | None) -> Any:
    """Return a JSON value whose texts, keys included, have their origins."""
    if isinstance(value, str):
        return traced(value, origin)
    if isinstance(value, Mapping):
        return {
            _labelled(key, origin): _labelled(inner, _inside(origin, f".{key}"))
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_labelled(inner, _inside(origin, f"[{at}]")) for at, inner in enumerate(value)]
    return value


def _inside(origin: Origin | None, step: str) -> Origin | None:
    if origin is None:
        return None
    return Origin(origin.index, origin.role, origin.field + step)
