"""Claims jobs and runs them until there are none left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from models_registry.jobs.benchmark import benchmark
from models_registry.jobs.compress import compress
from models_registry.jobs.evaluation_set import make_evaluation_set
from models_registry.jobs.inspect import inspect_upload
from models_registry.jobs.report import JobFailed, Postponed, Report
from models_registry.models import Job, JobKind, JobState
from models_registry.sandbox import ChildError, ChildFailed
from models_registry.services.jobs import job_claim, job_end, job_postpone

logger = logging.getLogger(__name__)

Handler = Callable[[Job, Report], dict[str, Any]]
HANDLERS: Mapping[str, Handler] = {
    JobKind.INSPECT: inspect_upload,
    JobKind.BENCHMARK: benchmark,
    JobKind.COMPRESS: compress,
    JobKind.EVALUATION_SET: make_evaluation_set,
}


def work() -> int:
    """Do what waits; returns how many jobs were run."""
    done = 0
    while (job := job_claim()) is not None:
        run(job)
        done += 1
    return done


def run(job: Job) -> None:
    """One claimed job to its end: done, failed with a cause, or cancelled."""
    try:
        with Report(job) as report:
            result = HANDLERS[job.kind](job, report)
    except Postponed as rest:
        if not job_postpone(job, rest.until, rest.share, rest.step):
            job_end(job, JobState.CANCELLED)
    except ChildFailed as error:
        state = JobState.CANCELLED if error.code == "cancelled" else JobState.FAILED
        job_end(job, state, code=error.code, message=error.message)
    except (ChildError, JobFailed) as error:
        job_end(job, JobState.FAILED, code=error.code, message=error.message)
    except Exception as error:  # boundary: one job's defect must not stop the others
        logger.exception("job %d (%s) broke", job.pk, job.kind)
        job_end(job, JobState.FAILED, code="defect", message=f"{type(error).__name__}: {error}")
    else:
        cancelled = report.cancelled()
        job_end(job, JobState.CANCELLED if cancelled else JobState.SUCCEEDED, result=result)
