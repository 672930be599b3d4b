"""Cameras: list, page, registering, changing, pausing, deleting."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from models_registry.errors import Refused
from sensing.domain.scene import SceneInvalid
from sensing.forms import CameraDeleteForm, CameraForm, SimulationFields
from sensing.models import Camera, CountInterval, Crossing, Visit
from sensing.selectors import camera_list, live_snapshot
from sensing.selectors.calibrations import active_calibration, calibration_answer
from sensing.services import (
    camera_change,
    camera_delete,
    camera_pause,
    camera_register,
    camera_resume,
    scene_save,
)

RECENT_CROSSINGS = 20


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def camera_list_page(request: HttpRequest) -> HttpResponse:
    return render(request, "cameras/list.html", {"cameras": live_snapshot()})


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def camera_page(request: HttpRequest, pk: int) -> HttpResponse:
    camera = _camera(pk)
    crossings = Crossing.objects.filter(camera=camera).order_by("-at")[:RECENT_CROSSINGS]
    recent = [
        {
            "line": crossing.line_id,
            "direction": crossing.direction,
            "class": crossing.object_class,
            "t": crossing.at.timestamp(),
        }
        for crossing in crossings
    ]
    calibration = active_calibration(camera)
    context = {
        "camera": camera,
        "entries": live_snapshot([pk]),
        "recent": recent,
        "calibration": None if calibration is None else calibration_answer(calibration),
        "may_calibrate": request.user.has_perm("sensing.change_calibration"),
    }
    return render(request, "cameras/camera.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("sensing.add_camera", raise_exception=True)
def camera_new(request: HttpRequest) -> HttpResponse:
    form = CameraForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            # All or nothing: a camera without the modules that were asked for is half a camera.
            with transaction.atomic():
                camera = camera_register(by=_user(request), **form.source(), **form.other())
                # A simulated camera brings its own scene; the others sense what the form says.
                if camera.kind != "sim":
                    _save_modules(request, camera, form)
        except Refused as refused:
            form.add_refusal(refused)
        except SceneInvalid as invalid:
            form.add_scene_problems(invalid)
        else:
            messages.success(
                request, _("%(name)s is registered and starts now.") % {"name": camera.name}
            )
            return redirect("camera" if camera.kind == "sim" else "scene_editor", pk=camera.pk)
    return _form_page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("sensing.change_camera", raise_exception=True)
def camera_edit(request: HttpRequest, pk: int) -> HttpResponse:
    camera = _camera(pk)
    form = CameraForm(request.POST or None, camera=camera)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                camera_change(
                    camera=camera,
                    by=_user(request),
                    clear_password=form.cleaned_data["clear_password"],
                    **form.source(),
                    **form.other(),
                )
                _save_modules(request, camera, form)
        except Refused as refused:
            form.add_refusal(refused)
        except SceneInvalid as invalid:
            form.add_scene_problems(invalid)
        else:
            messages.success(request, _("%(name)s is saved.") % {"name": form.cleaned_data["name"]})
            return redirect("camera", pk=camera.pk)
    return _form_page(request, form, camera)


@require_POST
@permission_required("sensing.change_camera", raise_exception=True)
def camera_pause_page(request: HttpRequest, pk: int) -> HttpResponse:
    camera_pause(camera=_camera(pk), by=_user(request))
    return redirect("camera", pk=pk)


@require_POST
@permission_required("sensing.change_camera", raise_exception=True)
def camera_resume_page(request: HttpRequest, pk: int) -> HttpResponse:
    camera_resume(camera=_camera(pk), by=_user(request))
    return redirect("camera", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("sensing.delete_camera", raise_exception=True)
def camera_delete_page(request: HttpRequest, pk: int) -> HttpResponse:
    camera = _camera(pk)
    held = {
        "crossings": Crossing.objects.filter(camera=camera).count(),
        "visits": Visit.objects.filter(camera=camera).count(),
    }
    holds_data = any(held.values()) or CountInterval.objects.filter(camera=camera).exists()
    form = CameraDeleteForm(request.POST or None, name=camera.name if holds_data else None)
    if request.method == "POST" and form.is_valid():
        camera_delete(camera=camera, by=_user(request))
        messages.success(request, _("%(name)s is deleted.") % {"name": camera.name})
        return redirect("camera_list")
    context = {"camera": camera, "form": form, "held": held, "holds_data": holds_data}
    return render(request, "cameras/delete.html", context)


def _form_page(request: HttpRequest, form: CameraForm, camera: Camera | None) -> HttpResponse:
    url = form["url"].value() or ""
    context = {
        "form": form,
        "camera": camera,
        "simulation": SimulationFields.from_url(str(url)),
        "files": form.file_choices(),
    }
    return render(request, "cameras/form.html", context, status=422 if form.errors else 200)


def _save_modules(request: HttpRequest, camera: Camera, form: CameraForm) -> None:
    camera = _camera(camera.pk)
    document: dict[str, Any] = camera.scene.document()
    modules = form.modules(document["modules"])
    if modules != document["modules"]:
        scene_save(camera=camera, by=_user(request), document={**document, "modules": modules})


def _camera(pk: int) -> Camera:
    return get_object_or_404(camera_list(), pk=pk)


def _user(request: HttpRequest) -> User:
    # Every page needs a log-in, so nobody is anonymous here.
    assert isinstance(request.user, User)
    return request.user
