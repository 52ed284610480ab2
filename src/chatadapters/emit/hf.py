"""A model's folder for transformers: an adapter and a tokenizer_config.json in, two files out.

Then ``tokenizer.apply_chat_template`` prints our template, and ``tokenizer.parse_response`` reads
what the model answers to it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import ChatAdaptersError
from .jinja import template
from .response_template import useful

if TYPE_CHECKING:
    from ..adapter import Adapter

TEMPLATE, CONFIG = "chat_template.jinja", "tokenizer_config.json"
KEY = "response_template"


def folder(adapter: Adapter, config: str | None) -> dict[str, str]:
    """Return the texts of both files by name; ``config`` is the file that is there, None if none.

    All that it holds is kept, in its order. Raises ``ChatAdaptersError`` where it is not a JSON
    object, and where the adapter has no response template.
    """
    keys = {} if config is None else _read(config)
    keys[KEY] = useful(adapter)
    written = json.dumps(keys, ensure_ascii=False, indent=2) + "\n"
    return {TEMPLATE: template(adapter.declaration), CONFIG: written}


def warnings(config: str | None) -> list[str]:
    """Return what in a tokenizer_config.json changes answers before they are read."""
    if config is None or _read(config).get("clean_up_tokenization_spaces") is not True:
        return []
    return [
        "clean_up_tokenization_spaces is true: decoding drops spaces before punctuation, in "
        "arguments too; set it to false"
    ]


def _read(config: str) -> dict[str, object]:
    fix = "repair it, or write to another folder"
    try:
        keys = json.loads(config.removeprefix("\ufeff"))
        json.dumps(keys, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = repr(error.object[error.start])
        raise ChatAdaptersError(
            f"{CONFIG} cannot be used: {half} in it is half of a character: {fix}"
        ) from None
    except (ValueError, RecursionError) as error:
        quote = repr(config[:60])
        raise ChatAdaptersError(f"{CONFIG} is not JSON ({error}): {quote}: {fix}") from None
    if not isinstance(keys, dict):
        raise ChatAdaptersError(f"{CONFIG} is not a JSON object: {config[:60]!r}: {fix}")
    return keys
