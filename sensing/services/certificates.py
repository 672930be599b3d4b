"""Issuing a certificate of accuracy from a recount that was judged to its end."""

from __future__ import annotations

import logging

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from models_registry.errors import Conflict, Refused
from models_registry.services.actor import Actor, user_id
from sensing.models import AccuracyCertificate, Recount, RecountState
from sensing.recount.certificate import certificate_document, digest_of
from sensing.recount.review import unchecked
from sensing.recount.thumbnail import strip_thumbnail

logger = logging.getLogger(__name__)


def certificate_issue(
    *, recount: Recount, by: Actor, revision: int, looked_through: bool, with_picture: bool = False
) -> AccuracyCertificate:
    """Issue a certificate; asked for twice, it is the same one.

    Raises ``Refused`` while marks are not judged or the strip was not looked through, and
    ``Conflict`` when the recount is no longer the one of ``revision``.
    """
    row = Recount.objects.select_related("camera").get(pk=recount.pk)
    _check(row, revision, looked_through)
    if (twin := _issued(row)) is not None:
        return twin
    picture = strip_thumbnail(row) if with_picture else None
    now = timezone.now()
    operator = (by.get_full_name() or by.get_username()) if isinstance(by, User) else ""
    document = certificate_document(row, operator=operator, now=now)
    try:
        with transaction.atomic():
            certificate = AccuracyCertificate.objects.create(
                camera=row.camera,
                recount=row,
                recount_revision=row.revision,
                camera_name=row.camera.name,
                document=document,
                digest=digest_of(document),
                thumbnail=picture,
                f1=document["total"]["f1"]["value"] or 0.0,
                crossings=document["total"]["manual"],
                issued_at=now,
                issued_by_id=user_id(by),
            )
    except IntegrityError:
        if (twin := _issued(row)) is not None:
            return twin
        raise
    logger.info("certificate %d of camera %d issued by %s", certificate.pk, row.camera_id, by)
    return certificate


def _check(row: Recount, revision: int, looked_through: bool) -> None:
    if row.state != RecountState.READY:
        raise Refused("state", _("This recount has no strip to judge by yet."))
    if row.revision != revision:
        raise Conflict("conflict", _("Somebody else has changed this recount. Load it again."))
    if left := unchecked(row):
        words = ngettext(
            "%(n)d mark of the system is not checked yet.",
            "%(n)d marks of the system are not checked yet.",
            left,
        )
        raise Refused("unchecked", words % {"n": left})
    if not looked_through:
        raise Refused(
            "looked_through",
            _("State that you looked through the whole strip: what the system missed counts too."),
            "looked_through",
        )
    if not row.system_marks and not row.review:
        raise Refused("nothing", _("Nothing crossed the lines: there is nothing to certify."))


def _issued(row: Recount) -> AccuracyCertificate | None:
    return AccuracyCertificate.objects.filter(recount=row, recount_revision=row.revision).first()
