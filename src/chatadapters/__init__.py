"""Chat wire formats, declared once: names in, adapters that render and parse out."""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than this whole module
if TYPE_CHECKING:
    from os import PathLike

    from . import client
    from .adapter import Adapter
    from .detection import Detection
    from .errors import (
        ChatAdaptersError,
        ConversationError,
        DeclarationError,
        UnknownAdapterError,
    )
    from .registry import names, register

__all__ = (
    "Adapter",
    "ChatAdaptersError",
    "ConversationError",
    "DeclarationError",
    "Detection",
    "UnknownAdapterError",
    "client",
    "detect",
    "load",
    "names",
    "register",
)

__version__ = "0.1.0"

_HOMES = {
    "Adapter": "adapter",
    "ChatAdaptersError": "errors",
    "ConversationError": "errors",
    "DeclarationError": "errors",
    "Detection": "detection",
    "UnknownAdapterError": "errors",
    "names": "registry",
    "register": "registry",
}


def load(name: str | PathLike[str]) -> Adapter:
    """Load an adapter by name, by model id, or by the path of a declaration.

    >>> load("chatglm3").name
    'chatglm3'
    """
    from .adapter import Adapter
    from .registry import read

    return Adapter(read(name))


def detect(template: str | PathLike[str]) -> Detection:
    """Return which adapters print what a chat template prints: ``.exact``, ``.near``, ``.adapter``.

    ``template`` is its text, or the path (a ``Path``) of its file or of a model's folder. Raises
    ``ChatAdaptersError`` for what is no chat template.
    """
    from pathlib import Path

    from .detection import detect as of_text
    from .detection.sources import templates

    if isinstance(template, str):
        return of_text(template)
    *_, text = templates(Path(template)).values()
    return of_text(text)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "client":
        return import_module(f".{name}", __name__)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
