"""A camera frame into the tensor that a model's contract asks for, and boxes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import FloatArray

CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a frame of ``width`` × ``height`` pixels lies on the model's canvas.

    A source point p lies at ``p * scale + pad``; the picture covers ``fitted_*`` canvas pixels.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    pad_x: int
    pad_y: int
    fitted_width: int
    fitted_height: int

    def to_source(self, xyxy: FloatArray) -> FloatArray:
        """(N, 4) boxes on the canvas → source pixels, clipped to the frame. A new array."""
        pad = np.array([self.pad_x, self.pad_y] * 2, np.float32)
        gain = np.array([1 / self.scale_x, 1 / self.scale_y] * 2, np.float32)
        edge = np.array([self.width, self.height] * 2, np.float32)
        boxes: FloatArray = np.minimum(np.maximum((xyxy - pad) * gain, np.float32(0)), edge)
        return boxes


def fitted(width: int, height: int, contract: ModelContract) -> ModelContract:
    """The contract on the canvas where a frame of this size is largest, of equals the first."""
    if not contract.canvases or min(width, height) < 1:
        return contract
    sizes = ((contract.input_width, contract.input_height), *contract.canvases)
    best = max(sizes, key=lambda size: min(size[0] / width, size[1] / height))
    return replace(contract, input_width=best[0], input_height=best[1], canvases=())


def place(width: int, height: int, contract: ModelContract) -> Placement:
    """How ``contract.fit`` puts a frame of ``width`` × ``height`` on the canvas."""
    canvas_width, canvas_height = contract.input_width, contract.input_height
    if contract.fit == "stretch":
        scale_x, scale_y = canvas_width / width, canvas_height / height
        return Placement(width, height, scale_x, scale_y, 0, 0, canvas_width, canvas_height)
    scale = min(canvas_width / width, canvas_height / height)
    # At least one pixel: a panorama strip must not vanish.
    fitted_width = min(canvas_width, max(1, int(width * scale + 1e-6)))
    fitted_height = min(canvas_height, max(1, int(height * scale + 1e-6)))
    pad_x = pad_y = 0
    if contract.fit == "centre":
        pad_x, pad_y = (canvas_width - fitted_width) // 2, (canvas_height - fitted_height) // 2
    # The scale that the resize really has, after its size was cut to whole pixels.
    scale_x, scale_y = fitted_width / width, fitted_height / height
    return Placement(width, height, scale_x, scale_y, pad_x, pad_y, fitted_width, fitted_height)


class Preprocessor:
    """Fills ``tensor``, always the same memory, from frames of any size.

    Buffers are laid out once per frame size; per frame there is one resize and one pass that
    separates the channels and normalises them on the way.
    """

    def __init__(self, contract: ModelContract) -> None:
        self._contract = contract
        height, width = contract.input_height, contract.input_width
        self._element_type = np.dtype(contract.element_type)
        planar = contract.axes == "nchw"
        shape = (1, CHANNELS, height, width) if planar else (1, height, width, CHANNELS)
        self.tensor: NDArray[Any] = np.zeros(shape, self._element_type)
        # One (H, W) plane per colour in the tensor's order, whatever its axes.
        last = self.tensor[0] if planar else self.tensor[0].transpose(2, 0, 1)
        self._planes = list(last)
        self._gain, self._offset = _affine(contract)
        self._source_channel = (0, 1, 2) if contract.colour_order == "bgr" else (2, 1, 0)
        self._placement: Placement | None = None
        self._resized = np.empty((0, 0, CHANNELS), np.uint8)
        self._channels: list[NDArray[np.uint8]] = []
        self._targets: list[NDArray[Any]] = []

    def __call__(self, frame: NDArray[np.uint8]) -> Placement:
        """Writes the BGR ``frame`` (H, W, 3) into ``tensor``. Raises ``ValueError``."""
        if frame.ndim != 3 or frame.shape[2] != CHANNELS or frame.dtype != np.uint8:
            raise ValueError(f"expected a (H, W, 3) uint8 frame, got {frame.shape} {frame.dtype}")
        height, width = frame.shape[:2]
        placement = self._placement
        if placement is None or (placement.width, placement.height) != (width, height):
            placement = self._lay_out(width, height)
        if self._resized.shape == frame.shape:
            source: Any = frame
        else:
            size = (placement.fitted_width, placement.fitted_height)
            source = cv2.resize(frame, size, dst=self._resized, interpolation=cv2.INTER_LINEAR)
        cv2.split(source, self._channels)
        for index, target in enumerate(self._targets):
            self._write(self._channels[self._source_channel[index]], index, target)
        return placement

    def _lay_out(self, width: int, height: int) -> Placement:
        if min(width, height) < 1:
            raise ValueError(f"expected a frame with pixels, got {width}x{height}")
        placement = place(width, height, self._contract)
        padding = np.full((1, 1), self._contract.pad_value, np.uint8)
        size = (placement.fitted_height, placement.fitted_width)
        rows = slice(placement.pad_y, placement.pad_y + size[0])
        columns = slice(placement.pad_x, placement.pad_x + size[1])
        for index, plane in enumerate(self._planes):
            self._write(padding, index, plane)
        self._targets = [plane[rows, columns] for plane in self._planes]
        self._resized = np.empty((*size, CHANNELS), np.uint8)
        self._channels = [np.empty(size, np.uint8) for _ in range(CHANNELS)]
        self._placement = placement
        return placement

    def _write(self, pixels: NDArray[np.uint8], index: int, target: NDArray[Any]) -> None:
        gain, offset = self._gain[index], self._offset[index]
        if gain == 1.0 and offset == 0.0:
            np.copyto(target, pixels, casting="unsafe")
        elif offset == 0.0:
            np.multiply(pixels, gain, out=target, dtype=np.float32, casting="unsafe")
        else:
            values = np.multiply(pixels, gain, dtype=np.float32)
            np.add(values, offset, out=target, casting="unsafe")


def _affine(contract: ModelContract) -> tuple[list[np.float32], list[np.float32]]:
    """Per channel, p → p * gain + offset: the contract's scale, mean and std in one step."""
    pairs = list(zip(contract.mean, contract.std, strict=True))
    gain = [np.float32(contract.scale / std) for _, std in pairs]
    return gain, [np.float32(-mean / std) for mean, std in pairs]
