"""Headline results of the light-weight models: a script each, tables in docs/lightweight.md."""

from __future__ import annotations
