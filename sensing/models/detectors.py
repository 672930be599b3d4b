"""What a target uses as its detector, and the history of what was put there."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models import Alias, ModelVersion
from models_registry.models.made import Made


class UsesDetector(models.Model):
    """Names a detector: ``motion``, ``model@alias``, ``model:number``, or '' for the next wider
    target's. The keys beside the name keep what it means from being deleted."""

    detector = models.CharField(_("detector"), max_length=120, blank=True, default="")
    alias = models.ForeignKey(
        Alias, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    pinned = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True


class ModuleDetector(UsesDetector):
    """The detector of every camera that has a kind of sensing switched on."""

    kind = models.CharField(_("sensing module"), max_length=40, primary_key=True)

    class Meta:
        verbose_name = _("detector of a sensing module")
        verbose_name_plural = _("detectors of sensing modules")

    def __str__(self) -> str:
        return self.kind


class DeploymentTarget(models.TextChoices):
    GATEWAY = "gateway", _("Gateway default")
    MODULE = "module", _("Sensing module")
    CAMERA = "camera", _("Camera")
    ALIAS = "alias", _("Alias")


class DeploymentState(models.TextChoices):
    TRIAL = "trial", _("On trial")
    ACTIVE = "active", _("Active")
    REPLACED = "replaced", _("Replaced")
    ROLLED_BACK = "rolled_back", _("Rolled back")


CURRENT = (DeploymentState.TRIAL, DeploymentState.ACTIVE)


class HoldsVersion(Made):
    """About a version that must not be deleted for now; what is over holds none."""

    held = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        abstract = True


class Deployment(HoldsVersion):
    """One act of putting a detector into service, with what it replaced.

    ``reference`` and ``before`` are what the target named after and before; ``version`` and
    ``previous`` what that meant then (null: the motion detector, or a version deleted since). On
    trial it holds ``previous``, which has to be there when the trial fails.
    """

    target = models.CharField(_("target"), max_length=8, choices=DeploymentTarget)
    camera = models.ForeignKey(
        "sensing.Camera",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="deployments",
        verbose_name=_("camera"),
    )
    module_kind = models.CharField(_("sensing module"), max_length=40, blank=True, default="")
    reference = models.CharField(_("detector"), max_length=120)
    before = models.CharField(_("detector before"), max_length=120, blank=True, default="")
    version = models.ForeignKey(
        ModelVersion,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version"),
    )
    previous = models.ForeignKey(
        ModelVersion,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version before"),
    )
    version_name = models.CharField(_("version"), max_length=80)
    previous_name = models.CharField(_("version before"), max_length=80)
    state = models.CharField(
        _("state"), max_length=12, choices=DeploymentState, default=DeploymentState.TRIAL
    )
    passed = models.JSONField(_("cameras that passed the trial"), default=list, blank=True)
    cause = models.CharField(_("cause"), max_length=40, blank=True, default="")
    detail = models.TextField(_("detail"), blank=True, default="")
    created_at = models.DateTimeField(_("deployed"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("ended by"),
    )

    class Meta:
        verbose_name = _("deployment")
        verbose_name_plural = _("deployments")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.version_name} → {self.place}"

    @property
    def place(self) -> str:
        """Where it was put, in words."""
        if self.camera is not None:
            return str(self.camera)
        if self.target == DeploymentTarget.ALIAS:
            return self.reference
        return self.module_kind or str(DeploymentTarget.GATEWAY.label)


class ShadowRun(HoldsVersion):
    """A candidate that sees a camera's frames beside the detector in service, without counting.

    It holds its version while it runs.
    """

    camera = models.ForeignKey(
        "sensing.Camera",
        on_delete=models.CASCADE,
        related_name="shadows",
        verbose_name=_("camera"),
    )
    version = models.ForeignKey(
        ModelVersion,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version"),
    )
    version_name = models.CharField(_("version"), max_length=80)
    running = models.BooleanField(_("running"), default=True)
    report = models.JSONField(_("report"), default=dict, blank=True)
    cause = models.CharField(_("cause"), max_length=40, blank=True, default="")
    detail = models.TextField(_("detail"), blank=True, default="")
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("shadow run")
        verbose_name_plural = _("shadow runs")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["camera"], condition=models.Q(running=True), name="one_shadow_per_camera"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_name} on {self.camera}"
