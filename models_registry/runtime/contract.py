"""What a model file does not say about itself: its input convention and what its outputs mean."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

Layout = Literal[
    "yolox", "yolov5", "yolov8", "yolov10", "nanodet", "fastestdet", "ssd", "detr", "detr_raw"
]
Axes = Literal["nchw", "nhwc"]
ElementType = Literal["float32", "float16", "uint8"]
ColourOrder = Literal["bgr", "rgb"]
Fit = Literal["top_left", "centre", "stretch"]
BoxFormat = Literal["xyxy_pixels", "xyxy_normalised", "yxyx_normalised", "yxyx_pixels"]
Activation = Literal["none", "sigmoid", "softmax"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "task": ("detection",),
    "layout": get_args(Layout),
    "axes": get_args(Axes),
    "element_type": get_args(ElementType),
    "colour_order": get_args(ColourOrder),
    "fit": get_args(Fit),
    "box_format": get_args(BoxFormat),
    "activation": get_args(Activation),
}
_WHOLE_NUMBERS = {
    "input_width": (8, 4096),
    "input_height": (8, 4096),
    "pad_value": (0, 255),
    "class_offset": (0, 1),
    "max_candidates": (1, 20_000),
    "max_detections": (1, 5_000),
}
MOST_CANVASES = 8  # each is a session of its own
_SHARES = ("score_threshold", "nms_iou")


class ContractInvalid(ValueError):
    """A contract says something impossible; the message names the field, expected and got."""


@dataclass(frozen=True, slots=True)
class ModelContract:
    """How to feed a detector and read it. Raises ``ContractInvalid``.

    A pixel value p in 0-255 enters the model as ``(p * scale - mean[c]) / std[c]``, channels in
    ``colour_order``. ``fit``: how a frame comes to the input size; ``top_left`` and ``centre`` keep
    its shape and pad with ``pad_value``. ``score_threshold`` is low by default, since the tracker's
    second stage lives on weak boxes. ``max_candidates`` strongest boxes enter the suppression,
    ``max_detections`` leave it. ``canvases``: further input sizes, width and height, that a net of
    convolutions runs on; a frame is shown on the one where it is largest.
    ``box_format``, ``class_offset`` (what the first label is called) and ``activation`` (what turns
    the model's class outputs into 0-1) are read only by the layouts that leave them open.
    """

    layout: str
    input_name: str
    input_width: int
    input_height: int
    labels: tuple[str, ...]
    task: str = "detection"
    axes: str = "nchw"
    element_type: str = "float32"
    colour_order: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: str = "centre"
    pad_value: int = 114
    score_threshold: float = 0.1
    nms_iou: float = 0.45
    class_agnostic: bool = False
    max_candidates: int = 1000
    max_detections: int = 300
    box_format: str = "xyxy_pixels"
    class_offset: int = 0
    activation: str = "none"
    canvases: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("labels", "mean", "std", "canvases"):
            object.__setattr__(self, name, _as_tuples(getattr(self, name)))  # JSON knows no tuples
        for name, choices in _CHOICES.items():
            _require(getattr(self, name) in choices, name, f"one of {choices}", self)
        for name, (low, high) in _WHOLE_NUMBERS.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            _require(whole and low <= value <= high, name, f"a whole number {low}–{high}", self)
        for name in _SHARES:
            value = getattr(self, name)
            _require(_is_number(value) and 0 < value <= 1, name, "a number in (0, 1]", self)
        named = isinstance(self.input_name, str) and bool(self.input_name)
        _require(named, "input_name", "a name", self)
        _require(isinstance(self.class_agnostic, bool), "class_agnostic", "true or false", self)
        self._check_canvases()
        self._check_normalisation()
        self._check_labels()

    def _check_canvases(self) -> None:
        low, high = _WHOLE_NUMBERS["input_width"]
        pairs = isinstance(self.canvases, tuple) and all(
            isinstance(x, tuple) and len(x) == 2 for x in self.canvases
        )
        possible = pairs and len(self.canvases) <= MOST_CANVASES
        possible = possible and all(
            type(side) is int and low <= side <= high for x in self.canvases for side in x
        )
        expected = f"at most {MOST_CANVASES} pairs of whole numbers {low}–{high}"
        _require(possible, "canvases", expected, self)

    def _check_normalisation(self) -> None:
        _require(_is_number(self.scale) and self.scale > 0, "scale", "a number above 0", self)
        _require(_three_numbers(self.mean), "mean", "three numbers", self)
        positive = _three_numbers(self.std) and min(self.std) > 0
        _require(positive, "std", "three numbers above 0", self)

    def _check_labels(self) -> None:
        texts = isinstance(self.labels, tuple) and all(
            isinstance(x, str) and x for x in self.labels
        )
        _require(texts and bool(self.labels), "labels", "a list of names", self)
        different = len(set(self.labels)) == len(self.labels)
        _require(different, "labels", "names that differ", self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``from_json`` takes them back."""
        return {name: _as_lists(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any] | str | bytes) -> ModelContract:
        """The contract a complete JSON document states. Raises ``ContractInvalid``."""
        stated = check_names(document)
        required = ("layout", "input_name", "input_width", "input_height", "labels")
        if missing := [name for name in required if name not in stated]:
            raise ContractInvalid(f"expected the fields {list(required)}, missing {missing}")
        return cls(**stated)


def check_names(document: dict[str, Any] | str | bytes) -> dict[str, Any]:
    """A possibly partial contract document whose every key is a known field."""
    if isinstance(document, str | bytes):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise ContractInvalid(
                f"expected a JSON object, got unreadable text: {error}"
            ) from error
    if not isinstance(document, dict):
        raise ContractInvalid(f"expected a JSON object, got {type(document).__name__}")
    known = {field.name for field in fields(ModelContract)}
    if unknown := sorted(str(name) for name in set(document) - known):
        raise ContractInvalid(f"expected fields among {sorted(known)}, got {unknown}")
    return dict(document)


def _as_lists(value: Any) -> Any:
    return [_as_lists(x) for x in value] if isinstance(value, tuple) else value


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(x) for x in value) if isinstance(value, list) else value


def _require(holds: bool, name: str, expected: str, contract: ModelContract) -> None:
    if not holds:
        got = repr(getattr(contract, name))
        raise ContractInvalid(f"{name}: expected {expected}, got {got[:200]}")


def _is_number(value: object) -> bool:
    # bool is no number; neither NaN, infinity nor an integer that no float can hold passes.
    return type(value) in (int, float) and abs(cast(float, value)) <= sys.float_info.max


def _three_numbers(values: object) -> bool:
    return isinstance(values, tuple) and len(values) == 3 and all(_is_number(v) for v in values)
