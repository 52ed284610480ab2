"""Speed of grammars: how long emitting takes, and compiling in xgrammar and llguidance.

python tools/bench_grammars.py [NAME ...]

Ten tools, strict, auto. Run it in an environment that has the engines; without them only emitting
is measured. Times are of the processor, the least of several; compiling is on a byte vocabulary,
so that the grammar counts and not the tokenizer, each time by a new compiler without a cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import chatadapters

BUILTIN = {  # what xgrammar calls the format
    "qwen3": "qwen_3",
    "qwen3_coder": "qwen_3_coder",
    "glm47": "glm_4_7",
    "deepseek_v31": "deepseek_v3_1",
    "kimi_k2": "kimi",
    "gpt_oss": "harmony",
    "llama3_json": "llama",
    "minimax_m2": "minimax",
}
NAMES = (*BUILTIN, "chatglm3", "gemma4")
TRIES = 5
GOAL = 5.0  # ms for a grammar of ten tools
PROPERTIES = {
    "city": {"type": "string", "description": "The city"},
    "days": {"type": "integer", "minimum": 0},
    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    "tags": {"type": "array", "items": {"type": "string"}},
    "place": {
        "type": "object",
        "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
        "required": ["lat", "lon"],
    },
}


def tools(round_: int) -> list[dict[str, Any]]:
    """Return ten tools; those of each round are new ones, as from another user."""
    return [
        {
            "type": "function",
            "function": {
                "name": f"tool_{round_}_{number}",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {f"{k}_{round_}_{number}": v for k, v in PROPERTIES.items()},
                    "required": [f"city_{round_}_{number}"],
                    "additionalProperties": False,
                },
            },
        }
        for number in range(10)
    ]


def least(what: Callable[[int], Any], tries: int = TRIES) -> float:
    """Return the least time of the processor, in ms."""
    times = []
    for number in range(tries):
        start = time.process_time()
        what(number)
        times.append((time.process_time() - start) * 1000)
    return min(times)


def emitting(adapter: Any) -> dict[str, float]:
    """Return the time that each target takes for ten tools never seen before."""
    adapter.shape  # noqa: B018  (once in a process)
    given = [tools(number) for number in range(TRIES + 1)]
    found = {}
    for target in ("structural_tag", "lark", "gbnf"):
        adapter.emit(target, tools=given[TRIES])
        found[target] = least(lambda n, target=target: adapter.emit(target, tools=given[n]))  # type: ignore[misc]
    return found


def builtin(adapter: Any) -> str | None:
    """Return xgrammar's own tag for the format, or None where it has none."""
    import xgrammar

    if adapter.name not in BUILTIN:
        return None
    tag = xgrammar.get_model_structural_tag(
        BUILTIN[adapter.name], tools(0), "auto", reasoning="auto"
    )
    return str(tag.model_dump_json())


def compiling(adapter: Any) -> dict[str, float | None]:
    """Return the time that the engines take for our grammars, and xgrammar for its own tag."""
    import llguidance
    import xgrammar

    words = [bytes([byte]) for byte in range(256)] + [b"</s>"]
    info = xgrammar.TokenizerInfo(words, stop_token_ids=[256])
    given = {t: adapter.emit(t, tools=tools(0)) for t in ("structural_tag", "lark", "gbnf")}

    class Bytes:
        """A tokenizer of bytes, in the shape that llguidance wants."""

        eos_token_id, bos_token_id, special_token_ids = 256, None, (256,)
        tokens = words

        def __call__(self, text: bytes | str) -> list[int]:
            return list(text.encode() if isinstance(text, str) else text)

    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))

    def compiler() -> Any:
        return xgrammar.GrammarCompiler(info, cache_enabled=False, max_threads=1)

    def guided(_: int) -> None:
        matcher = llguidance.LLMatcher(tokenizer, given["lark"], log_level=0)
        matcher.compute_bitmask()
        assert not matcher.is_error(), matcher.get_error()

    own = builtin(adapter)
    return {
        "xgrammar tag": least(lambda _: compiler().compile_structural_tag(given["structural_tag"])),
        "xgrammar gbnf": least(lambda _: compiler().compile_grammar(given["gbnf"])),
        "llguidance lark": least(guided),
        "xgrammar's own tag": least(lambda _: compiler().compile_structural_tag(own))
        if own
        else None,
    }


def main() -> int:
    """Print a line an adapter; exit with 1 if emitting takes longer than the goal."""
    slow = False
    for name in sys.argv[1:] or NAMES:
        adapter = chatadapters.load(name)
        found: dict[str, float | None] = dict(emitting(adapter))
        slow |= any(value is not None and value > GOAL for value in found.values())
        try:
            found |= compiling(adapter)
        except ImportError as error:
            print(f"not compiled: {error}", file=sys.stderr)
        cells = (f"{key} {'-' if ms is None else f'{ms:.1f}'}" for key, ms in found.items())
        print(f"{name}: {', '.join(cells)} (ms)", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
