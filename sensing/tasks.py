"""Jobs of the sensing application."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from sensing.services import prune

logger = logging.getLogger(__name__)


@shared_task(name="sensing.tasks.prune_results")  # type: ignore[untyped-decorator,unused-ignore]
def prune_results() -> None:
    logger.info("%s", prune(now=timezone.now()))
