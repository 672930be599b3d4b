"""One run on a grey picture: what a model is fed, and what then comes out."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.decode.layout import Probe
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.session import Session, Tensor

DEFAULT_SIDE = 640  # of models whose input size is open and who do not name one
SIDE_LIMITS = (8, 4096)
ELEMENT_NAMES = {np.float32: "float32", np.float16: "float16", np.uint8: "uint8"}


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The picture a model takes, open sides ``None``; ``sizes``: an input for (width, height)."""

    name: str
    axes: str
    element_type: str
    width: int | None
    height: int | None
    sizes: Tensor | None = None

    def extra_feeds(self, width: int, height: int) -> dict[str, NDArray[Any]]:
        """What besides the picture must be fed."""
        if self.sizes is None:
            return {}
        return {self.sizes.name: np.array([[width, height]], self.sizes.element_type)}


@dataclass(frozen=True, slots=True)
class ExporterNotes:
    """What Ultralytics-style exporters write into the file; empty where nothing is written."""

    labels: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    task: str = field(default="")


def image_input(session: Session) -> ImageInput:
    """Raises ``ModelUnusable`` (``not_image_input``)."""
    pictures = [x for x in session.inputs if _axes(x)]
    others = [x for x in session.inputs if not _axes(x)]
    sizes = [x for x in others if len(x.shape) == 2 and x.shape[1] == 2 and x.shape[0] in (1, None)]
    if len(pictures) != 1 or len(others) != len(sizes) or len(sizes) > 1:
        got = ", ".join(
            f"{x.name} {list(x.shape)} {x.element_type.__name__}" for x in session.inputs
        )
        raise ModelUnusable(
            "not_image_input",
            "expected one picture (1, 3, height, width) or (1, height, width, 3), at most with a"
            f" (1, 2) size beside it, got {got}",
        )
    picture, axes = pictures[0], _axes(pictures[0])
    height, width = picture.shape[2:] if axes == "nchw" else picture.shape[1:3]
    element = ELEMENT_NAMES[picture.element_type]
    return ImageInput(picture.name, axes, element, width, height, sizes[0] if sizes else None)


def _axes(tensor: Tensor) -> str:
    if len(tensor.shape) != 4 or tensor.shape[0] not in (1, None):
        return ""
    if tensor.element_type not in ELEMENT_NAMES:
        return ""
    if tensor.shape[1] == 3:
        return "nchw"
    return "nhwc" if tensor.shape[3] == 3 else ""


def read_notes(metadata: dict[str, str]) -> ExporterNotes:
    """Labels, size and task from the metadata; unreadable entries count as absent."""
    names, size = _literal(metadata.get("names")), _literal(metadata.get("imgsz"))
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names)]
    labels = tuple(str(x) for x in names) if isinstance(names, list) else ()
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(x, int) for x in size):
        size = [None, None]
    return ExporterNotes(labels, size[1], size[0], metadata.get("task", ""))


def _literal(text: str | None) -> Any:
    try:
        return ast.literal_eval(text) if text else None
    except (ValueError, SyntaxError):
        return None


def canvas_size(
    picture: ImageInput, width: int | None, height: int | None, notes: ExporterNotes
) -> tuple[int, int]:
    """The size to run at: the model's own, else the one asked for, else the exporter's, else 640.

    Raises ``ModelUnusable`` (``contract_mismatch``, ``input_size``).
    """
    sides = []
    for name, own, asked, noted in (
        ("input_width", picture.width, width, notes.width),
        ("input_height", picture.height, height, notes.height),
    ):
        if own and asked and own != asked:
            raise ModelUnusable(
                "contract_mismatch", f"{name}: expected the model's {own}, got {asked}"
            )
        side = own or asked or noted or DEFAULT_SIDE
        if not SIDE_LIMITS[0] <= side <= SIDE_LIMITS[1]:
            raise ModelUnusable("input_size", f"expected a side within {SIDE_LIMITS}, got {side}")
        sides.append(side)
    return sides[0], sides[1]


def probe(
    session: Session, picture: ImageInput, width: int, height: int, pixel_range: float | None
) -> Probe:
    """Runs the model once on grey. Raises ``ModelUnusable`` (``run_failed``)."""
    shape = (1, 3, height, width) if picture.axes == "nchw" else (1, height, width, 3)
    # Mid-grey on the scale that the weights seem made for; any value would do for shapes.
    grey = 114 if picture.element_type == "uint8" else 0.45 * (pixel_range or 1.0)
    image = np.full(shape, grey, picture.element_type)
    outputs = session.run({picture.name: image, **picture.extra_feeds(width, height)})
    outputs = [np.nan_to_num(x) if x.dtype.kind == "f" else x for x in outputs]
    return Probe(
        names=tuple(x.name for x in session.outputs),
        outputs=tuple(outputs),
        width=width,
        height=height,
        extra_inputs=(picture.sizes.name,) if picture.sizes else (),
        pixel_range=pixel_range,
    )
