"""Context-free grammars of whole answers: a structural tag in, the grammars of other engines out.

One small tree (``nodes``) stands between: ``reader`` makes it of a structural tag, ``gbnf``,
``lark`` and ``plain`` print it. All targets are therefore the same language, as far as an engine
can say it; what it cannot is in the list that a printer returns beside its text.
"""

from .nodes import Grammar
from .reader import read

__all__ = ["Grammar", "read"]
