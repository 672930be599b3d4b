"""Admin pages of the registry: looking, and what the services allow."""

from __future__ import annotations

from models_registry.admin import catalog, work

__all__ = ["catalog", "work"]
