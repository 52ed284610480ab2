"""One template against the adapters' renderings: hashes in, how well each adapter fits out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .known import REFUSED, Entry, hashed, printed, variables
from .probes import Probe, all_probes

MARK = "\ue000{}\ue001"  # stands for a token whose spelling depends on the adapter


@dataclass(frozen=True)
class Fit:
    """How an adapter compares with a template, over the probes that the template accepts."""

    adapter: str
    accepted: int
    equal: int
    deviating: tuple[str, ...] = ()  # probes that differ as the adapter declares
    differing: tuple[str, ...] = ()  # probes that differ, and should not
    aside: int = 0  # probes beyond what adapters promise (pictures) that differ
    official: bool = False  # the template is one that the adapter was verified against
    calls: bool = False  # the template spells two calls as the adapter does
    difference: str = ""  # the first of those that differ, shown

    @property
    def exact(self) -> bool:
        """Whether the adapter prints what the template prints, but for what it declares."""
        return not self.differing and self.equal > 0

    @property
    def near(self) -> bool:
        """Whether it is worth a look: most probes agree, or calls are spelled the same."""
        return bool(self.differing) and self.equal > 0 and (self.share >= 0.5 or self.calls)

    @property
    def share(self) -> float:
        """The share of the probes that the two agree about."""
        return 1 - len(self.differing) / max(self.accepted, 1)


class Prints(Protocol):
    """What renders the template under test."""

    refusals: list[str]

    def render(self, variables: Mapping[str, Any]) -> str | None: ...


class Subject:
    """A template under test: renders each probe once, in the sandbox."""

    def __init__(self, text: str, sandbox: Prints, entries: Mapping[str, Entry]) -> None:
        self.text, self.sandbox, self.entries = text, sandbox, entries
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.options: dict[str, list[object]] = {}
        for entry in entries.values():
            for option, values in entry["options"].items():
                self.options.setdefault(option, values)
        names = {name for entry in entries.values() for name in entry["tokens"]}
        self.tokens = {name for name in names if name in text}
        self.probes = {key: (base, probe) for key, base, probe in all_probes(self.options)}
        self._own: dict[str, tuple[dict[str, str], list[dict[str, str]]]] = {}
        self._printed: dict[tuple[str, ...], str | None] = {}
        self._hashes: dict[tuple[str, ...], str] = {}

    def printed(self, key: str, entry: Entry, real: bool = False) -> str | None:
        """Return what the template prints for a probe, None if it refuses.

        ``real`` gives it the adapter's own tokens; else one rendering serves for all adapters.
        """
        base, probe = self.probes[key]
        if probe.options and not any(option in self.text for option in probe.options):
            key, probe = base, self.probes[base][1]  # it cannot know the option
        ids = entry["ids"].get(base) or []
        tokens = {name: entry["tokens"][name] for name in entry["tokens"] if name in self.tokens}
        given = tokens if real else {name: MARK.format(name) for name in sorted(self.tokens)}
        cell = (key, *ids, *(word for pair in sorted(given.items()) for word in pair))
        if cell not in self._printed:
            probe = probe.with_ids(ids) if ids else probe
            self._printed[cell] = self.sandbox.render(variables(probe, given))
        text = self._printed[cell]
        if text is not None and not real:
            for name in self.tokens:
                text = text.replace(MARK.format(name), tokens.get(name, ""))
        return text

    def keys(self, entry: Entry) -> Iterable[str]:
        """Give the probes whose options the adapter or the template know."""
        for key, (_, probe) in self.probes.items():
            if all(o in entry["options"] or o in self.text for o in probe.options):
                yield key

    def fit(self, name: str, real: bool = False) -> Fit:
        """Compare with one adapter."""
        entry = self.entries[name]
        ours, officials = self._hashes_of(name)
        accepted = equal = aside = 0
        deviating, differing = list[str](), list[str]()
        for key in self.keys(entry):
            theirs = self._hash(key, entry, real)
            if theirs == REFUSED:
                continue
            known = key if key in ours else self.probes[key][0]
            same = theirs == ours[known]
            if self.probes[key][1].extra:
                aside += not same
                continue
            accepted += 1
            # where an official template is known, only what that one prints is as declared
            wanted = [official[known] for official in officials] or [theirs]
            if same:
                equal += 1
            elif known in entry["held"] and theirs in wanted:
                deviating.append(key)
            else:
                differing.append(key)
        return Fit(
            name, accepted, equal, tuple(deviating), tuple(differing), aside,
            self.sha256 in entry["templates"], self._calls(entry, real),
        )  # fmt: skip

    def _calls(self, entry: Entry, real: bool) -> bool:
        text = self.printed("two calls", entry, real) if entry["calls"] else None
        return text is not None and entry["calls"] in text

    def _hashes_of(self, name: str) -> tuple[dict[str, str], list[dict[str, str]]]:
        if name not in self._own:
            entry = self.entries[name]
            officials = [printed(hashes, entry) for hashes in entry["official"]]
            self._own[name] = printed(entry["ours"], entry), officials
        return self._own[name]

    def _hash(self, key: str, entry: Entry, real: bool) -> str:
        base, _ = self.probes[key]
        tokens = (word for pair in sorted(entry["tokens"].items()) for word in pair)
        cell = (key, str(real), *(entry["ids"].get(base) or ()), *tokens)
        if cell not in self._hashes:
            self._hashes[cell] = hashed(self.printed(key, entry, real))
        return self._hashes[cell]

    def probe(self, key: str, entry: Entry) -> Probe:
        """Return a probe as it is given to an adapter."""
        base, probe = self.probes[key]
        ids = entry["ids"].get(base)
        return probe.with_ids(ids) if ids else probe
