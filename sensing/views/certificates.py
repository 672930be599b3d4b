"""Certificates of accuracy as pages and as files."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from django.contrib.auth.decorators import permission_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from sensing.models import AccuracyCertificate
from sensing.recount.certificate import digest_of
from sensing.recount.pdf import certificate_pdf
from sensing.recount.words import words_of

MAY_LOOK = "sensing.view_accuracycertificate"


@require_safe
@permission_required(MAY_LOOK, raise_exception=True)
def certificate_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; with ``?download=1`` as one file that needs nothing else."""
    certificate = get_object_or_404(AccuracyCertificate, pk=pk)
    context = {
        "certificate": certificate,
        "words": words_of(certificate.document),
        "intact": digest_of(certificate.document) == certificate.digest,
        "has_picture": certificate.thumbnail is not None,
    }
    if "download" not in request.GET:
        return render(request, "recounts/certificate.html", context)
    style = finders.find("css/recount_file.css")
    context |= {"style": Path(str(style)).read_text(), "picture": _inline(certificate)}
    response = render(request, "recounts/certificate_file.html", context)
    response["Content-Disposition"] = f'attachment; filename="{file_name(certificate)}.html"'
    return response


@require_safe
@permission_required(MAY_LOOK, raise_exception=True)
def certificate_pdf_page(request: HttpRequest, pk: int) -> HttpResponse:
    certificate = get_object_or_404(AccuracyCertificate, pk=pk)
    picture = bytes(certificate.thumbnail) if certificate.thumbnail is not None else None
    content = certificate_pdf(
        certificate.document, number=certificate.pk, digest=certificate.digest, thumbnail=picture
    )
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{file_name(certificate)}.pdf"'
    return response


@require_safe
@permission_required(MAY_LOOK, raise_exception=True)
def certificate_picture(request: HttpRequest, pk: int) -> HttpResponse:
    """The small picture of the strip, where the operator put one on the certificate."""
    certificate = get_object_or_404(AccuracyCertificate.objects.exclude(thumbnail=None), pk=pk)
    response = HttpResponse(bytes(certificate.thumbnail or b""), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=600"
    return response


def _inline(certificate: AccuracyCertificate) -> str:
    """The picture as part of the page."""
    if certificate.thumbnail is None:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(bytes(certificate.thumbnail)).decode()}"


def file_name(certificate: AccuracyCertificate) -> str:
    """Plain letters only: it goes into a header and onto any disk."""
    camera = re.sub(r"[^\w-]+", "-", certificate.camera_name, flags=re.ASCII).strip("-")
    return f"accuracy-{certificate.pk}-{camera or 'camera'}"
