"""Persons: in and out over lines, presence in zones, and visits with their dwell time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sensing.domain.classes import PERSON_CLASSES
from sensing.domain.counting import HEIR_S, LineCounter
from sensing.domain.memory import CameraMemories
from sensing.domain.results import SensedFacts
from sensing.domain.scene import Scene
from sensing.domain.tracking import Tracks
from sensing.domain.zones import VisitParameters, ZoneMonitor
from sensing.modules.base import CameraView, check_parameters, chosen, parameter
from sensing.modules.selection import TrackSelection


@dataclass(frozen=True)
class PersonCountParameters:
    """Raises ``ValueError`` that names the field."""

    lines: tuple[str, ...] = parameter(
        (), names="lines", help="Lines to count on; none means all of them."
    )
    zones: tuple[str, ...] = parameter(
        (), names="zones", help="Zones to watch; none means all of them."
    )
    minimum_stay_s: float = parameter(
        2.0, minimum=0.0, maximum=600.0, unit="s", help="A shorter stay is no visit."
    )
    reentry_s: float = parameter(
        2.0,
        minimum=0.0,
        maximum=600.0,
        unit="s",
        help="Who leaves or is lost and is back within this time goes on with the same visit.",
    )
    turn_back_s: float = parameter(
        3.0,
        minimum=0.0,
        maximum=60.0,
        unit="s",
        help="Who comes back over a line within this time has turned back: no entry.",
    )
    minimum_confidence: float = parameter(
        0.0,
        minimum=0.0,
        maximum=1.0,
        help="Leave out objects of which the detector was less sure over their whole track.",
    )

    def __post_init__(self) -> None:
        check_parameters(self)


class PersonCount:
    """Counts each person once per line and direction, and each stay in a zone once."""

    kind: ClassVar[str] = "person_count"
    title: ClassVar[str] = "Person count"
    Parameters: ClassVar[type] = PersonCountParameters
    classes = frozenset(PERSON_CLASSES)

    def __init__(
        self,
        scene: Scene,
        frame_width: int,
        frame_height: int,
        parameters: PersonCountParameters | None = None,
        *,
        view: CameraView | None = None,
    ) -> None:
        settings = parameters or PersonCountParameters()
        memories = view.memories if view is not None else CameraMemories(scene.anchor)
        self._selection = TrackSelection(self.classes, settings.minimum_confidence)
        self._counter = LineCounter(
            chosen(scene.lines, settings.lines),
            frame_width,
            frame_height,
            scene.anchor,
            memory=memories.keeping(HEIR_S),
            turn_back_s=settings.turn_back_s,
        )
        self._monitor = ZoneMonitor(
            chosen(scene.zones, settings.zones),
            frame_width,
            frame_height,
            scene.anchor,
            VisitParameters(settings.minimum_stay_s, settings.reentry_s),
            memory=memories.keeping(settings.reentry_s),
        )

    def step(self, tracks: Tracks, time_s: float, frame_index: int) -> SensedFacts:
        counted = self._selection.mask(tracks)
        return SensedFacts(
            crossings=tuple(self._counter.update(tracks, time_s, frame_index, counted)),
            visits=tuple(self._monitor.update(tracks, time_s, counted)),
            occupancy=self._monitor.occupancy(),
        )

    def finish(self, time_s: float) -> SensedFacts:
        return SensedFacts(
            crossings=tuple(self._counter.finish()), visits=tuple(self._monitor.finish())
        )
