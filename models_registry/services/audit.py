"""Writing down who did what."""

from __future__ import annotations

from contextvars import ContextVar

from models_registry.models import AuditEntry
from models_registry.services.actor import Actor

GATEWAY = "gateway"

client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Set for each request: who acts is an argument of a service, from where is not."""


def record(*, by: Actor, action: str, subject: str, detail: str = "") -> AuditEntry:
    """Note an act of a person, or of the gateway itself (``by`` None)."""
    signed_in = by is not None and by.is_authenticated
    return AuditEntry.objects.create(
        user_id=by.pk if by is not None and signed_in else None,
        who=by.get_username()[:200] if by is not None and signed_in else GATEWAY,
        address=client_address.get()[:64],
        action=action,
        subject=subject[:200],
        detail=detail,
    )
