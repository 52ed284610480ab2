"""The codecs: how values are spelled, one specification and one Jinja printer each."""

from __future__ import annotations

from .table import CODECS, FIELDS, Option, Spec, resolve

__all__ = ["CODECS", "FIELDS", "Option", "Spec", "resolve"]
