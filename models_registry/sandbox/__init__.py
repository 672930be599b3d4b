"""Runs one function on untrusted data in a process that can harm nothing. Pure."""

from __future__ import annotations

from models_registry.sandbox.isolation import isolation
from models_registry.sandbox.limits import ChildError, ChildFailed, Limits
from models_registry.sandbox.process import call

__all__ = ["ChildError", "ChildFailed", "Limits", "call", "isolation"]
