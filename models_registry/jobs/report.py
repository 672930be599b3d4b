"""How a running job tells how far it is and hears that it shall stop."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from django.db import DatabaseError, connection

from models_registry.models import Job
from models_registry.services.jobs import job_progress

TELL_EVERY_S = 0.5
RENEW_EVERY_S = 1.0


class JobFailed(Exception):
    """A job cannot be done, and why is known: no traceback, words for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Postponed(Exception):
    """A job has nothing to do until a moment, and gives its place to others."""

    def __init__(self, until: datetime, share: float, step: str) -> None:
        super().__init__(step)
        self.until = until
        self.share = share
        self.step = step


class Report:
    """Handed to a job's handler. ``with`` keeps its lease alive between two words of progress."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._share, self._step = 0.0, ""
        self._told_s = 0.0
        self._stopped = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Report:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def progress(self, share: float, step: str) -> None:
        """How far it is, 0–1, and what is being done. Told at most twice a second."""
        now_s = time.monotonic()
        changed = step != self._step
        self._share, self._step = share, step
        if changed or now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._tell()

    def part(self, start: float, end: float) -> Part:
        """A progress function for one part of the work."""
        return Part(self, start, end)

    def cancelled(self) -> bool:
        """Whether somebody asked it to stop, or another process has taken it over."""
        return self._stopped.is_set()

    def _tell(self) -> None:
        try:
            if not job_progress(self._job, self._share, self._step):
                self._stopped.set()
        except DatabaseError:
            connection.close()  # progress is worth less than the work: try again later

    def _renew(self) -> None:
        try:
            while not self._done.wait(RENEW_EVERY_S):
                # Cancel is looked for each second, also in a step that says nothing for long.
                self._tell()
        finally:
            connection.close()


class Part:
    """Maps a part's own 0–1 into the whole job's."""

    def __init__(self, report: Report, start: float, end: float) -> None:
        self._report, self._start, self._end = report, start, end

    def __call__(self, share: float, step: str) -> None:
        share = min(max(share, 0.0), 1.0)
        self._report.progress(self._start + share * (self._end - self._start), step)
