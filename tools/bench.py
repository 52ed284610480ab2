"""Measure parser, templates and start-up, as ratios to a bare find-and-append loop in the same run.

    python tools/bench.py [--quick]

Every row is measured in this process, one after the other, on generated input; times are CPU-bound
and noisy, the ratios are what lasts. The goals are those of the project's issue.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import bench_registry
from bench_parts import TOOLS, Row, best, start_up, templates
from bench_vllm import rows as vllm_rows

import chatadapters

JSON_FORMAT, RAW_FORMAT = "qwen3", "qwen3_coder"
PEER = {
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "thinking": {"open": "<think>", "close": "</think>"},
        "content": {},
        "tool_calls": {
            "open": "<tool_call>",
            "close": "</tool_call>",
            "content": "json",
            "repeats": True,
        },
    },
}


class Floor:
    """What any parser must do at least: look for one marker, keep the text."""

    def __init__(self) -> None:
        self.out: list[str] = []

    def feed(self, delta: str) -> list[str]:
        if delta.find("<") < 0:
            self.out.append(delta)
        return [delta]


def deltas(text: str, size: int = 4) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


def each(feed: Callable[[str], Any], pieces: Iterable[str]) -> list[float]:
    """Return the microseconds of each delta."""
    clock = time.perf_counter_ns
    times = []
    for piece in pieces:
        start = clock()
        feed(piece)
        times.append((clock() - start) / 1000)
    return times


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def prose(size: int) -> str:
    return ("The quick brown fox jumps over the lazy dog, and so on. " * (size // 50 + 1))[:size]


def code(size: int) -> str:
    return ('def f(x):\n    return "a\\b" + str(x)  # a < b\n' * (size // 40 + 1))[:size]


def openings() -> dict[str, tuple[str, str]]:
    """Return, per region, the format and the text that leads into it."""
    head = {JSON_FORMAT: '<tool_call>\n{"name": "write_file", "arguments": {"text": "'}
    head[RAW_FORMAT] = "<tool_call>\n<function=write_file>\n<parameter=text>\n"
    return {
        "content": (JSON_FORMAT, ""),
        "reasoning": (JSON_FORMAT, "<think>\n"),
        "JSON argument": (JSON_FORMAT, head[JSON_FORMAT]),
        "raw argument": (RAW_FORMAT, head[RAW_FORMAT]),
    }


def parser_in(region: str) -> Any:
    name, text = openings()[region]
    parser = chatadapters.load(name).parser(tools=TOOLS, prompt="")
    parser.feed(text)
    return parser


def per_delta(count: int, rounds: int = 5) -> list[Row]:
    """Measure each region beside the floor, several times; the middle ratio is what is shown."""
    plain, source = deltas(prose(count * 4)), deltas(code(count * 4))
    escaped = deltas(json.dumps(code(count * 4))[1:-1])
    cases = [
        ("content", plain, "content delta", "<= 2x, p99 <= 5 µs"),
        ("reasoning", plain, "reasoning delta", "<= 2x, p99 <= 5 µs"),
        ("JSON argument", plain, "JSON argument delta", "<= 5x, p99 <= 10 µs"),
        ("raw argument", plain, "raw argument delta", "<= 6x, p99 <= 10 µs"),
        ("JSON argument", escaped, "JSON argument delta, source code", ""),
        ("raw argument", source, "raw argument delta, source code", ""),
    ]
    rows = [("floor: find and append", "", "1.0x", "")]
    for region, pieces, name, goal in cases:
        found = []
        for _ in range(rounds):
            floor = statistics.median(each(Floor().feed, pieces))
            times = each(parser_in(region).feed, pieces)
            median = statistics.median(times)
            found.append((median / floor, median, percentile(times, 0.99)))
        ratio, median, late = sorted(found)[rounds // 2]
        rows.append((name, f"{median:.2f} µs, p99 {late:.2f}", f"{ratio:.1f}x", goal))
    return rows


def growth(count: int) -> list[Row]:
    rows = []
    for region in openings():
        for what, piece in (("text", "word"), ("white space", "\n\n\n\n")):
            ratios = []
            for _ in range(3):
                gc.collect()
                gc.disable()
                times = each(parser_in(region).feed, [piece] * count)
                gc.enable()
                ratios.append(
                    statistics.mean(sorted(times[-128:])[:120])
                    / statistics.mean(sorted(times[128:256])[:120])
                )
            rows.append(
                (
                    f"growth over {count} deltas: {region}, {what}",
                    "",
                    f"{min(ratios):.2f}x",
                    "<= 1.3x",
                )
            )
    return rows


def conversation(text: str) -> list[dict[str, Any]]:
    """Return a conversation that ends in one call with a long text."""
    function = {"name": "write_file", "arguments": {"path": "a.py", "text": text}}
    call = {"type": "function", "function": function}
    answer = {"role": "assistant", "content": "", "tool_calls": [call]}
    return [{"role": "user", "content": "go"}, answer]


def big_call() -> list[Row]:
    rows = []
    body = code(32_000)
    messages = conversation(body)
    for name in (JSON_FORMAT, RAW_FORMAT):
        adapter = chatadapters.load(name)
        text = adapter.output(messages, TOOLS)
        pieces = deltas(text)

        def stream(adapter: Any = adapter, pieces: list[str] = pieces) -> Any:
            parser = adapter.parser(tools=TOOLS, prompt="")
            for piece in pieces:
                parser.feed(piece)
            parser.close()
            return parser.message

        assert stream().tool_calls[0].value()["text"] == body
        floor = best(lambda pieces=pieces: [Floor().feed(piece) for piece in pieces])  # type: ignore[misc]
        spent = best(stream)
        rows.append(
            (
                f"{name}: one 32 kB write_file call, streamed",
                f"{spent:.1f} ms",
                f"{spent / floor:.1f}x",
                "<= 8 ms",
            )
        )
        whole = best(lambda adapter=adapter, text=text: adapter.parse(text, tools=TOOLS, prompt=""))  # type: ignore[misc]
        rows.append((f"{name}: the same, whole", f"{whole:.2f} ms", "", "<= 0.6 ms"))
        long = adapter.output(conversation(code(256_000)), TOOLS)
        spent = best(lambda adapter=adapter, long=long: adapter.parse(long, tools=TOOLS, prompt=""))  # type: ignore[misc]
        per_byte = spent / whole / (len(long) / len(text))
        name_ = f"{name}: whole, {len(long) // 1000} kB against {len(text) // 1000} kB"
        rows.append((name_, f"{spent:.2f} ms", f"{per_byte:.2f}x per byte", "linear"))
        parser = adapter.parser(tools=TOOLS, prompt="")
        tracemalloc.start()
        for piece in pieces[:-20]:
            parser.feed(piece)
        used = tracemalloc.get_traced_memory()[0] / 1000
        tracemalloc.stop()
        kept = len(parser.message.tool_calls[0].arguments) / 1000
        row = (f"{used - kept:.0f} kB", f"beside {kept:.0f} kB of message", "<= 20 kB")
        rows.append((f"{name}: memory before the end of that call", *row))
    rows += _peer(deltas(chatadapters.load(JSON_FORMAT).output(messages, TOOLS)))
    return rows


def _peer(pieces: list[str]) -> list[Row]:
    try:
        from transformers.utils.chat_parsing.response_parser import ResponseParser
    except ImportError:
        return [("transformers' ResponseParser", "not installed", "", "")]

    def stream() -> None:
        parser = ResponseParser(PEER, prefix="")
        for piece in pieces:
            parser.feed(piece)
        parser.finalize()

    content = each(ResponseParser(PEER, prefix="").feed, deltas(prose(8000)))
    return [
        (
            "transformers' ResponseParser: the 32 kB call, streamed",
            f"{best(stream, 3):.1f} ms",
            "",
            "",
        ),
        (
            "transformers' ResponseParser: content delta",
            f"{statistics.median(content):.2f} µs",
            "",
            "",
        ),
    ]


def main() -> None:
    options = argparse.ArgumentParser(description="Measure parsing, rendering and start-up.")
    options.add_argument("--quick", action="store_true", help="a tenth of the work")
    options.add_argument("--vllm", action="store_true", help="only the plugin and structural tags")
    options.add_argument("--json", action="store_true", help="print JSON")
    given = options.parse_args()
    count = 6_400 if given.quick else 64_000
    rows = vllm_rows(given.quick)
    if not given.vllm:
        parts = (
            per_delta(count // 4),
            growth(count),
            big_call(),
            start_up(),
            bench_registry.rows(),
            templates(),
        )
        rows = [row for part in parts for row in part] + rows
    if given.json:
        print(
            json.dumps(
                [
                    dict(zip(("what", "measured", "ratio", "goal"), row, strict=True))
                    for row in rows
                ],
                indent=1,
            )
        )
        return
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()
