"""Why a camera gives no picture, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from sensing.worker.errors import advice


def cause_words(cause: str) -> tuple[str, str]:
    """(what happened, what to do) of a cause; ('', '') when there is none."""
    if not cause:
        return "", ""
    message, what_to_do = advice(cause)
    return _(message), _(what_to_do)
