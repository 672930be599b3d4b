from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import SimpleRouter

from sensing.api.cameras import CameraViewSet, SceneView
from sensing.api.deployments import DeploymentViewSet, InServiceView
from sensing.api.gateway import DetectorsView, LiveView, ModulesView, SiteView
from sensing.api.results import CountsView, CrossingsView, VisitsView
from sensing.api.shadows import ShadowViewSet

app_name = "api"

router = SimpleRouter(use_regex_path=False)
router.register("cameras", CameraViewSet, "camera")
router.register("deployments", DeploymentViewSet, "deployment")
router.register("shadows", ShadowViewSet, "shadow")

urlpatterns = [
    path("cameras/<int:id>/scene/", SceneView.as_view(), name="scene"),
    path("deployments/in-service/", InServiceView.as_view(), name="in-service"),
    path("", include(router.urls)),
    path("", include("models_registry.api.urls")),
    path("modules/", ModulesView.as_view(), name="modules"),
    path("detectors/", DetectorsView.as_view(), name="detectors"),
    path("site/", SiteView.as_view(), name="site"),
    path("live/", LiveView.as_view(), name="live"),
    path("crossings/", CrossingsView.as_view(), name="crossings"),
    path("visits/", VisitsView.as_view(), name="visits"),
    path("counts/", CountsView.as_view(), name="counts"),
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
