"""Jinja syntax trees in, Go template text out, as far as Ollama's variables and functions go."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from jinja2 import nodes

from ..fragments import CODECS, Fragment
from .ollama_expressions import JSON, TRIMS, Expressions, bare, is_either

# What begins an action, there or with the action that may follow, and what ends the three quotes.
_TAKEN = re.compile(r'\{{2,}|\{(?=""")|\{\Z|"""')


class GoWriter(Expressions):
    """Prints the fragments of one declaration as Go template text and gathers what is lost."""

    def print(self, fragment: Fragment, role: str) -> str:
        """Return the text of a fragment; ``role`` is also ``opening`` or ``generation``."""
        self.fragment, self.role, self.names, self.loops = fragment, role, {}, []
        return self._body(fragment.tree.body)

    # -- statements

    def _body(self, body: Sequence[nodes.Node]) -> str:
        return "".join(self._statement(node) for node in body)

    def _statement(self, node: nodes.Node) -> str:
        match node:
            case nodes.Output(nodes=parts):
                return "".join(self._printed(part) for part in parts)
            case nodes.If():
                return self._if(node)
            case nodes.For():
                return self._for(node)
            case nodes.Assign(target=nodes.Name(name=name), node=value):
                return self._assign(name, value)
        raise self.error(node, f"Jinja's {type(node).__name__}")

    def _if(self, node: nodes.If) -> str:
        branches = [(node.test, node.body), *((one.test, one.body) for one in node.elif_)]
        text, word = "", "if"
        for test, body in branches:
            asked = self.expression(test)
            if asked == "false":
                continue
            if asked == "true":
                last = self._branch(node, body) if text else self._body(body)
                return self._else(text, word, last)
            text += f"{{{{ {word} {bare(asked)} }}}}{self._branch(node, body)}"
            word = "else if"
        last = self._branch(node, node.else_) if text else self._body(node.else_)
        return self._else(text, word, last)

    def _branch(self, node: nodes.If, body: Sequence[nodes.Node]) -> str:
        before = dict(self.names)
        text = self._body(body)
        if self.names != before:  # in Go a name ends with its branch
            raise self.error(node, "a name that is set under a condition")
        return text

    def _else(self, text: str, word: str, last: str) -> str:
        if word == "if":  # no branch before this one can be taken
            return last
        return f"{text}{{{{ else }}}}{last}{{{{ end }}}}" if last else f"{text}{{{{ end }}}}"

    def _for(self, node: nodes.For) -> str:
        if node.test is not None or node.else_:
            raise self.error(node, "a loop with a condition or an else")
        number = len(self.loops)
        index, outer = f"$n{number}" if number else "$n", dict(self.names)
        if isinstance(node.target, nodes.Tuple):
            if not (isinstance(node.iter, nodes.Getattr) and node.iter.attr == "arguments"):
                raise self.error(node, "a loop over keys and values that are not arguments")
            over, first = self.expression(node.iter), f"$first{number}"
            names = [self._target(one) for one in node.target.items]
            self.names |= {name: f"${name}" for name in names}
            self.loops.append((first, ""))
            head = f"{{{{ {first} := true }}}}{{{{ range ${names[0]}, ${names[1]} := {over} }}}}"
            text = f"{head}{self._body(node.body)}{{{{ {first} = false }}}}{{{{ end }}}}"
        else:
            name, over = self._target(node.target), self.expression(node.iter)
            if not isinstance(node.iter, nodes.Name) or node.iter.name not in ("calls", "tools"):
                raise self.error(node, "a loop over anything but calls, arguments and tools")
            self.names[name] = f"${name}"
            self.loops.append((index, f"$message{over}" if over.startswith(".") else over))
            text = f"{{{{ range {index}, ${name} := {over} }}}}{self._body(node.body)}{{{{ end }}}}"
        self.loops.pop()
        self.names = outer
        return text

    def _target(self, node: nodes.Node) -> str:
        if not isinstance(node, nodes.Name):
            raise self.error(node, "this loop")
        return node.name

    def _assign(self, name: str, value: nodes.Node) -> str:
        if is_either(value):
            self.names[name] = self.expression(value)
            return ""
        made = self.expression(value)
        known = self.names.get(name)
        self.names[name] = f"$set_{name}"
        return f"{{{{ $set_{name} {'=' if known else ':='} {bare(made)} }}}}"

    # -- what is printed

    def _printed(self, node: nodes.Expr | None) -> str:
        match node:
            case nodes.TemplateData(data=text):
                return _text(text)
            case nodes.Const(value=str() as text):
                return _text(text)
            case nodes.Name(name="output"):
                return self._output()
            case nodes.Name(name="bos_token"):
                self.losses["the token at the beginning is left to Ollama's tokenizer"] = None
                return ""
            case nodes.Name(name="reasoning"):
                asked = self._kept()
                said = "{{ .Thinking }}"
                return said if asked == "true" else f"{{{{ if {bare(asked)} }}}}{said}{{{{ end }}}}"
            case nodes.CondExpr(test=test, expr1=one, expr2=other):
                asked = self.expression(test)
                yes, no = self._printed(one), self._printed(other) if other else ""
                if asked in ("true", "false"):
                    return yes if asked == "true" else no
                return f"{{{{ if {bare(asked)} }}}}{yes}{{{{ else }}}}{no}{{{{ end }}}}"
            case nodes.Concat(nodes=parts):
                return "".join(self._printed(part) for part in parts)
            case nodes.Filter(node=inner, name=name) if name in TRIMS and inner is not None:
                self.losses["texts that the format trims are printed as they are"] = None
                return self._printed(inner)
            case nodes.Filter(name=name) if name in CODECS:
                return self._value(node)
            case nodes.Filter(node=nodes.Name(name="systems"), name="join"):
                return "{{ $.System }}"
            case nodes.Call(node=nodes.Name(name="raise_exception")):
                self.losses["conversations that the format refuses are printed"] = None
                return ""
            case nodes.Call(node=nodes.Name(name=name)) if name in self.macros:
                return self._called(node, self.macros[name])
        if node is None:
            return ""
        made = self.expression(node)
        if made.startswith('"'):
            return _text(json.loads(made))
        return f"{{{{ {bare(made)} }}}}"

    def _output(self) -> str:
        outer, self.fragment = self.fragment, self.fragments["output.text"]
        text = self._body(self.fragment.tree.body)
        self.fragment = outer
        return text

    def _called(self, node: nodes.Call, macro: nodes.Macro) -> str:
        """Return what a macro prints: its text, with the arguments in their places."""
        if macro.name in self.calling:
            raise self.error(node, f"`{macro.name}`, which calls itself")
        given = dict(zip((one.name for one in macro.args), node.args, strict=False))
        given |= {option.key: option.value for option in node.kwargs}
        missing = [one.name for one in macro.args if one.name not in given]
        defaults = dict(zip(reversed(missing), reversed(macro.defaults), strict=False))
        bound = {name: self.expression(value) for name, value in {**defaults, **given}.items()}
        outer, names = self.fragment, self.names
        self.fragment, self.names = self.fragments["prompt.macros"], {**names, **bound}
        self.calling.append(macro.name)
        text = self._body(macro.body)
        self.calling.pop()
        self.fragment, self.names = outer, names
        return text

    def _value(self, node: nodes.Filter) -> str:
        codec = self.fragment.codec(node)
        assert node.node is not None
        value = self.expression(node.node)
        if codec.name == "json":
            self.losses[JSON] = None
            return f"{{{{ json {value} }}}}"
        if codec.name == "text":
            self.losses[JSON] = None
            string = f'{{{{ if eq (printf "%T" {value}) "string" }}}}{{{{ {value} }}}}'
            return f"{string}{{{{ else }}}}{{{{ json {value} }}}}{{{{ end }}}}"
        raise self.error(node, f"the codec `{codec.name}`")


def _text(text: str) -> str:
    """Return a text as it stands in a Go template inside a Modelfile's three quotes."""
    return _TAKEN.sub(lambda found: f"{{{{ {json.dumps(found[0])} }}}}", text)
