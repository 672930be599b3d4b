"""A version on one picture, under each contract that is plausible: for the contract picker."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import BytesParser, body_of
from models_registry.errors import Refused
from models_registry.models import ModelVersion
from models_registry.sandbox import ChildError, ChildFailed, Limits, call
from models_registry.selectors.catalog import version_list
from models_registry.storage import version_path

MOST_READINGS = 12
# What a picture can settle of the fields that a graph leaves open; easiest seen last, so that it
# is varied first.
ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "colour_order": ("rgb", "bgr"),
    "fit": ("centre", "top_left", "stretch"),
    "class_offset": (0, 1),
}
LIMITS = Limits(cpu_s=60, wall_s=60)


class PictureParser(BytesParser):
    media_type = "image/*"


class PreviewView(APIView):
    """Boxes that a version finds on a picture under each plausible contract."""

    queryset = ModelVersion.objects.all()
    parser_classes = [PictureParser]
    required_permissions: ClassVar[dict[str, str]] = {"POST": "models_registry.view_modelversion"}

    @extend_schema(
        summary="Boxes on a picture under each plausible contract",
        description="The body is a JPEG or PNG. Corners are in 0–1 of the picture. A version with a"
        " contract runs under that one only, unless `others` is asked for.",
        parameters=[OpenApiParameter("others", bool, description="All plausible contracts.")],
        request={"image/jpeg": OpenApiTypes.BINARY, "image/png": OpenApiTypes.BINARY},
        responses={
            200: OpenApiTypes.OBJECT,
            400: OpenApiResponse(ErrorDocument, description="Bad input"),
        },
    )
    def post(self, request: Request, id: int) -> Response:
        version = version_list().filter(pk=id).first()
        if version is None:
            raise Refused("not_found", _("There is no such version."))
        picture = body_of(request)
        if not picture:
            raise ValidationError({"picture": [_("Expected the bytes of a JPEG or PNG.")]})
        others = request.query_params.get("others") in ("1", "true")
        return Response(previewed(version, picture, others=others))


def previewed(version: ModelVersion, picture: bytes, *, others: bool) -> dict[str, Any]:
    """What the version finds under its contract; without one, or with ``others``, under each that
    is plausible, those first that are likely."""
    proposals = plausible(version)
    if version.contract is not None and not others:
        proposals = proposals[:1]
    if not proposals:
        raise Refused(
            "no_proposal", _("Nothing is known of its outputs. State a contract in model.json.")
        )
    path = version_path(version.sha256)
    order = {
        "model_path": str(path),
        "contract": None,
        "stills": [picture],
        "contracts": [proposal["contract"] for proposal in proposals],
    }
    try:
        found = call(
            "models_registry.benchmarking.runner:preview", order, limits=LIMITS, read_paths=[path]
        )
    except (ChildError, ChildFailed) as error:
        raise Refused(error.code, error.message) from error
    results = [
        proposal | result for proposal, result in zip(proposals, found["results"], strict=True)
    ]
    return {"width_px": found["width_px"], "height_px": found["height_px"], "results": results}


def plausible(version: ModelVersion) -> list[dict[str, Any]]:
    """Contracts worth a look: the chosen one, the proposals, and their unsure fields varied.

    Each has ``certainty``, ``reason``, ``unsure`` and ``varied``: the fields in which it differs
    from the proposal that it comes from.
    """
    found: list[dict[str, Any]] = []
    if version.contract is not None:
        chosen = {"certainty": 1.0, "reason": "", "unsure": [], "varied": {}}
        found.append({"contract": version.contract, **chosen})
    for proposal in version.inspection.get("proposals", []):
        for varied in variations(proposal["contract"], proposal["unsure"]):
            contract = {**proposal["contract"], **varied}
            if all(contract != x["contract"] for x in found):
                found.append({**proposal, "contract": contract, "varied": varied})
    return found[:MOST_READINGS]


def variations(contract: dict[str, Any], unsure: list[str]) -> list[dict[str, Any]]:
    """What may be said otherwise in a proposal, nothing first."""
    names = [name for name in ALTERNATIVES if name in unsure]
    choices = [
        [contract[name], *(x for x in ALTERNATIVES[name] if x != contract[name])] for name in names
    ]
    return [
        {n: x for n, x in zip(names, values, strict=True) if x != contract[n]}
        for values in itertools.product(*choices)
    ]
