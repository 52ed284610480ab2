"""Injection: which texts of a conversation could pass for the format's own, and what to do.

A prompt is rendered in a sandbox in which every character knows where it comes from; from that,
markers in untrusted texts are found, refused or broken, and prompts are cut into segments.
"""

from .forgeable import forgeable, in_words
from .forged import (
    POLICIES,
    Forged,
    Segment,
    check_policy,
    forged,
    neutralised,
    refuse,
    segments,
    softened,
)
from .places import TOOLS, TRUSTED, prompt
from .traced import OWN, UNKNOWN, Origin, Traced

__all__ = [
    "OWN",
    "POLICIES",
    "TOOLS",
    "TRUSTED",
    "UNKNOWN",
    "Forged",
    "Origin",
    "Segment",
    "Traced",
    "check_policy",
    "forgeable",
    "forged",
    "in_words",
    "neutralised",
    "prompt",
    "refuse",
    "segments",
    "softened",
]
