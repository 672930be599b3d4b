"""Recounts: the list with its forms, the tool, the pieces of a strip."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from models_registry.errors import Refused
from sensing.models import Recount, RecountState
from sensing.recount.arriving import recounts_close_due
from sensing.recount.forms import RecountForm, StripPolicyForm
from sensing.recount.storage import tile_path
from sensing.selectors.recounts import (
    cameras_to_recount,
    certificates,
    recount_document,
    recount_progress,
    recount_state,
    recounts,
)
from sensing.selectors.site import current_site
from sensing.services.recounts import (
    MOST_MINUTES,
    recount_delete,
    recount_of_clip,
    recount_record,
    recount_stop,
    recount_strip_delete,
)
from sensing.services.site import site_change
from sensing.sources import allowed_files
from sensing.tasks import announce_strips

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("sensing.view_recount", raise_exception=True)
def recounts_page(request: HttpRequest) -> HttpResponse:
    """The list; a POST asks for a recount, which needs the right to add one."""
    user = _user(request)
    if request.method == "POST":
        if not user.has_perm("sensing.add_recount"):
            return render(request, "403.html", status=403)
        form = RecountForm(request.POST, request.FILES, cameras=cameras_to_recount())
        if form.is_valid() and (made := _ask_for(request, form)) is not None:
            return redirect("recount", pk=made.pk)
    else:
        initial = {"camera": request.GET.get("camera"), "request_key": uuid.uuid4()}
        form = RecountForm(initial=initial, cameras=cameras_to_recount())
    return _list_page(request, form, StripPolicyForm(site=current_site()))


@require_POST
@permission_required("sensing.change_site", raise_exception=True)
def recount_policy(request: HttpRequest) -> HttpResponse:
    """Whether this site records audit strips, and how long it keeps them."""
    policy = StripPolicyForm(request.POST, site=current_site())
    if policy.is_valid():
        site_change(by=_user(request), **policy.cleaned_data)
        messages.success(request, _("The settings are saved."))
        return redirect("recounts")
    return _list_page(request, RecountForm(cameras=cameras_to_recount()), policy)


@require_safe
@permission_required("sensing.change_recount", raise_exception=True)
def recount_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The tool; with ``?state=1`` only how far the strip is, as JSON."""
    recounts_close_due()
    recount = get_object_or_404(Recount.objects.select_related("camera"), pk=pk)
    if "state" in request.GET:
        return JsonResponse(recount_state(recount))
    context = {
        "recount": recount,
        "document": recount_document(recount),
        "progress": recount_progress(recount),
        "issued": certificates().filter(recount=recount),
        "keep_days": current_site().keep_strips_days,
    }
    return render(request, "recounts/recount.html", context)


@require_safe
@permission_required("sensing.change_recount", raise_exception=True)
def recount_tile(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """One piece of a strip."""
    recount = get_object_or_404(Recount.objects.only("pk", "strip_deleted_at"), pk=pk)
    path = tile_path(pk, name) if recount.strip_deleted_at is None else None
    if path is None:
        raise Http404
    response = HttpResponse(path.read_bytes(), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_POST
@permission_required("sensing.change_recount", raise_exception=True)
def recount_stop_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(request, pk, recount_stop, _("The recording has ended."))


@require_POST
@permission_required("sensing.change_recount", raise_exception=True)
def recount_strip_delete_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _done(
        request, pk, recount_strip_delete, _("The strip is deleted; marks and counts stay.")
    )


@require_POST
@permission_required("sensing.delete_recount", raise_exception=True)
def recount_delete_page(request: HttpRequest, pk: int) -> HttpResponse:
    recount = get_object_or_404(Recount, pk=pk)
    recount_delete(recount=recount, by=_user(request))
    messages.success(request, _("The recount is deleted; its certificates stay."))
    return redirect("recounts")


def _ask_for(request: HttpRequest, form: RecountForm) -> Recount | None:
    given = form.cleaned_data
    asked = {
        "by": _user(request),
        "camera": given["camera"],
        "line_ids": form.line_ids(),
        "request_key": given["request_key"],
    }
    try:
        if given["kind"] == "live":
            return recount_record(minutes=given["minutes"], **asked)
        clip = given["upload"] or given["clip"]
        made = recount_of_clip(clip=clip, starts_at=given["starts_at"], **asked)
        announce_strips()
    except Refused as refused:
        form.add_refusal(refused)
        return None
    return made


def _list_page(request: HttpRequest, form: RecountForm, policy: StripPolicyForm) -> HttpResponse:
    recounts_close_due()
    chosen = request.GET.get("camera", "")
    camera_id = int(chosen) if chosen.isdecimal() and len(chosen) < 19 else None
    rows = recounts(camera_id)[:SHOWN]
    context = {
        "form": form,
        "policy": policy,
        "recounts": [(row, recount_progress(row)) for row in rows],
        "certificates": certificates(camera_id)[:SHOWN],
        "site_allows": current_site().audit_strips,
        "may_set": _user(request).has_perm("sensing.change_site"),
        "cameras": [
            {
                "id": camera.pk,
                "own_clip": camera.kind in ("file", "sim"),
                "lines": [{"id": line["id"], "name": line["name"]} for line in camera.scene.lines],
            }
            for camera in form.cameras
        ],
        "files": [path.rpartition("/")[2] for path in allowed_files()],
        "most_minutes": MOST_MINUTES,
        "open_states": (RecountState.RECORDING, RecountState.WAITING, RecountState.MAKING),
    }
    bad = form.errors or policy.errors
    return render(request, "recounts/list.html", context, status=422 if bad else 200)


def _done(request: HttpRequest, pk: int, act: object, words: str) -> HttpResponse:
    recount = get_object_or_404(Recount, pk=pk)
    try:
        act(recount=recount, by=_user(request))  # type: ignore[operator]
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, words)
    return redirect("recount", pk=pk)


def _user(request: HttpRequest) -> User:
    # Every page needs a log-in, so nobody is anonymous here.
    assert isinstance(request.user, User)
    return request.user
