"""The targets: an adapter in, the text of a file out; the same adapter gives the same text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ChatAdaptersError, did_you_mean

if TYPE_CHECKING:
    from ..adapter import Adapter

# target -> the ending that `adapters compile` gives the file after the adapter's name
TARGETS = {"jinja": ".jinja", "python": "_parser.py", "vllm": "_vllm.py"}
# The same, of files that are written only where they are asked for: not every format has them.
OTHER_TARGETS = {
    "training": "_training.jinja",
    "stable": "_stable.jinja",
    "ollama": ".modelfile",
    "hardened": "_hardened.jinja",
    "response_template": "_response_template.json",
}
# The same, of targets for one request: they take its tools and tool choice.
REQUEST_TARGETS = {"structural_tag": "_structural_tag.json", "lark": ".lark", "gbnf": ".gbnf"}
_SHARED = ("tools", "tool_choice", "parallel_tool_calls", "reasoning", "prompt")
# The same targets -> what each takes of a request
TAKES = {
    "structural_tag": _SHARED,
    "lark": (*_SHARED, "special_tokens", "plain_lark"),
    "gbnf": (*_SHARED, "lazy"),
}
FOLDER = "hf"  # a folder patched by ``adapters compile``: it has losses, and no text of its own


def emit(adapter: Adapter, target: str, **request: Any) -> str:
    """Return the text of a target. Raises ``ChatAdaptersError`` where there is no such target."""
    _check(target, request)
    if target in REQUEST_TARGETS:
        from . import grammars

        made: str = getattr(grammars, f"emit_{target}")(adapter, **request)
        return made
    if target == "jinja":
        from .jinja import template

        return template(adapter.declaration)
    if target == "python":
        from .python import parser_file

        return parser_file(adapter.name, adapter.declaration.title, adapter.table)
    if target == "vllm":
        from .vllm import plugin_file

        return plugin_file(adapter)
    if target == "training":
        from . import training

        return training.template(adapter.declaration, adapter.table["starts"])
    if target == "stable":
        found = adapter.prefix()
        if found.unstable:
            raise ChatAdaptersError(
                f"no template of this format only appends: {found.unstable}; `adapters show "
                f"{adapter.name} --prefix` says more: serve with the target 'jinja'"
            )
        return adapter.stable_template(found.rules)
    if target == "hardened":
        from . import hardened

        return hardened.template(adapter.declaration)
    if target == "ollama":
        from .ollama import modelfile

        return modelfile(adapter.declaration)
    from .response_template import emit_response_template

    return emit_response_template(adapter)


def losses(adapter: Adapter, target: str, **request: Any) -> list[str]:
    """Return, in sentences, what a target cannot keep; it takes what ``emit`` takes, and "hf".

    Raises ``ChatAdaptersError`` where ``emit`` does because of a target or a request.
    """
    _check(target, request, (FOLDER,))
    if target in REQUEST_TARGETS:
        from .grammars import losses as of_grammar

        return of_grammar(adapter, target, **request)
    if target in ("response_template", FOLDER):
        from .response_template import losses as of_template

        return of_template(adapter)
    if target == "ollama":
        from .ollama import losses as of_ollama

        return of_ollama(adapter.declaration)
    if target == "training":
        from .training import losses as of_training

        return of_training(adapter.declaration, adapter.emit("training"))
    return []


def _check(target: str, request: Mapping[str, Any], more: tuple[str, ...] = ()) -> None:
    """Check that there is such a target and that it takes what is given of a request."""
    known = (*TARGETS, *OTHER_TARGETS, *REQUEST_TARGETS, *more)
    if target not in known:
        raise ChatAdaptersError(
            f"no target is called {target!r}{did_you_mean(target, known)}: "
            f"use one of {', '.join(known)}"
        )
    if target not in REQUEST_TARGETS and request:
        raise ChatAdaptersError(
            f"the target {target!r} is the same for every request: leave out "
            f"{', '.join(sorted(request))}"
        )
    taken = TAKES.get(target, ())
    for word in sorted(request.keys() - set(taken)):
        raise ChatAdaptersError(
            f"the target {target!r} takes no {word!r}{did_you_mean(word, taken)}: "
            f"give it some of {', '.join(taken)}"
        )
