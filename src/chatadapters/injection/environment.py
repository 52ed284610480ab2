"""The sandbox in which every text keeps its origins: a chat template in, a traced prompt out.

The template means what it means to a server: traced texts are strings, and only what prints and
joins them is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_environment

from .. import render
from .traced import OWN, Traced, join, spelled, traced

if TYPE_CHECKING:
    from jinja2 import Template, nodes


class _Generator(CodeGenerator):
    """Compiles a template whose own texts are traced as such."""

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:
        value = node.as_const(frame.eval_ctx)
        if isinstance(value, str):
            self.write(_own_source(value))
        else:
            super().visit_Const(node, frame)

    def visit_TemplateData(self, node: nodes.TemplateData, frame: Frame) -> None:
        self.write(_own_source(node.data))

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concat(map(str, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write(")))")

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return _own_source("".join(group))


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    concat = staticmethod(join)
    own = staticmethod(cache(lambda text: traced(text, OWN)))


def _own_source(text: str) -> str:
    return f"environment.own({str.__str__(text)!r})"


def compile_traced(text: str) -> Template:
    """Compile a chat template so that what it renders is ``Traced``."""
    plain = render.environment()
    made = _Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        extensions=[type(one) for one in plain.extensions.values()],
    )
    made.globals.update(plain.globals)
    now: Any = plain.globals["strftime_now"]
    made.globals["strftime_now"] = lambda form: traced(now(form), OWN)
    made.filters["tojson"] = tojson
    made.filters["join"] = _join
    return made.from_string(text)


@pass_environment
def _join(
    environment: _Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> Traced:
    if attribute is not None:
        value = map(make_attrgetter(environment, attribute), value)
    return join(map(str, value), str(d))


def tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> Traced:
    """Return JSON as ``render.tojson`` does, each string in it with its origins."""
    item, key = separators or (", " if indent is None else ",", ": ")
    return _Json(ensure_ascii, indent, item, key, sort_keys).text(value, 0)


class _Json:
    """Writes JSON as ``json.dumps`` writes it."""

    def __init__(self, ascii: bool, indent: int | None, item: str, key: str, sort: bool) -> None:
        self.ascii, self.indent, self.item, self.key, self.sort = ascii, indent, item, key, sort

    def text(self, value: object, depth: int) -> Traced:
        if isinstance(value, str):
            said = spelled(value, lambda part: json.dumps(part, ensure_ascii=self.ascii)[1:-1])
            return join((self.own('"'), said, self.own('"')))
        if isinstance(value, Mapping) and value:
            pairs = sorted(value.items()) if self.sort else value.items()
            inner = (
                join((self.text(_key(name), depth), self.own(self.key), self.text(one, depth + 1)))
                for name, one in pairs
            )
            return self.listed("{", inner, "}", depth)
        if isinstance(value, list | tuple) and value:
            return self.listed("[", (self.text(one, depth + 1) for one in value), "]", depth)
        return self.own(json.dumps(value))

    def listed(self, opening: str, items: Iterable[str], closing: str, depth: int) -> Traced:
        within = around = ""
        if self.indent is not None:
            within = "\n" + " " * self.indent * (depth + 1)
            around = "\n" + " " * self.indent * depth
        inside = join(items, self.own(self.item + within))
        return join((self.own(opening + within), inside, self.own(around + closing)))

    @staticmethod
    def own(text: str) -> Traced:
        return traced(text, OWN)


def _key(name: object) -> str:
    return name if isinstance(name, str) else json.dumps(name)


__all__ = ["compile_traced", "tojson"]
