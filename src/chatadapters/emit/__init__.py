"""The targets: an adapter in, the text of a file out; the same adapter gives the same text."""

from __future__ import annotations

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


def emit(adapter: Adapter, target: str, **request: Any) -> str:
    """Return the text of a target. Raises ``ChatAdaptersError`` where there is no such target."""
    if target in REQUEST_TARGETS:
        from . import grammars

        made: str = getattr(grammars, f"emit_{target}")(adapter, **request)
        return made
    if request and target in {**TARGETS, **OTHER_TARGETS}:
        raise ChatAdaptersError(
            f"the target {target!r} is the same for every request: leave out "
            f"{', '.join(sorted(request))}"
        )
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
                f"{adapter.name}` says more: serve with the target 'jinja'"
            )
        return adapter.stable_template()
    if target == "hardened":
        from . import hardened

        return hardened.template(adapter.declaration)
    if target == "ollama":
        from .ollama import modelfile

        return modelfile(adapter.declaration)
    if target == "response_template":
        from .response_template import emit_response_template

        return emit_response_template(adapter)
    known = (*TARGETS, *OTHER_TARGETS, *REQUEST_TARGETS)
    raise ChatAdaptersError(
        f"no target is called {target!r}{did_you_mean(target, known)}: "
        f"use one of {', '.join(known)}"
    )


def losses(adapter: Adapter, target: str, **request: Any) -> list[str]:
    """Return, in sentences, what a target cannot keep; it takes what ``emit`` takes."""
    if target in REQUEST_TARGETS:
        from .grammars import losses as of_grammar

        return of_grammar(adapter, target, **request)
    if target in ("response_template", "hf"):
        from .response_template import losses as of_template

        return of_template(adapter)
    if target == "ollama":
        from .ollama import losses as of_ollama

        return of_ollama(adapter.declaration)
    if target == "training":
        from .training import losses as of_training

        return of_training(adapter.declaration, adapter.emit("training"))
    return []
