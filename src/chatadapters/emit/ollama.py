"""A declaration in, a Modelfile for Ollama out: its chat template in the syntax of Go templates.

Ollama gives a template ``.Messages``, ``.Tools``, ``.System`` and few functions (docs/template.md,
template/template.go of ollama/ollama): no filters, no macros, no arithmetic. What a fragment needs
beyond that is an error that quotes it; what comes out a little different is listed by ``losses``.
"""

from __future__ import annotations

import json

from .. import fragments
from ..declaration import Declaration
from . import jinja_prelude as prelude
from .jinja_head import TAKEN
from .ollama_expressions import Unsayable
from .ollama_text import GoWriter

__all__ = ["Unsayable", "losses", "modelfile"]

_ROLES = ("system", "user", "assistant", "tool")
_NEXT = (
    '{{ $next := "" }}{{ range $j, $_ := slice $.Messages $i }}'
    "{{ if eq $j 1 }}{{ $next = .Role }}{{ end }}{{ end }}"
)
_LAST_USER = (
    '{{ $lastUser := -1 }}{{ range $i, $_ := .Messages }}{{ if eq .Role "user" }}'
    "{{ $lastUser = $i }}{{ end }}{{ end }}"
)


def modelfile(declaration: Declaration) -> str:
    """Return the Modelfile. Raises ``Unsayable``, a ``ChatAdaptersError``."""
    made = _Template(declaration)
    template = made.whole()
    lines = [
        f"# Made by chatadapters from {declaration.name}.toml; change that file, not this.",
        "# FROM is a model of Ollama's, a GGUF file, or a folder with the weights.",
        "FROM .",
        f'TEMPLATE """{template}"""',
        *(f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in declaration.stop),
    ]
    return "\n".join(lines) + "\n"


def losses(declaration: Declaration) -> list[str]:
    """Return, in sentences, what the Modelfile's template prints otherwise than the adapter."""
    made = _Template(declaration)
    made.whole()
    found = list(made.writer.losses)
    if made.taken:
        found.append("system messages later in a conversation are gathered in front")
    if declaration.prompt.other is not None:
        found.append("messages of other roles than system, user, assistant and tool are dropped")
    if len(declaration.options) > len(made.writer.thinking):
        others = [name for name in declaration.options if name not in made.writer.thinking]
        found.append(f"options that are not thinking keep their defaults: {', '.join(others)}")
    found.append("messages of one role in a row are one message, as Ollama joins them")
    return found


class _Template:
    """Assembles the template out of the fragments."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.fragments = fragments.parse_all(declaration)
        self.writer = GoWriter(declaration, self.fragments)
        used = set[str]().union(*(prelude.uses(one.tree) for one in self.fragments.values()))
        self.taken = bool(used & TAKEN)

    def whole(self) -> str:
        writer, prompt = self.writer, self.declaration.prompt
        if "messages" in prelude.uses(self.fragments["prompt.opening"].tree):
            raise self.fragments_error("prompt.opening", "messages")
        opening = writer.print(self.fragments["prompt.opening"], "opening")
        branches = []
        for role in _ROLES:
            key = f"prompt.{role}" if getattr(prompt, role) is not None else "prompt.other"
            if key not in self.fragments or (role == "system" and self.taken):
                continue
            inner = writer.print(self.fragments[key], role)
            branches.append(f'if eq .Role "{role}" }}}}{inner}')
        turns = "{{ " + "{{ else ".join(branches) + "{{ end }}"
        generation = ""
        if prompt.generation:
            inner = writer.print(self.fragments["prompt.generation"], "generation")
            generation = f'{{{{ if ne $previous "assistant" }}}}{inner}{{{{ end }}}}'
        return self._assembled(opening, turns, generation)

    def _assembled(self, opening: str, turns: str, generation: str) -> str:
        text = turns + generation
        head = _LAST_USER if "$lastUser" in text else ""
        start, end = ['{{ $previous := "" }}'], ["{{ $previous = .Role }}"]
        if "$asked" in text:
            start.append("{{ $asked := false }}")
            end.append('{{ if eq .Role "user" }}{{ $asked = true }}{{ end }}')
        if "$turn" in text:
            start.append('{{ $turn := "" }}')
            end.append('{{ if ne .Role "tool" }}{{ $turn = .Role }}{{ end }}')
        kept = "".join(end)
        if self.taken:  # the system message is no turn
            kept = f'{{{{ if ne .Role "system" }}}}{kept}{{{{ end }}}}'
        following = _NEXT if "$next" in turns else ""
        loop = f"{{{{ range $i, $message := .Messages }}}}{following}{turns}{kept}{{{{ end }}}}"
        return head + opening + "".join(start) + loop + generation

    def fragments_error(self, key: str, word: str) -> Unsayable:
        return Unsayable(self.fragments[key], 1, f"`{word}`")
