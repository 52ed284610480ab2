"""Templates for the tests of detection, rendered in this process: they are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from chatadapters.detection import known
from chatadapters.detection.template import renderer


class Here:
    """Renders a template in this process."""

    def __init__(self, text: str) -> None:
        self._render = renderer(text)
        self.refusals: list[str] = []

    def render(self, variables: Mapping[str, Any]) -> str | None:
        try:
            return self._render(variables)
        except Exception as error:  # a template refuses in any way it likes
            self.refusals.append(str(error) or "it refuses")
            return None


@cache
def everything() -> dict[str, known.Entry]:
    """Return what is known of every adapter, once per process."""
    return known.entries()
