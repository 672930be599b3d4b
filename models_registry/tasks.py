"""Jobs of the model registry, as messages: each only says that there may be work."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from models_registry.jobs.work import work as do_what_waits

logger = logging.getLogger(__name__)


@shared_task(name="models_registry.tasks.work")  # type: ignore[untyped-decorator,unused-ignore]
def work() -> None:
    do_what_waits()


def announce() -> None:
    """Wake the jobs process once the current transaction has ended."""
    transaction.on_commit(_send)


def _send() -> None:
    try:
        work.delay()
    except (OperationalError, OSError):
        # The job waits in its row; the next look at the table finds it.
        logger.warning("the jobs process could not be told that there is work")
