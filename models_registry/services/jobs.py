"""Making, claiming and ending jobs. Compare and set throughout: two processes may try at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.models import OPEN_STATES, Job, JobKind, JobState, Upload, UploadState
from models_registry.services.actor import Actor, user_id

LEASE = timedelta(seconds=45)
MAX_ATTEMPTS = 3
# One at a time: what is measured beside other work is measured wrong.
HEAVY = (JobKind.BENCHMARK, JobKind.COMPRESS)


def job_create(*, by: Actor, kind: JobKind, title: str, parameters: dict[str, Any]) -> Job:
    """A job that waits. The caller tells the workers once the transaction has ended."""
    return Job.objects.create(
        kind=kind,
        title=title[:200],
        parameters=parameters,
        created_by_id=user_id(by),
    )


def job_cancel(*, job: Job, by: Actor) -> Job:
    """Stop a job that runs, or drop one that waits. Raises ``Refused`` when it is over."""
    now = timezone.now()
    rows = Job.objects.filter(pk=job.pk)
    if not rows.filter(state=JobState.QUEUED).update(
        state=JobState.CANCELLED, cancel_requested=True, finished_at=now
    ) and not rows.filter(state=JobState.RUNNING).update(cancel_requested=True):
        raise Refused("job_over", _("This job has already ended."))
    return rows.get()


def job_claim() -> Job | None:
    """The next job to work on, now running under a lease; None when there is nothing to do."""
    now = timezone.now()
    with transaction.atomic():
        # All open rows are locked, so that two heavy ones cannot both be found free.
        open_jobs = list(
            Job.objects.select_for_update().filter(state__in=OPEN_STATES).order_by("pk")
        )
        running = [job for job in open_jobs if _runs(job, now)]
        heavy_runs = any(job.kind in HEAVY for job in running)
        for job in open_jobs:
            if _runs(job, now) or (heavy_runs and job.kind in HEAVY) or _rests(job, now):
                continue
            if job.cancel_requested or job.attempts >= MAX_ATTEMPTS:
                _give_up(job, now)
                continue
            job.state, job.attempts = JobState.RUNNING, job.attempts + 1
            job.started_at, job.lease_until = now, now + LEASE
            job.progress, job.step = 0.0, ""
            job.save()
            return job
    return None


def job_progress(job: Job, share: float, step: str) -> bool:
    """Note how far a running job is and renew its lease; whether it is to go on."""
    updated = Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, attempts=job.attempts, cancel_requested=False
    ).update(
        progress=min(max(share, 0.0), 1.0), step=step[:200], lease_until=timezone.now() + LEASE
    )
    return updated == 1


def job_end(
    job: Job,
    state: JobState,
    *,
    result: dict[str, Any] | None = None,
    code: str = "",
    message: str = "",
) -> bool:
    """End a running job. False when another process has taken it over meanwhile."""
    updated = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts).update(
        state=state,
        result=result or {},
        code=code[:40],
        message=message,
        progress=1.0 if state == JobState.SUCCEEDED else job.progress,
        lease_until=None,
        finished_at=timezone.now(),
    )
    return updated == 1


def job_postpone(job: Job, until: datetime, share: float, step: str) -> bool:
    """Let a running job rest: it is claimed again after ``until``, as if for the first time."""
    updated = Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, attempts=job.attempts, cancel_requested=False
    ).update(
        state=JobState.QUEUED,
        attempts=0,
        not_before=until,
        lease_until=None,
        progress=min(max(share, 0.0), 1.0),
        step=step[:200],
    )
    return updated == 1


def _rests(job: Job, now: datetime) -> bool:
    return (
        job.state == JobState.QUEUED
        and not job.cancel_requested
        and job.not_before is not None
        and job.not_before > now
    )


def _runs(job: Job, now: datetime) -> bool:
    return job.state == JobState.RUNNING and job.lease_until is not None and job.lease_until > now


def _give_up(job: Job, now: datetime) -> None:
    cancelled = job.cancel_requested
    job.state = JobState.CANCELLED if cancelled else JobState.FAILED
    job.code = "" if cancelled else "process_lost"
    job.message = "" if cancelled else _("Its process ended three times before it was done.")
    job.lease_until, job.finished_at = None, now
    job.save()
    if job.kind == JobKind.INSPECT:
        # Its upload would be shown as being inspected for ever.
        Upload.objects.filter(pk=job.parameters.get("upload"), state=UploadState.INSPECTING).update(
            state=UploadState.RECEIVING
        )
