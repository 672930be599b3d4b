"""Object classes: the names detectors use, the class each is counted as, its group and its size."""

from __future__ import annotations

from sensing.domain.results import Size

VEHICLE_CLASSES = ("car", "truck", "bus", "motorcycle", "bicycle")
PERSON_CLASSES = ("person",)
LARGE_CLASSES = frozenset({"bus", "truck"})

# What models call things → what we count them as.
_ALIASES = {
    "van": "car",
    "pickup": "car",
    "suv": "car",
    "taxi": "car",
    "minibus": "bus",
    "lorry": "truck",
    "juggernaut": "truck",
    "motorbike": "motorcycle",
    "bike": "bicycle",
    "cyclist": "bicycle",
    "pedestrian": "person",
    "people": "person",
}

VEHICLE, PERSON, CYCLE, OTHER = range(4)
_GROUPS = {
    "car": VEHICLE,
    "truck": VEHICLE,
    "bus": VEHICLE,
    "train": VEHICLE,
    "vehicle": VEHICLE,
    "person": PERSON,
    "bicycle": CYCLE,
    "motorcycle": CYCLE,
}


def counted_class(label: str) -> str:
    """The class a detector's label is counted as: ``van`` → ``car``; an unknown label stays
    itself."""
    name = label.strip().lower()
    return _ALIASES.get(name, name)


def group_of(label: str) -> int:
    """The group within which a detector may change its mind about one and the same object."""
    return _GROUPS.get(counted_class(label), OTHER)


def size_of(object_class: str) -> Size:
    """Small or large in the traffic sense (小型/大型); empty for what is no vehicle."""
    if object_class in LARGE_CLASSES:
        return "large"
    return "small" if object_class in VEHICLE_CLASSES else ""
