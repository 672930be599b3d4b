"""Vehicles over counting lines: by class, size and direction, with headways; and with speeds where
the road is calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sensing.domain.classes import VEHICLE_CLASSES
from sensing.domain.counting import HEIR_S, LineCounter
from sensing.domain.memory import CameraMemories
from sensing.domain.passing import Passings
from sensing.domain.results import SensedFacts
from sensing.domain.scene import Scene
from sensing.domain.tracking import Tracks
from sensing.modules.base import CameraView, check_parameters, chosen, parameter
from sensing.modules.selection import TrackSelection


@dataclass(frozen=True)
class VehicleTrafficParameters:
    """Raises ``ValueError`` that names the field."""

    lines: tuple[str, ...] = parameter(
        (), names="lines", help="Lines to count on; none means all of them."
    )
    classes: tuple[str, ...] = parameter(
        VEHICLE_CLASSES, choices=VEHICLE_CLASSES, help="Vehicles to count."
    )
    minimum_confidence: float = parameter(
        0.0,
        minimum=0.0,
        maximum=1.0,
        help="Leave out objects of which the detector was less sure over their whole track.",
    )

    def __post_init__(self) -> None:
        check_parameters(self)
        if not self.classes:
            raise ValueError("classes: expected at least one, got none")


class VehicleTraffic:
    """Counts each vehicle once per line and direction; its speed is told a little later."""

    kind: ClassVar[str] = "vehicle_traffic"
    title: ClassVar[str] = "Vehicle traffic"
    Parameters: ClassVar[type] = VehicleTrafficParameters

    def __init__(
        self,
        scene: Scene,
        frame_width: int,
        frame_height: int,
        parameters: VehicleTrafficParameters | None = None,
        *,
        view: CameraView | None = None,
    ) -> None:
        settings = parameters or VehicleTrafficParameters()
        view = view or CameraView(CameraMemories(scene.anchor))
        memory = view.memories.keeping(HEIR_S)
        lines = chosen(scene.lines, settings.lines)
        self.classes = frozenset(settings.classes)
        self._selection = TrackSelection(self.classes, settings.minimum_confidence)
        self._counter = LineCounter(lines, frame_width, frame_height, scene.anchor, memory=memory)
        road = view.road if lines else None
        self._passings = Passings(lines, memory, road, longest_gap_s=view.longest_gap_s)

    def step(self, tracks: Tracks, time_s: float, frame_index: int) -> SensedFacts:
        counted = self._selection.mask(tracks)
        found = self._counter.update(tracks, time_s, frame_index, counted)
        crossings, speeds = self._passings.update(tracks, time_s, found)
        return SensedFacts(crossings=tuple(crossings), speeds=tuple(speeds))

    def finish(self, time_s: float) -> SensedFacts:
        crossings, speeds = self._passings.finish(self._counter.finish())
        return SensedFacts(crossings=tuple(crossings), speeds=tuple(speeds))
