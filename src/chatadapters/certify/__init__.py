"""Certificates of what a wire format cannot carry: an adapter in, claims with counter-examples out.

``limits`` and ``arguments`` claim, from the parser's table, which texts each hole loses; ``values``
does so for typed values. ``search`` finds the shortest counter-example of each claim by printing
and reading back, and tries whether anything contradicts them. ``wire`` and ``prompts`` find what
is lost of whole messages and of other spellings.
"""

from __future__ import annotations

from .limits import Limit
from .proving import certificates, limits, limits_in_words, prove
from .report import Certificate, Proof, Searched

__all__ = [
    "Certificate",
    "Limit",
    "Proof",
    "Searched",
    "certificates",
    "limits",
    "limits_in_words",
    "prove",
]
