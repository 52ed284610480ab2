"""Random schemas of tools' parameters, and values that are valid under them."""

from __future__ import annotations

import random

from tests.grammar_cases import Encoding

WORDS = ("city", "path", "n", "unit", "q", "Flag", "items", "opts", "value2", "_hidden", "name")
ODD = ("with-dash", "a.b", "größe", "名前", "with space", 'quo"te', "a'b", "x<y", "k:v", "b\\s")
TEXTS = (
    *("", "a", "Paris", "San Francisco, CA", 'say "hi"', "it's", "line\nbreak", "tab\there"),
    *("back\\slash", "北京 ü", "<b>x</b>", "</val", "{}", "[1]", "true", "12", "  spaced  "),
    *("\n", "\\n", "a, b=1)", "# 5", "😀", '<|"'),
)
PATTERNS = {
    r"^[a-z]{2,5}$": ("ab", "abcde"),
    r"^\d{4}-\d{2}$": ("2024-05",),
    r"foo|bar$": ("foo", "xbar", "a foo b"),
    r"^[A-Z][a-z]*( [A-Z][a-z]*)?$": ("Ab", "Ab Cd", "X"),
    r"^\S+@\S+$": ("a@b.c",),
    r"^(https?://)?[\w.-]+\.\w{2,4}(/.*)?$": ("http://a.bc/x y", "ab.com"),
    r"[^a-c\s]": ("d", "zz"),
    r"^\+?[0-9 ()-]{3,10}$": ("+49 (30)",),
    r'^"[^"]*"$': ('"x"', '""'),
    r"\\": ("a\\b",),
}
FORMATS = {
    "date": ("2024-02-28", "1999-12-31"),
    "time": ("10:20:30Z",),
    "date-time": ("2024-02-28T10:20:30.5+02:00",),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000",),
    "ipv4": ("127.0.0.1", "255.0.10.9"),
    "email": ("a.b+c@d-e.org",),
}
_SIMPLE = ("string", "string", "string", "integer", "number", "boolean", "null")
_OTHERS = ("enum", "const", "short", "bounded", "pattern", "format", "union", "types", "any")
_NESTED = ("array", "tuple", "object", "object", "map", "both")
_NODE = {
    "type": "object",
    "properties": {
        "v": {"type": "string"},
        "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 3},
    },
    "required": ["v"],
}


class Schemas:
    """Random parameters of a tool, and values for them with keys in the order of the schema."""

    def __init__(self, seed: int, made: Encoding) -> None:
        self.random = random.Random(f"{made.name} {seed}")
        self.made = made
        self.names = WORDS if made.names_are_words else (*WORDS, *ODD)
        self.kinds = (*_SIMPLE, *_OTHERS)

    def parameters(self) -> dict:
        r = self.random
        made: dict = {"type": "object", "properties": {}}
        if r.random() < 0.25:
            made["$defs"] = {"node": _NODE}
            self.kinds = (*self.kinds, "ref", "ref")
        for _ in range(r.randint(0, 5)):
            made["properties"][r.choice(self.names)] = self.schema(0)
        names = list(made["properties"])
        if names and r.random() < 0.7:
            made["required"] = r.sample(names, r.randint(1, len(names)))
        if r.random() < 0.3:
            made["additionalProperties"] = False
        if not names and r.random() < 0.6:
            del made["properties"]
            loose = self.made.typed or r.random() < 0.5
            made["additionalProperties"] = True if loose else self.schema(1)
        return made

    def schema(self, depth: int) -> object:
        r = self.random
        kind = r.choice((*self.kinds, *(_NESTED if depth < 3 else ())))
        made = {"type": kind} if kind in _SIMPLE else getattr(self, f"_{kind}")(depth)
        if made is not True and r.random() < 0.3:
            made["description"] = "words"
        return made

    def _enum(self, depth: int) -> dict:
        made: dict = {"enum": self.random.sample(TEXTS[:-3], self.random.randint(1, 4))}
        if self.random.random() < 0.5:
            made["type"] = "string"
        elif not self.made.typed or depth:
            made["enum"] += self.random.sample([1, -2.5, True, None], 2)
        return made

    def _const(self, depth: int) -> dict:
        return {"const": self.random.choice((1, "x y", False, None, 2.5, "it's"))}

    def _short(self, depth: int) -> dict:
        made: dict = {"type": "string"}
        if self.random.random() < 0.6:
            made["minLength"] = 1
        if self.random.random() < 0.5:
            made["maxLength"] = self.random.randint(1, 4)
        return made

    def _bounded(self, depth: int) -> dict:
        r = self.random
        low = r.choice((0, -5, 3, 17, -120, 0.5, -0.25, 1e-3))
        made: dict = {"type": r.choice(("integer", "number"))}
        if r.random() < 0.8:
            made["minimum" if r.random() < 0.7 else "exclusiveMinimum"] = low
        if r.random() < 0.7:
            high = low + r.choice((1.5, 10, 1000, 12345.678, 2))
            made["maximum" if r.random() < 0.7 else "exclusiveMaximum"] = high
        return made

    def _pattern(self, depth: int) -> dict:
        return {"type": "string", "pattern": self.random.choice(list(PATTERNS))}

    def _format(self, depth: int) -> dict:
        return {"type": "string", "format": self.random.choice(list(FORMATS))}

    def _union(self, depth: int) -> dict:
        options = [self.schema(depth + 1) for _ in range(self.random.randint(1, 3))]
        return {"anyOf": options}

    def _types(self, depth: int) -> dict:
        kinds = ("string", "integer", "number", "boolean", "null", "array", "object")
        return {"type": self.random.sample(kinds, self.random.randint(2, 3))}

    def _any(self, depth: int) -> object:
        return self.random.choice(({}, True))

    def _array(self, depth: int) -> dict:
        made: dict = {"type": "array"}
        if self.random.random() < 0.9:
            made["items"] = self.schema(depth + 1)
        if self.random.random() < 0.3:
            made["minItems"] = self.random.randint(0, 2)
        if self.random.random() < 0.3:
            made["maxItems"] = self.random.randint(2, 4)
        return made

    def _tuple(self, depth: int) -> dict:
        first = [self.schema(depth + 1) for _ in range(self.random.randint(1, 3))]
        made: dict = {"type": "array", "prefixItems": first}
        if self.random.random() < 0.6:
            made["items"] = self.random.choice((False, {"type": "integer"}))
        if self.random.random() < 0.6:
            made["minItems"] = self.random.randint(0, len(first))
        return made

    def _object(self, depth: int) -> dict:
        names = [self.random.choice(self.names) for _ in range(self.random.randint(0, 3))]
        made: dict = {"type": "object", "properties": {n: self.schema(depth + 1) for n in names}}
        if names and self.random.random() < 0.6:
            made["required"] = names[:1]
        return made

    def _map(self, depth: int) -> dict:
        return {"type": "object", "additionalProperties": self.schema(depth + 1)}

    def _both(self, depth: int) -> dict:
        first = {"type": "object", "properties": {"a": self.schema(depth + 1)}, "required": ["a"]}
        return {"allOf": [first, {"type": "object", "properties": {"b": self.schema(depth + 1)}}]}

    def _ref(self, depth: int) -> dict:
        return {"$ref": "#/$defs/node"}

    # -- values

    def value(self, schema: object, depth: int = 0) -> object:
        """Return a value; one that this generator cannot find raises ``LookupError``."""
        r = self.random
        if schema is True or not set(schema) - {"description"}:
            return r.choice((1, "x", None, True, [1], {"k": "v"}, "a b"))
        if "$ref" in schema:
            return self.value(_NODE, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return r.choice(schema["enum"])
        if "anyOf" in schema:
            return self.value(r.choice(schema["anyOf"]), depth)
        if "allOf" in schema:
            parts = [self.value(part, depth) for part in schema["allOf"]]
            return {key: value for part in parts for key, value in part.items()}
        kind = schema["type"]
        if isinstance(kind, list):
            kind = r.choice(kind)
            schema = {"type": kind}
        match kind:
            case "string":
                return self._text(schema)
            case "integer" | "number":
                return self._number(schema)
            case "array":
                return self._items(schema, depth)
            case "object":
                return self._members(schema, depth)
        return None if kind == "null" else r.random() < 0.5

    def _text(self, schema: dict) -> str:
        r = self.random
        if "pattern" in schema:
            return r.choice(PATTERNS[schema["pattern"]])
        if "format" in schema:
            return r.choice(FORMATS[schema["format"]])
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        soup = "".join(r.choice("ab 'é\"<\\\n") for _ in range(r.randint(1, 9)))
        texts = [text for text in (*TEXTS, soup) if len(text) >= least]
        if most is not None:  # such strings are written without escapes
            texts = [
                t for t in texts if len(t) <= most and t.isascii() and t.replace(" ", "a").isalnum()
            ]
        return r.choice(texts or ["a"])

    def _number(self, schema: dict) -> object:
        r, whole = self.random, schema["type"] == "integer"
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is None and high is None:
            some = (0, 1, -1, 42, 10**12, 2**53 + 1)
            return r.choice(some if whole else (*some, 0.5, -1.25, 3.0, 1e-7, 1e22))
        first, last = high - 100 if low is None else low, low + 100 if high is None else high
        for _ in range(99):
            found = (
                r.randint(int(first) - 1, int(last) + 1)
                if whole
                else round(r.uniform(first, last), 3)
            )
            above = low is None or found > low or (found == low and "minimum" in schema)
            below = high is None or found < high or (found == high and "maximum" in schema)
            if above and below:
                return found
        raise LookupError("no number found")

    def _items(self, schema: dict, depth: int) -> list:
        first = schema.get("prefixItems", [])
        items = schema.get("items", not first)
        found = [self.value(one, depth + 1) for one in first]
        least, most = schema.get("minItems", 0) - len(found), schema.get("maxItems", 3) - len(found)
        if items is not False and depth < 5:
            count = self.random.randint(max(least, 0), max(least, min(most, 3), 0))
            found += [self.value(items, depth + 1) for _ in range(count)]
        return found

    def _members(self, schema: dict, depth: int) -> dict:
        declared, r = schema.get("properties"), self.random
        if not declared:
            extra = schema.get("additionalProperties", declared is None)
            count = 0 if extra is False else r.randint(0, 2)
            names = [r.choice(self.names) for _ in range(count)]
            return {name: self.value(extra, depth + 1) for name in names}
        return {
            name: self.value(inner, depth + 1)
            for name, inner in declared.items()
            if name in schema.get("required", ()) or r.random() < 0.6
        }
