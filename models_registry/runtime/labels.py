"""The label lists that detectors are trained with most often."""

from __future__ import annotations

_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,"
    "stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,"
    "backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,"
    "baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,"
    "knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,"
    "chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
COCO_80 = tuple(_NAMES.split(","))
# Ids of the original paper that no annotation uses; models trained on ids 1-90 keep the holes.
_UNUSED_IDS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})


def _with_holes() -> tuple[str, ...]:
    names = iter(COCO_80)
    return tuple(f"unused_{i}" if i in _UNUSED_IDS else next(names) for i in range(1, 91))


COCO_90 = _with_holes()  # index 0 is id 1, "person"
COCO_91 = ("background", *COCO_90)


def default_labels(count: int) -> tuple[str, ...] | None:
    """The list that a class count gives away, or ``None`` when it could be anything."""
    return {80: COCO_80, 90: COCO_90, 91: COCO_91}.get(count)


def numbered_labels(count: int) -> tuple[str, ...]:
    """Stand-ins for labels that nobody stated."""
    return tuple(f"class_{i}" for i in range(count))
