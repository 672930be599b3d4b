"""What the classes of a model and of a set of labels are called, so that both can be compared."""

from __future__ import annotations

VEHICLES = ("bicycle", "car", "motorcycle", "bus", "truck")
# Other words for a COCO class. No narrower ones: a van is not a car until somebody says so.
_OTHER_WORDS = {
    "pedestrian": "person",
    "people": "person",
    "persons": "person",
    "motorbike": "motorcycle",
    "lorry": "truck",
    "automobile": "car",
}


def class_name(name: str) -> str:
    """The word used here for a class: lower case, COCO's where it is only another word for it."""
    plain = " ".join(name.replace("_", " ").split()).lower()
    return _OTHER_WORDS.get(plain, plain)
