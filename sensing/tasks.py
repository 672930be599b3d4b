"""Jobs of the sensing application."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from sensing.ingest.days import sum_days
from sensing.recount.making import make_waiting
from sensing.services import prune
from sensing.services.export_runs import run_due
from sensing.services.recounts import strips_prune

logger = logging.getLogger(__name__)

MOST_DAYS = 20
"""Days summed at a time: the year from before an update takes hours, and holds nobody up."""


@shared_task(name="sensing.tasks.prune_results")  # type: ignore[untyped-decorator,unused-ignore]
def prune_results() -> None:
    logger.info("%s", prune(now=timezone.now()))
    logger.info("audit strips deleted: %d", strips_prune(now=timezone.now()))


@shared_task(name="sensing.tasks.sum_days")  # type: ignore[untyped-decorator,unused-ignore]
def sum_quarters_of_days() -> None:
    if summed := sum_days(timezone.now(), MOST_DAYS):
        logger.info("days summed: %d", summed)


@shared_task(name="sensing.tasks.make_strips")  # type: ignore[untyped-decorator,unused-ignore]
def make_strips() -> None:
    make_waiting()


def announce_strips() -> None:
    """Wake the jobs process once the current transaction has ended."""
    transaction.on_commit(_send)


def _send() -> None:
    try:
        make_strips.delay()
    except (OperationalError, OSError):
        # The recount waits in its row; the next look at the table finds it.
        logger.warning("the jobs process could not be told that a strip is to be made")


@shared_task(name="sensing.tasks.run_exports")  # type: ignore[untyped-decorator,unused-ignore]
def run_exports() -> None:
    if written := run_due(timezone.now()):
        logger.info("scheduled exports: %d files written", written)


def announce_exports() -> None:
    """Wake the jobs process once the current transaction has ended."""
    transaction.on_commit(_send_exports)


def _send_exports() -> None:
    try:
        run_exports.delay()
    except (OperationalError, OSError):
        # The request waits in its row; the next look at the table finds it.
        logger.warning("the jobs process could not be told that an export is asked for")
