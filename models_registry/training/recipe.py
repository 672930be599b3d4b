"""What a training is to do, as a TOML file says it. Paths in it are relative to a data folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

ROAD_USERS = ("person", "bicycle", "motorcycle", "car", "bus", "truck")
FORMATS = ("yolo", "coco", "set", "simulation", "stills", "crops")


@dataclass(frozen=True, slots=True)
class NetworkRecipe:
    """``width`` and ``depth`` multiply the channels and the blocks of each stage; ``more_blocks``
    come on top at each of ``strides``: at coarse ones they take many weights and little time.
    ``canvases``: further input sizes, width and height, that it learns on as often and runs on
    where a frame's shape calls for one. ``start``: a file that this network, or one of fewer
    blocks, was exported to, whose weights it begins with; ``start_share`` of them are in those that
    it ends with."""

    input_width: int = 416
    input_height: int = 256
    canvases: tuple[tuple[int, int], ...] = ()
    stem: str = "plain"
    width: float = 1.0
    depth: float = 1.0
    more_blocks: tuple[int, ...] = ()
    strides: tuple[int, ...] = (8, 16, 32)
    start: str | None = None
    start_share: float = 0.0

    LIMITS: ClassVar = {
        "start_share": (0, 0.95),
        "input_width": (32, 2048),
        "input_height": (32, 2048),
        "width": (0.1, 8),
        "depth": (0.1, 8),
        "more_blocks": (0, 8),
    }
    CHOICES: ClassVar = {
        "stem": ("plain", "downscaled", "bands", "gated_bands"),
        "strides": ((8, 16), (8, 16, 32)),
    }

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Width and height of its own input, then of the further canvases."""
        return ((self.input_width, self.input_height), *self.canvases)


@dataclass(frozen=True, slots=True)
class SourceRecipe:
    """Where pictures and labels come from.

    ``labelled``: the classes of which *every* object is labelled; others are unknown there, not
    absent. Default: all classes for ``simulation``, those that the set states for ``set``, none for
    ``stills``. ``crops`` is a folder per class of pictures with one object each, ``names`` those to
    read. ``ignored``: words of the set whose boxes count neither way. ``share``: how often this
    source is drawn, relative to the others; 0 means: as many pictures as it has. ``every``: of a
    video each n-th frame. ``most``: at most so many pictures, evenly spread.
    """

    name: str
    format: str
    path: str = ""
    names: tuple[str, ...] = ()
    labelled: tuple[str, ...] | None = None
    rename: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    split: str = ""
    annotations: str = ""
    urls: tuple[str, ...] = ()
    count: int = 100
    every: int = 8
    most: int | None = None
    share: float = 0.0
    teacher: bool = True
    paste: bool = False

    LIMITS: ClassVar = {
        "count": (1, 20_000),
        "every": (1, 10_000),
        "most": (1, 100_000),
        "share": (0, 1000),
    }
    CHOICES: ClassVar = {"format": FORMATS}


@dataclass(frozen=True, slots=True)
class TeacherRecipe:
    """An ONNX detector whose boxes fill in what nobody labelled.

    Its boxes of a class that a source does not label are objects, their score the target; between
    ``least`` and ``sure`` they count neither way. ``soften``: of a labelled object this part of the
    target is the teacher's score for it (0 where it sees nothing). ``cells``: weight of a further
    loss, agreement with a teacher of the same classes, input and strides in every cell.
    ``likeness``: weight of another, how unlike the student's maps are to the teacher's, ``maps``
    naming a tensor of its file for each stride. ``clear``: in both the teacher sees each picture
    as it was before light and weather.
    """

    path: str
    least: float = 0.15
    sure: float = 0.4
    soften: float = 0.5
    cells: float | None = None
    likeness: float = 0.0
    maps: tuple[str, ...] = ()
    clear: bool = False

    LIMITS: ClassVar = {
        "least": (0.001, 1),
        "sure": (0.001, 1),
        "soften": (0, 1),
        "cells": (0, 100),
        "likeness": (0, 100),
    }

    @property
    def beside(self) -> bool:
        """Whether it is asked beside the labels, for each picture that the student learns from."""
        return bool(self.cells or self.likeness)


@dataclass(frozen=True, slots=True)
class AugmentationRecipe:
    """Probabilities per picture, except where a range is named.

    ``scale``: factor on the size that fits the input. ``keep_share``: an object of which less is
    left on the canvas counts neither way; ``least_side_px``: so does one smaller than that.
    ``paste``: objects of the sources that say so are laid on it.
    """

    mosaic: float = 0.5
    paste: float = 0.0
    scale: tuple[float, float] = (0.5, 1.8)
    aspect: float = 0.1
    flip: float = 0.5
    colour: float = 0.8
    hue: float = 0.0
    blur: float = 0.1
    noise: float = 0.25
    rain: float = 0.04
    snow: float = 0.04
    fog: float = 0.05
    night: float = 0.08
    keep_share: float = 0.3
    least_side_px: float = 3.0

    LIMITS: ClassVar = {
        **dict.fromkeys(
            (
                *("mosaic", "paste", "flip", "colour", "hue", "blur", "noise"),
                *("rain", "snow", "fog", "night"),
            ),
            (0, 1),
        ),
        "scale": (0.05, 10),
        "aspect": (0, 0.5),
        "keep_share": (0, 1),
        "least_side_px": (0, 100),
    }


@dataclass(frozen=True, slots=True)
class LossRecipe:
    """``focal``: exponent of quality focal loss, 0 is cross entropy. ``candidates``: cells asked
    per object when it is decided how many of them may have it."""

    focal: float = 2.0
    class_weight: float = 1.0
    box_weight: float = 2.0
    candidates: int = 10
    radius: float = 2.0

    LIMITS: ClassVar = {
        "focal": (0, 5),
        "class_weight": (0, 100),
        "box_weight": (0, 100),
        "candidates": (1, 100),
        "radius": (0.5, 10),
    }


@dataclass(frozen=True, slots=True)
class ScheduleRecipe:
    """``rate``: learning rate at its height. ``calm_share``: at the end so much of the steps goes
    without mosaic. ``workers``: processes that prepare pictures, 0 prepares them in between."""

    steps: int
    batch: int = 32
    optimiser: str = "adamw"
    rate: float = 0.002
    last_rate_share: float = 0.02
    warm_up_steps: int = 200
    weight_decay: float = 0.05
    average: float = 0.999
    calm_share: float = 0.1
    evaluate_every: int = 500
    save_every: int = 200
    precision: str = "bfloat16"
    device: str = "cpu"
    threads: int = 0
    workers: int = 0
    memory_mb: int = 4000
    multi_scale: tuple[float, ...] = (1.0,)

    LIMITS: ClassVar = {
        "steps": (1, 10_000_000),
        "batch": (1, 4096),
        "rate": (1e-7, 10),
        "last_rate_share": (0, 1),
        "warm_up_steps": (0, 1_000_000),
        "weight_decay": (0, 1),
        "average": (0, 0.99999),
        "calm_share": (0, 1),
        "evaluate_every": (1, 10_000_000),
        "save_every": (1, 10_000_000),
        "threads": (0, 1024),
        "workers": (0, 256),
        "memory_mb": (0, 1_000_000),
        "multi_scale": (0.25, 4),
    }
    CHOICES: ClassVar = {
        "optimiser": ("adamw", "sgd"),
        "precision": ("bfloat16", "float32"),
        "device": ("cpu", "cuda"),
    }


@dataclass(frozen=True, slots=True)
class FinetuneRecipe:
    """How a finished file is trained further: few steps at a low rate, all else as the recipe says.

    ``agree``: weight of agreeing with the parent's outputs beside the labels. ``learn_scales``: the
    steps of a quantized graph learn too.
    """

    steps: int = 600
    rate: float = 0.0003
    warm_up_steps: int = 30
    average: float = 0.99
    evaluate_every: int = 200
    agree: float = 1.0
    learn_scales: bool = True

    LIMITS: ClassVar = {
        "steps": (1, 10_000_000),
        "rate": (1e-7, 10),
        "warm_up_steps": (0, 1_000_000),
        "average": (0, 0.99999),
        "evaluate_every": (1, 10_000_000),
        "agree": (0, 100),
    }


@dataclass(frozen=True, slots=True)
class QuantizeRecipe:
    """An int8 file is written beside the float one, its ranges measured on so many pictures."""

    pictures: int = 128

    LIMITS: ClassVar = {"pictures": (8, 512)}


@dataclass(frozen=True, slots=True)
class AdjustRecipe:
    """Of ``classes`` each is to be named as often as it is labelled on so many pictures. ``alone``:
    the file begun with is adjusted, quantized and examined, and learns nothing."""

    classes: tuple[str, ...] = ("car", "bus", "truck")
    pictures: int = 1600
    alone: bool = False

    LIMITS: ClassVar = {"pictures": (8, 100_000)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training. ``notes`` and ``limits`` are the author's words for the model card."""

    name: str
    sources: tuple[SourceRecipe, ...]
    evaluation: tuple[SourceRecipe, ...]
    schedule: ScheduleRecipe
    network: NetworkRecipe = NetworkRecipe()
    augmentation: AugmentationRecipe = AugmentationRecipe()
    loss: LossRecipe = LossRecipe()
    teacher: TeacherRecipe | None = None
    finetune: FinetuneRecipe | None = None
    adjust: AdjustRecipe | None = None
    quantize: QuantizeRecipe | None = None
    classes: tuple[str, ...] = ROAD_USERS
    seed: int = 1
    licence: str = ""
    notes: str = ""
    limits: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for checkpoints and reports."""
        return asdict(self)
