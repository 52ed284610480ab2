"""The prefix accountant: an adapter in; whether its prompts grow by appending, and the cost, out.

A server keeps what it has read: the prompt of a turn and the answer that it wrote to it. The next
prompt is read on from where it differs. Conversations are played here as a server and a client play
them (prompt, answer, parsed message, next prompt), one feature at a time, two turns of each; where
a prompt does not begin with what was read, more turns are played for the cost, and the rules of
``emit.stable`` are turned on and off until the smallest set of them that repairs it is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import prefix_words as words
from .abilities import DAY, known_options
from .emit.stable import RULES
from .errors import ChatAdaptersError, ConversationError
from .ir import Hole, walk
from .prefix_stable import closed, is_text, stable_template
from .prefix_words import Features

if TYPE_CHECKING:
    from .adapter import Adapter

Encode = Callable[[str], Sequence[Any]]  # a text to its tokens; by default its characters
Render = Callable[[list[dict[str, Any]], bool, dict[str, Any]], str]
MOST = 10
_FEW = 2  # turns that show whether prompts extend each other
_TRIMS = re.compile(r"\|\s*[lr]?(?:strip|trim)(?:\([^)]*\))?")
_MARK = 12  # characters by which the end of an answer is found again


@dataclass(frozen=True)
class Request:
    """What a server reads for one request, in the unit of ``Encode``.

    ``prompt`` is the length of the whole prompt, ``read`` what stands behind the part that was read
    before, ``new`` what the caller added; ``again`` is what is read once more.
    """

    prompt: int
    read: int
    new: int

    @property
    def again(self) -> int:
        return max(0, self.read - self.new)


@dataclass(frozen=True)
class Case:
    """One conversation: what it has, whether its prompts extend each other, and else why not."""

    what: str
    features: Features
    requests: tuple[Request, ...]
    differs: tuple[str, str] | None = None  # what was read, and what the next prompt has there
    rules: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def extends(self) -> bool:
        return self.differs is None

    def share(self, count: int | None = None) -> float:
        """Return which part of what is read in the first ``count`` requests is read once more."""
        some = self.requests[: None if count is None else count + 1]
        read = sum(request.read for request in some)
        return sum(request.again for request in some) / read if read else 0.0


@dataclass(frozen=True)
class Prefix:
    """What the accountant found of one adapter."""

    name: str
    cases: tuple[Case, ...]
    unstable: str = ""  # why there is no stable template, if there is none
    rules: tuple[str, ...] = ()  # of the stable template

    @property
    def extends(self) -> bool:
        """Whether tool loops and plain conversations are only ever appended to."""
        main = [case.extends for case in self.cases if case.what in words.MAIN]
        return bool(main) and all(main)

    def case(self, what: str) -> Case | None:
        return next((case for case in self.cases if case.what == what), None)

    def sentences(self) -> list[str]:
        """Return, in sentences, what does not extend, by which rule, and what it costs."""
        return list(words.sentences(self))


def account(adapter: Adapter, *, turns: int = MOST, encode: Encode = str) -> Prefix:
    """Play the conversations and return what was found.

    Two turns of each tell whether its prompts only grow; where they do not, it is played again with
    ``turns``, from which the costs come. What first differs in a later turn is not found.
    """
    player = _Player(adapter, encode)
    main = player.main(turns)
    why = [
        f"{case.what}: {words.difference(case)}"
        for case in main
        if not case.extends and not case.rules
    ]
    rules = player.chosen(main)
    if rules is None:
        why.append(words.APART)
    if not main:
        why = [words.UNPLAYED]
    rules = RULES if rules is None else rules
    cases = (*main, *player.also(main, rules))
    return Prefix(adapter.name, cases, "; ".join(why), rules)


class _Player:
    """Plays conversations with one adapter."""

    def __init__(self, adapter: Adapter, encode: Encode) -> None:
        fields = {node.field for node in walk(adapter.ir) if isinstance(node, Hole)}
        limits = adapter.declaration.limits
        self.adapter, self.encode = adapter, encode
        self.calls = limits.calls if {"name", "id", "arguments"} & fields else 0
        self.beside = limits.content_with_calls
        self.reasoning = "reasoning" in fields and limits.reasoning
        self.closed = {rest for rest in closed(adapter) if is_text(adapter, rest, "x")}
        self.plain = adapter.template()
        self.templates: dict[str, Any] = {}
        self.made: dict[tuple[str, ...], str] = {}
        self.known: dict[tuple[str, str], bool] = {}  # whether it extends, by name and template
        self.sets: list[tuple[str, ...]] = []  # rules that repaired a conversation
        self.tools: list[dict[str, Any]] | None = None
        self.opening = words.OPENING
        with suppress(ConversationError):
            self._plain(self.opening, True, {})
            return
        self.opening = [one for one in self.opening if one["role"] != "system"]

    def _possible(self, names: Sequence[str]) -> Iterator[tuple[str, Features]]:
        """Give the conversations of these that the format can have."""
        for what in names:
            features = words.CONVERSATIONS[what]
            if features.calls and (self.calls == 0 or features.calls > (self.calls or MOST)):
                continue
            if features.reasoning > self.reasoning or features.closed > bool(self.closed):
                continue
            yield what, replace(features, beside=features.beside and self.beside)

    def main(self, turns: int) -> list[Case]:
        """Play tool loops and plain conversations with the plain template."""
        found = []
        for what, features in self._possible(words.MAIN):
            case = self.play(what, features, min(turns, _FEW))
            if case is None:
                continue
            self.known[what, self.plain] = case.extends
            if not case.extends:
                case = self.explained(self.play(what, features, turns) or case)
            found.append(case)
        return found

    def chosen(self, main: Sequence[Case]) -> tuple[str, ...] | None:
        """Return the rules with which all of these extend, None where none do.

        As many as can be: they also hold for what is not played here.
        """
        repaired = [case for case in main if case.extends or case.rules]
        needed = tuple(rule for rule in RULES if any(rule in one.rules for one in repaired))
        fewer = [tuple(one for one in RULES if one != rule) for rule in RULES]
        for rules in (RULES, *fewer, needed):
            if all(self._extends(case, rules) for case in repaired):
                return rules
        return None

    def also(self, main: Sequence[Case], rules: tuple[str, ...]) -> Iterator[Case]:
        """Play what may also rewrite history, with the template that only appends.

        So it is told apart from the rules of the plain one.
        """
        broken = {case.features.kind for case in main if not case.extends and not case.rules}
        render = self._stable(rules)
        for what, features in self._possible(words.ALSO):
            if features.kind in broken:
                continue
            case = self.play(what, features, _FEW, render)
            if case is None and self.reasoning:  # every answer begins with its reasoning
                features = replace(features, reasoning=True)
                case = self.play(what, features, _FEW, render)
            if case is not None and not case.extends:
                case = replace(case, rules=self._others(case, rules))
            if case is not None:
                yield case

    def play(
        self,
        what: str,
        features: Features,
        count: int,
        render: Render | None = None,
        options: dict[str, Any] | None = None,
    ) -> Case | None:
        """Play one conversation, under the first options that it is possible with if none given."""
        ways = known_options(self.adapter) if options is None else [options]
        for tried in ways:
            try:
                played = self._played(what, features, count, tried, render or self._plain)
            except ConversationError:
                continue
            if played is not None:
                return played
        return None

    def explained(self, case: Case) -> Case:
        """Add the smallest set of rules by which the case extends, if there is one."""
        if case.extends:
            return case
        for known in (*self.sets, RULES):  # what repaired another conversation is tried first
            if not self._extends(case, known):
                continue
            rules = list(known)
            for rule in reversed(known):
                fewer = [one for one in rules if one != rule]
                if self._extends(case, fewer):
                    rules = fewer
            self.sets = list(dict.fromkeys([*self.sets, tuple(rules)]))
            return replace(case, rules=tuple(rules))
        all_on = self.play(case.what, case.features, _FEW, self._stable(RULES), case.options)
        left = all_on.differs if all_on is not None else None  # what no rule repairs
        return replace(case, differs=left or case.differs)

    # -- one conversation

    def _extends(self, case: Case, rules: Sequence[str]) -> bool:
        render, text = self._stable(tuple(rules)), self.made[tuple(rules)]
        if (case.what, text) not in self.known:
            again = self.play(case.what, case.features, _FEW, render, case.options)
            self.known[case.what, text] = again is not None and again.extends
        return self.known[case.what, text]

    def _others(self, case: Case, rules: tuple[str, ...]) -> tuple[str, ...]:
        """Return what else rewrites: a date, trims, or the form of ids."""
        declared, prompt = self.adapter.declaration, self.adapter.declaration.prompt
        if case.features.clock:
            still = replace(case.features, clock=False)
            again = self.play(case.what, still, _FEW, self._stable(rules), case.options)
            return ("date",) if again is not None and again.extends else ()
        without: dict[str, dict[str, Any]] = {}
        texts = {"text": declared.output.text}
        spoken = {"assistant": prompt.assistant, "macros": prompt.macros}
        bare = {key: _TRIMS.sub("", text) for key, text in {**texts, **spoken}.items()}
        if bare != {**texts, **spoken}:
            output = declared.output.model_copy(update={"text": bare.pop("text")})
            without["trims"] = {"output": output, "prompt": prompt.model_copy(update=bare)}
        if declared.ids is not None:
            without["ids"] = {"ids": None}
        for rule, update in without.items():
            other = type(self.adapter)(declared.model_copy(update=update))
            with suppress(ChatAdaptersError):  # without it the declaration may be none
                if _Player(other, self.encode)._extends(case, rules):
                    return (rule,)
        return ()

    def _played(
        self,
        what: str,
        features: Features,
        count: int,
        options: dict[str, Any],
        render: Render,
    ) -> Case | None:
        adapter = self.adapter
        messages = [*self.opening]
        self.tools = words.TOOLS if features.calls else None
        seen: Any = None
        requests: list[Request] = []
        differs = None
        for number, kind in enumerate(features.script(count)):
            given = {**options, **_clock(number if features.clock else 0)}
            prompt = render(messages, True, given)
            begun = adapter.begun(prompt)
            if features.closed and begun not in self.closed:
                return None
            asked = words.answer(features, kind, number)
            wanted = self._own([*messages, asked])
            text = adapter.output(wanted, self.tools, **given)
            if not text.startswith(begun):
                return None
            written = text[len(begun) :]
            if features.white:
                said = asked["content"]
                written = written.replace(said, f"\n {said} \n", 1)
            requests.append(self._request(prompt, seen, render, messages, given))
            if seen is not None and differs is None:
                differs = _difference(seen, prompt)
            seen = prompt + written
            messages += self._said(written, prompt, features, number)
            messages += words.reply(kind, number, messages[-1])
        given = {**options, **_clock(count if features.clock else 0)}
        prompt = render(messages, True, given)
        requests.append(self._request(prompt, seen, render, messages, given))
        differs = differs or _difference(seen, prompt)
        return Case(what, features, tuple(requests), differs, options=options)

    def _said(
        self, written: str, prompt: str, features: Features, number: int
    ) -> list[dict[str, Any]]:
        """Return the message that a client keeps of an answer."""
        parser = self.adapter.parser(
            tools=self.tools,
            prompt=prompt,
            make_id=lambda index, _name: f"call_{number}_{index}",
        )
        parser.feed(written)
        parser.close()
        message = dict(parser.message.to_openai())
        if features.ids:
            for index, call in enumerate(message.get("tool_calls", ())):
                call["id"] = f"chatcmpl-tool-{number}{index}"
        return [message]

    def _request(
        self,
        prompt: str,
        seen: str | None,
        render: Render,
        messages: list[dict[str, Any]],
        given: dict[str, Any],
    ) -> Request:
        whole = self.encode(prompt)
        if seen is None:
            return Request(len(whole), len(whole), len(whole))
        known = self.encode(seen)
        common = _common(whole, known)
        if common == len(known):
            return Request(len(whole), len(whole) - common, len(whole) - common)
        answered = max(n for n, one in enumerate(messages) if one["role"] == "assistant")
        before = render(messages[: answered + 1], False, given)
        at = before.rfind(seen[-_MARK:])  # what ends the turn was not read either
        before = before[: at + _MARK] if at >= 0 else before
        new = max(0, len(whole) - len(self.encode(before)))
        return Request(len(whole), len(whole) - common, new)

    def _own(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from .render import normalise

        return normalise(messages, self.adapter.declaration)

    def _plain(self, messages: list[dict[str, Any]], prompt: bool, given: dict[str, Any]) -> str:
        return self._rendered(self.plain, messages, prompt, given)

    def _stable(self, rules: tuple[str, ...]) -> Render:
        if rules not in self.made:
            self.made[rules] = stable_template(self.adapter, rules)
        text = self.made[rules]

        def render(messages: list[dict[str, Any]], prompt: bool, given: dict[str, Any]) -> str:
            return self._rendered(text, messages, prompt, given)

        return render

    def _rendered(
        self, template: str, messages: list[dict[str, Any]], prompt: bool, given: dict[str, Any]
    ) -> str:
        from . import render

        compiled = self.templates.get(template)
        if compiled is None:
            compiled = self.templates[template] = render.compile_template(template)
        own, declared = self._own(messages), self.adapter.declaration
        return render.render_text(compiled, own, self.tools, prompt, declared, given)


def _clock(days: int) -> dict[str, Any]:
    return {"strftime_now": (DAY + timedelta(days=days)).strftime}


def _difference(seen: str, prompt: str) -> tuple[str, str] | None:
    """Return what was read and what stands there now, from where they differ, or None."""
    at = _common(seen, prompt)
    return None if at == len(seen) else (seen[at:][:60], prompt[at:][:60])


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many elements two sequences have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
