"""Plain text cases (corpus/README.md): a corpus file in; its cases, and what is read, out.

``python -m tests.corpus_cases NAME ...`` writes what is read into the files, for review.
"""

import json
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import chatadapters
from chatadapters.verify.checks import joined, run

FOLDER = Path(__file__).parent / "corpus"
TOOLS = json.loads((FOLDER / "tools.json").read_text(encoding="utf-8"))
HEAD = re.compile(r"^={3,}(\S*)\n(.*?)\n={3,}\1\n", re.MULTILINE | re.DOTALL)
SPACES = {r"\n": "\n", r"\t": "\t", r"\r": "\r", r"\s": " "}
loaded = cache(chatadapters.load)
HELLO = [{"role": "user", "content": "Hello"}]
CALL = {"id": "call_0", "type": "function", "function": {"name": "ping", "arguments": {}}}
ASKED = [
    *HELLO,
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_0", "content": "pong"},
]


@dataclass
class Case:
    format: str
    name: str
    marks: list[str]
    text: str
    expected: str
    suffix: str = ""

    @property
    def adapter(self):
        return loaded(self.format)

    @property
    def tools(self):
        return [] if "no-tools" in self.marks else None if "any-tools" in self.marks else TOOLS

    @property
    def messages(self):
        return ASKED if "prompt tool" in self.marks else HELLO

    @property
    def options(self):
        given = [mark.split(" ", 1)[1] for mark in self.marks if mark.startswith("option ")]
        pairs = (option.split("=", 1) for option in given)
        return {name: json.loads(value) for name, value in pairs}

    @property
    def input(self):
        if "escaped" in self.marks:
            return re.sub(r"\n|\\[ntrs]", lambda found: SPACES.get(found[0], ""), self.text)
        return self.text

    @cached_property
    def prompt(self):
        return self.adapter.render(self.messages, self.tools, **self.options)

    def parser(self):
        return self.adapter.parser(
            tools=self.tools,
            prompt=self.prompt,
            make_id=lambda index, name: f"call_{index}",
            unknown_tools="unknown-tools" in self.marks,
        )

    def read(self, pieces):
        events, message = run(self.parser, pieces)
        return joined(events), message

    def show(self, events, message):
        """Return what is read, as the corpus spells it."""
        carries_ids = any(call["has_id"] for call in self.adapter.table["calls"])
        lines, texts = [], {"text": "content", "reasoning": "reasoning"}
        for event in events:
            kind = event["type"]
            if kind in texts:
                lines.append(f"{texts[kind]}: {written(event['text'])}")
            elif kind == "malformed":
                lines.append(f"malformed ({event['reason']}): {written(event['text'])}")
            elif kind == "call_end":
                call = message.tool_calls[event["index"]]
                whole = call.status in ("complete", "unknown_tool")
                value = json.dumps(call.value(), ensure_ascii=False) if whole else call.arguments
                lines.append(f"call {call.name}: {value if whole else written(value)}")
                lines += [f"id: {call.id}"] if carries_ids else []
                lines += [] if call.status == "complete" else [f"status: {call.status}"]
        return "\n".join(lines)

    def printed(self, message):
        """Return the message as the format prints it after this case's prompt."""
        made = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.value()}}
            for call in message.tool_calls
        ]
        answer = {"role": "assistant", "content": message.content, "tool_calls": made}
        answer |= {"reasoning_content": message.reasoning} if message.reasoning else {}
        text = self.adapter.output([*self.messages, answer], self.tools, **self.options)
        starts = self.adapter.table["starts"]
        return text.removeprefix(next(x for end, x in starts if self.prompt.endswith(end)))


def written(text):
    lines = text.split("\n")
    plain = (
        text and text == text.strip() and text[0] != '"' and "\r" not in text and "\t" not in text
    )
    if not plain or any(line != line.rstrip() for line in lines):
        return json.dumps(text, ensure_ascii=False)
    return "\n| ".join(lines).replace("\n| \n", "\n|\n")


def cases(path):
    """Give the cases of a corpus file."""
    source = path.read_text(encoding="utf-8")
    heads = list(HEAD.finditer(source))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        name, *marks = head[2].split("\n")
        body = "\n" + source[head.end() : after.start() if after else len(source)]
        text, _, expected = body.partition(f"\n---{head[1]}\n")
        marks = [mark.removeprefix(":") for mark in marks]
        yield Case(path.stem, name, marks, text[1:], expected.strip(), head[1])


def update(path):
    """Write what is read into a corpus file; return the names of the cases that were left alone."""
    refused, blocks = [], []
    for case in cases(path):
        shown = case.show(*case.read([case.input]))
        if wrong(shown) and "malformed" not in case.marks:
            refused.append(case.name)
            shown = case.expected
        rule, marks = f"{'=' * 16}{case.suffix}", "".join(f":{mark}\n" for mark in case.marks)
        blocks.append(
            f"{rule}\n{case.name}\n{marks}{rule}\n{case.text}\n---{case.suffix}\n{shown}\n"
        )
    path.write_text("\n".join(blocks), encoding="utf-8")
    return refused


def wrong(shown):
    """Tell whether something went wrong in a case: a call not complete, or malformed text."""
    return bool(re.search(r"^(status: |malformed \()", shown, re.MULTILINE))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        left = update(FOLDER / f"{argument}.txt")
        print(
            f"{argument}: {', '.join(left) + ': mark :malformed or correct' if left else 'written'}"
        )
