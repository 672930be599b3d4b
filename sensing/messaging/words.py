"""Why a target is not reached, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from sensing.messaging.errors import ADVICE


def target_words(code: str) -> tuple[str, str]:
    """(what happened, what to do) of a cause; ('', '') when there is none."""
    if not code:
        return "", ""
    message, advice = ADVICE.get(
        code, ("The message could not be delivered.", "Look into the gateway's log.")
    )
    return _(message), _(advice)
