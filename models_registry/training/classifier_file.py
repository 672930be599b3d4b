"""A classifier's ONNX file: what it answers to pictures, and how often it is right."""

from __future__ import annotations

import ast
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.session import Session
from models_registry.training.errors import TrainingFailed

Logits = NDArray[np.float32]


class ClassifierFile:
    """One input of pictures (RGB, 0–255), one output of a logit per class; its classes are in the
    file's metadata (``names``). Raises ``TrainingFailed`` (``teacher_unusable``)."""

    def __init__(self, path: Path) -> None:
        try:
            self._session = Session(path.read_bytes())
        except (OSError, ModelUnusable) as error:
            raise _unusable(path, str(error)) from error
        if len(self._session.inputs) != 1 or len(self._session.inputs[0].shape) != 4:
            raise _unusable(path, "expected one input (1, 3, H, W)")
        given = self._session.inputs[0]
        _, channels, height, width = given.shape
        if channels != 3 or not height or not width:
            raise _unusable(path, f"expected pictures of a fixed size, got {given.shape}")
        self._input, self._size = given.name, (width, height)
        self.classes = _names(self._session.metadata.get("names", ""))
        (answer,) = self._one(np.zeros((3, height, width), np.uint8)).shape
        if answer != len(self.classes):
            raise _unusable(path, f"expected {answer} names in it, got {list(self.classes)}")

    def logits(self, pixels: NDArray[np.uint8]) -> Logits:
        """(N, 3, H, W) RGB of any size → (N, classes)."""
        return np.stack([self._one(x) for x in pixels])

    def accuracy(self, pixels: NDArray[np.uint8], kinds: NDArray[np.int64]) -> float:
        """Share of pictures whose class gets the highest answer."""
        return float((self.logits(pixels).argmax(1) == kinds).mean())

    def _one(self, picture: NDArray[np.uint8]) -> Logits:
        if picture.shape[:0:-1] != self._size:
            resized = cv2.resize(picture.transpose(1, 2, 0), self._size)
            picture = np.asarray(resized, np.uint8).transpose(2, 0, 1)
        feeds = {self._input: np.ascontiguousarray(picture[None], np.float32)}
        return np.asarray(self._session.run(feeds)[0], np.float32).reshape(-1)


def _names(words: str) -> tuple[str, ...]:
    try:
        listed = ast.literal_eval(words)
        return tuple(str(listed[number]) for number in range(len(listed)))
    except (ValueError, SyntaxError, KeyError, TypeError):
        return ()


def _unusable(path: Path, words: str) -> TrainingFailed:
    return TrainingFailed("teacher_unusable", f"{path.name}: {words}")
