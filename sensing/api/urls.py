from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import SimpleRouter

from sensing.api.calibrations import (
    CalibrationConfirmView,
    CalibrationPreviewView,
    CalibrationsView,
    CalibrationView,
)
from sensing.api.cameras import CameraViewSet, SceneView
from sensing.api.deployments import DeploymentViewSet, InServiceView
from sensing.api.exports import (
    ExportFileView,
    ExportPreviewView,
    ExportsView,
    ScheduleViewSet,
)
from sensing.api.gateway import DetectorsView, LiveView, ModulesView, SiteView
from sensing.api.messaging import MessagesTestView, MessagesView, WebhookViewSet
from sensing.api.movements import HeatView, MovementsView
from sensing.api.people import PeopleView
from sensing.api.recounts import CertificateViewSet, RecountViewSet
from sensing.api.results import CountsView, CrossingsView, VisitsView
from sensing.api.shadows import ShadowViewSet
from sensing.api.statistics import FlowView, SpeedsView

app_name = "api"

router = SimpleRouter(use_regex_path=False)
router.register("cameras", CameraViewSet, "camera")
router.register("webhooks", WebhookViewSet, "webhook")
router.register("deployments", DeploymentViewSet, "deployment")
router.register("shadows", ShadowViewSet, "shadow")
router.register("exports/schedules", ScheduleViewSet, "export-schedule")
router.register("recounts", RecountViewSet, "recount")
router.register("certificates", CertificateViewSet, "certificate")

urlpatterns = [
    path("cameras/<int:id>/scene/", SceneView.as_view(), name="scene"),
    path("cameras/<int:id>/calibration/", CalibrationView.as_view(), name="calibration"),
    path(
        "cameras/<int:id>/calibration/preview/",
        CalibrationPreviewView.as_view(),
        name="calibration-preview",
    ),
    path(
        "cameras/<int:id>/calibration/confirm/",
        CalibrationConfirmView.as_view(),
        name="calibration-confirm",
    ),
    path("calibrations/", CalibrationsView.as_view(), name="calibrations"),
    path("deployments/in-service/", InServiceView.as_view(), name="in-service"),
    path("", include(router.urls)),
    path("", include("models_registry.api.urls")),
    path("modules/", ModulesView.as_view(), name="modules"),
    path("detectors/", DetectorsView.as_view(), name="detectors"),
    path("messages/", MessagesView.as_view(), name="messages"),
    path("messages/test/", MessagesTestView.as_view(), name="messages-test"),
    path("site/", SiteView.as_view(), name="site"),
    path("live/", LiveView.as_view(), name="live"),
    path("crossings/", CrossingsView.as_view(), name="crossings"),
    path("visits/", VisitsView.as_view(), name="visits"),
    path("counts/", CountsView.as_view(), name="counts"),
    path("exports/", ExportsView.as_view(), name="exports"),
    path("exports/file/", ExportFileView.as_view(), name="export-file"),
    path("exports/preview/", ExportPreviewView.as_view(), name="export-preview"),
    path("statistics/flow/", FlowView.as_view(), name="statistics-flow"),
    path("statistics/speeds/", SpeedsView.as_view(), name="statistics-speeds"),
    path("statistics/people/", PeopleView.as_view(), name="statistics-people"),
    path("statistics/movements/", MovementsView.as_view(), name="statistics-movements"),
    path("statistics/heat/", HeatView.as_view(), name="statistics-heat"),
    path(
        "schema/", SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]), name="schema"
    ),
    path(
        "docs/",
        # The split view keeps its script in a file of its own: the page's policy allows no other.
        login_required(SpectacularSwaggerSplitView.as_view(url_name="api:schema")),
        name="docs",
    ),
]
