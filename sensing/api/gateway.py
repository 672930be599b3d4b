"""What the gateway offers: its site, module kinds, detectors, and the live state of all cameras."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from models_registry.selectors.references import MOTION, detector_references
from sensing.api.documents import (
    DetectorDocument,
    LiveDocument,
    ModuleKindDocument,
    rest_live,
)
from sensing.api.serializers import SiteSerializer
from sensing.models import Camera, SensingModule, Site
from sensing.modules import MODULES, parameter_schema
from sensing.selectors import current_site, live_snapshot
from sensing.services import site_change


class LiveView(ApiView):
    """State, scene and counts of all cameras, as the websocket's greeting has them."""

    queryset = Camera.objects.all()

    @extend_schema(summary="Live state of all cameras", responses=LiveDocument(many=True))
    def get(self, request: Request) -> Response:
        return Response([rest_live(entry) for entry in live_snapshot()])


class ModulesView(ApiView):
    """Kinds of sensing that a scene may switch on."""

    queryset = SensingModule.objects.all()

    @extend_schema(
        summary="Module kinds and their parameters", responses=ModuleKindDocument(many=True)
    )
    def get(self, request: Request) -> Response:
        return Response(
            [
                {"kind": m.kind, "title": str(m.title), "parameters": parameter_schema(m.kind)}
                for m in MODULES
            ]
        )


class DetectorsView(ApiView):
    """Names that a camera's detector may have."""

    queryset = Camera.objects.all()

    @extend_schema(summary="Detectors", responses=DetectorDocument(many=True))
    def get(self, request: Request) -> Response:
        return Response(
            [{"name": name, "built_in": name == MOTION} for name in detector_references()]
        )


class SiteView(ApiView):
    """Name, time zone and retention of this gateway."""

    queryset = Site.objects.all()

    @extend_schema(summary="The site", responses=SiteSerializer)
    def get(self, request: Request) -> Response:
        return Response(SiteSerializer(current_site()).data)

    @extend_schema(
        summary="Change the site",
        request=SiteSerializer,
        responses={200: SiteSerializer, 400: OpenApiResponse(ErrorDocument)},
    )
    def patch(self, request: Request) -> Response:
        changes = read(SiteSerializer, request.data, partial=True)
        return Response(SiteSerializer(site_change(by=request.user, **changes)).data)
