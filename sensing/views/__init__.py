"""Thin pages: read a form, call a service or a selector, render."""

from __future__ import annotations
