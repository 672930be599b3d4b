"""Long work. The row is the truth; a broker's message only says that there may be some."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.made import Made


class JobKind(models.TextChoices):
    INSPECT = "inspect", _("Inspection")
    BENCHMARK = "benchmark", _("Benchmark")
    COMPRESS = "compress", _("Compression")
    EVALUATION_SET = "evaluation_set", _("Evaluation set")


class JobState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(Made):
    """One piece of long work. A running job whose lease has run out has lost its process."""

    kind = models.CharField(_("kind"), max_length=20, choices=JobKind)
    title = models.CharField(_("title"), max_length=200)
    parameters = models.JSONField(_("parameters"), default=dict)
    state = models.CharField(
        _("state"), max_length=10, choices=JobState, default=JobState.QUEUED, db_index=True
    )
    progress = models.FloatField(_("progress"), default=0.0)
    step = models.CharField(_("step"), max_length=200, blank=True, default="")
    result = models.JSONField(_("result"), default=dict, blank=True)
    code = models.CharField(_("code"), max_length=40, blank=True, default="")
    message = models.TextField(_("message"), blank=True, default="")
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # A job that has to wait, such as for its next still, gives its place to others until then.
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES
