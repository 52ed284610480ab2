"""The other process: a template and conversations in, as JSON lines; what it prints out."""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Read ``{"template": ...}``, then conversations; answer each line with one."""
    from jinja2 import TemplateSyntaxError

    from .template import TooLong, renderer

    first = json.loads(sys.stdin.readline())
    _limit(first["memory"], first["seconds"])
    try:
        render = renderer(first["template"], first["most"])
    except TemplateSyntaxError as error:
        return _answer({"syntax": str(error), "line": error.lineno})
    except Exception as error:  # whatever jinja2 meets in a text that is none
        return _answer({"syntax": f"{type(error).__name__}: {error}", "line": 0})
    _answer({})
    for line in sys.stdin:
        try:
            _answer({"text": render(json.loads(line))})
        except (TooLong, MemoryError):
            return _answer({"grows": True})
        except Exception as error:  # a template refuses in any way it likes
            _answer({"error": f"{error}"[:300] or type(error).__name__})


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _limit(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the time limit of the other side is all there is
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(kind, (most, hard))
