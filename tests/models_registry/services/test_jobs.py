"""The row of a job is the truth: claimed once, renewed, given up, cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from models_registry.errors import Refused
from models_registry.jobs.report import JobFailed, Report
from models_registry.jobs.work import HANDLERS, run, work
from models_registry.models import Job, JobKind, JobState
from models_registry.services.jobs import (
    job_cancel,
    job_claim,
    job_create,
    job_end,
    job_progress,
)

pytestmark = pytest.mark.django_db(transaction=True)


def make_job(kind: JobKind = JobKind.INSPECT) -> Job:
    return job_create(by=None, kind=kind, title="A job", parameters={})


def lose(job: Job) -> None:
    """Its process has died: the lease runs out."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_jobs_are_claimed_in_order_and_once() -> None:
    first, second = make_job(), make_job()
    assert job_claim() == first
    assert job_claim() == second
    assert job_claim() is None


def test_two_measurements_never_run_at_the_same_time() -> None:
    heavy = make_job(JobKind.BENCHMARK)
    make_job(JobKind.COMPRESS)
    light = make_job(JobKind.INSPECT)
    assert job_claim() == heavy
    assert job_claim() == light
    assert job_claim() is None


def test_a_job_whose_process_died_is_taken_up_again_and_given_up_after_three_times() -> None:
    make_job()
    for attempt in (1, 2, 3):
        job = job_claim()
        assert job is not None
        assert job.attempts == attempt
        lose(job)
    assert job_claim() is None
    job = Job.objects.get()
    assert (job.state, job.code) == (JobState.FAILED, "process_lost")


def test_a_process_that_lost_its_job_can_neither_report_nor_end_it() -> None:
    make_job()
    late = job_claim()
    assert late is not None
    lose(late)
    now = job_claim()
    assert now is not None
    assert not job_progress(late, 0.5, "still here")
    assert not job_end(late, JobState.SUCCEEDED)
    assert job_progress(now, 0.5, "half")
    assert job_end(now, JobState.SUCCEEDED, result={"n": 1})


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told() -> None:
    waiting = job_cancel(job=make_job(), by=None)
    assert waiting.state == JobState.CANCELLED
    make_job()
    running = job_claim()
    assert running is not None
    assert job_cancel(job=running, by=None).state == JobState.RUNNING
    assert not job_progress(running, 0.5, "half")


def test_a_job_that_is_over_cannot_be_cancelled() -> None:
    job = job_cancel(job=make_job(), by=None)
    with pytest.raises(Refused, match="already ended"):
        job_cancel(job=job, by=None)


@pytest.mark.parametrize(
    ("error", "code"),
    [(JobFailed("upload_gone", "no file"), "upload_gone"), (KeyError("oops"), "defect")],
)
def test_a_handler_that_fails_fails_its_job_only(
    error: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: Job, report: Report) -> dict[str, object]:
        raise error

    monkeypatch.setattr("models_registry.jobs.work.HANDLERS", {**HANDLERS, "inspect": broken})
    first, second = make_job(), make_job()
    assert work() == 2
    for job in (first, second):
        job.refresh_from_db()
        assert (job.state, job.code) == (JobState.FAILED, code)


def test_a_cancelled_job_hears_of_it_through_its_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def patient(job: Job, report: Report) -> dict[str, object]:
        job_cancel(job=job, by=None)
        report.progress(0.3, "going on")
        assert report.cancelled()
        return {}

    monkeypatch.setattr("models_registry.jobs.work.HANDLERS", {"inspect": patient})
    make_job()
    job = job_claim()
    assert job is not None
    run(job)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
