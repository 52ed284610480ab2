"""What the adapters print for the probes: the registry in, hashes to compare with out.

``registry/probes.json`` holds them, so that a template is compared with a hundred adapters without
compiling one. An adapter that is not there, or has changed since, is rendered now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import registry
from ..errors import ChatAdaptersError
from .probes import Probe, all_probes, digest

FILE = "probes.json"
REFUSED = "-"
Entry = dict[str, Any]


def entries() -> dict[str, Entry]:
    """Return the entry of every adapter; one whose declaration is broken has none."""
    path = registry.folder("registry") / FILE
    try:
        table = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ChatAdaptersError(
            f"{path}: not JSON ({error}): write it again with `python tools/generate.py`, or "
            "install the package again"
        ) from None
    written = table.get("adapters", {}) if table.get("probes") == digest() else {}
    found: dict[str, Entry] = {}
    for name in registry.names():
        entry = written.get(name)
        if entry is None or entry["declaration"] != sources(registry.resolve(name)):
            from .rendering import made

            try:
                entry = made(registry.read(name))
            except ChatAdaptersError:
                continue
        found[name] = entry
    return found


def printed(hashes: str, entry: Entry) -> dict[str, str]:
    """Return the hashes of an entry's ``ours`` or ``official`` by their probes."""
    keys = (key for key, _, _ in all_probes(entry["options"]))
    return dict(zip(keys, hashes.split(), strict=True))


def hashed(text: str | None) -> str:
    """Return a short hash of what was printed; ``-`` is a refusal."""
    return REFUSED if text is None else hashlib.sha256(text.encode()).hexdigest()[:12]


def sources(path: Path) -> str:
    """Return a hash of a declaration's file and of those that it extends."""
    text, seen = "", set[Path]()
    while path.is_file() and path not in seen:
        seen.add(path)
        text += (own := path.read_bytes().decode("utf-8", "replace"))
        base = re.search(r"""^extends\s*=\s*["']([^"'/]+)["']""", own, re.MULTILINE)
        if base is None:
            break
        beside = path.with_name(f"{base.group(1)}{registry.SUFFIX}")
        path = beside if beside.is_file() else registry.folder("adapters") / beside.name
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def variables(probe: Probe, tokens: Mapping[str, str]) -> dict[str, Any]:
    """Return what a template is given for a probe."""
    return {
        **tokens,
        **probe.options,
        "messages": probe.messages,
        "tools": probe.tools,
        "add_generation_prompt": probe.prompt,
    }
