"""The scene editor, and scenes as files."""

from __future__ import annotations

import json
import re

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from sensing.domain.scene import SceneInvalid
from sensing.selectors import camera_list, live_snapshot
from sensing.services import scene_save

MAX_SCENE_BYTES = 256 * 1024


@require_safe
@permission_required("sensing.change_scene", raise_exception=True)
def scene_editor(request: HttpRequest, pk: int) -> HttpResponse:
    camera = get_object_or_404(camera_list(), pk=pk)
    context = {
        "camera": camera,
        "entries": live_snapshot([pk]),
        "scene": camera.scene.document() | {"revision": camera.scene.revision},
    }
    return render(request, "cameras/scene.html", context)


@require_safe
@permission_required("sensing.view_scene", raise_exception=True)
def scene_export(request: HttpRequest, pk: int) -> HttpResponse:
    camera = get_object_or_404(camera_list(), pk=pk)
    text = json.dumps(camera.scene.document(), indent=2, ensure_ascii=False) + "\n"
    name = re.sub(r"[^\w-]+", "-", camera.name, flags=re.ASCII).strip("-") or f"camera-{pk}"
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}-scene.json"'
    return response


@require_POST
@permission_required("sensing.change_scene", raise_exception=True)
def scene_import(request: HttpRequest, pk: int) -> HttpResponse:
    camera = get_object_or_404(camera_list(), pk=pk)
    problems = _import_problems(request, camera.pk)
    if not problems:
        messages.success(request, _("The scene is imported. It counts from now on."))
        return redirect("camera", pk=pk)
    context = {"camera": camera, "problems": problems}
    return render(request, "cameras/scene_refused.html", context, status=422)


def _import_problems(request: HttpRequest, pk: int) -> list[tuple[str, str]]:
    upload = request.FILES.get("scene")
    if upload is None:
        return [(_("File"), _("Choose a scene file (.json) first."))]
    if upload.size is None or upload.size > MAX_SCENE_BYTES:
        return [(_("File"), _("This file is too large for a scene: at most 256 KB."))]
    try:
        document = json.loads(upload.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return [(_("File"), _("This is not a JSON file: %(error)s") % {"error": error})]
    user = request.user
    assert isinstance(user, User)
    try:
        scene_save(camera=camera_list().get(pk=pk), by=user, document=document)
    except SceneInvalid as invalid:
        return invalid.problems
    return []
