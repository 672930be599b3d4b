"""Who did what to models, when and from where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "uploaded": _("uploaded"),
    "upload_rejected": _("upload rejected"),
    "version_added": _("version added"),
    "version_deleted": _("version deleted"),
    "contract_chosen": _("contract chosen"),
    "model_changed": _("lineage changed"),
    "model_deleted": _("lineage deleted"),
    "alias_set": _("alias set"),
    "alias_deleted": _("alias deleted"),
    "deployed": _("deployed"),
    "detector_cleared": _("detector cleared"),
    "rolled_back": _("rolled back"),
    "shadow_started": _("shadow started"),
    "shadow_stopped": _("shadow stopped"),
}


class AuditEntry(models.Model):
    """One act. Words are kept beside the user's row, which may go; an entry never changes."""

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    who = models.CharField(_("who"), max_length=200)
    address = models.CharField(_("from where"), max_length=64, blank=True, default="")
    action = models.CharField(_("action"), max_length=40, db_index=True)
    subject = models.CharField(_("subject"), max_length=200)
    detail = models.TextField(_("detail"), blank=True, default="")

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.who}: {self.action} {self.subject}"

    @property
    def words(self) -> str:
        """The action in the reader's language."""
        return str(ACTIONS.get(self.action, self.action))
