"""Orders for exports, checked; and exports that are written by the clock."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.services.actor import Actor, user_id
from sensing.export.names import slug
from sensing.export.order import MOST_BINS, WHATS, Details, Order
from sensing.export.periods import begin_of
from sensing.models import Camera, EveryChoice, ExportWhatChoice, ScheduledExport
from sensing.selectors.site import site_time_zone

logger = logging.getLogger(__name__)

SCHEDULE_FIELDS = frozenset({"name", "every", "at", "enabled", "keep_files"})
FUNCTIONAL_CLASS = re.compile(r"[1-7][RU]")


def checked_order(order: Order) -> Order:
    """The order if it can be carried out; raises ``Refused``."""
    what = WHATS.get(order.what)
    if what is None:
        raise Refused("what", _expected(WHATS, order.what), "what")
    if order.file_format not in what.formats:
        raise Refused("format", _expected(what.formats, order.file_format), "format")
    _check_bin(what.bins, order)
    _check_period(what.most_days, order)
    known = set(Camera.objects.filter(pk__in=order.camera_ids).values_list("pk", flat=True))
    if missing := [pk for pk in order.camera_ids if pk not in known]:
        raise Refused("camera", _("There is no camera %(id)d.") % {"id": missing[0]}, "camera")
    _check_details(order)
    return order


def _check_bin(bins: tuple[int, ...], order: Order) -> None:
    if not bins and order.bin_minutes is not None:
        raise Refused("bin", _("Expected no bin: these are not in bins of your choice."), "bin")
    if bins and order.bin_minutes not in bins:
        raise Refused("bin", _expected(bins, order.bin_minutes), "bin")


def _check_period(most_days: int | None, order: Order) -> None:
    if order.start >= order.end:
        raise Refused("to", _("Expected a time after “from”."), "to")
    length = order.end - order.start
    # A day on which clocks go back belongs to it.
    if most_days is not None and length > timedelta(days=most_days, hours=1):
        days = {"most": most_days, "days": length.days}
        raise Refused("to", _("Expected at most %(most)d days, got %(days)d.") % days, "to")
    if order.bin_minutes and length > timedelta(minutes=MOST_BINS * order.bin_minutes):
        bins = {"most": MOST_BINS, "bins": int(length / timedelta(minutes=order.bin_minutes))}
        text = _("Expected at most %(most)d bins, got %(bins)d: choose longer bins.")
        raise Refused("bin", text % bins, "bin")


def _check_details(order: Order) -> None:
    details = order.details
    if order.what in ("tmg", "datex_sites"):
        one = len(order.camera_ids) == 1 or (not order.camera_ids and Camera.objects.count() == 1)
        if not one:
            text = _("Expected one camera: the place and the direction are those of one.")
            raise Refused("camera", text, "camera")
    if order.what in ("datex", "datex_sites") and not re.fullmatch("[a-z]{2}", details.country):
        text = _("Expected a country of two small letters such as de, got “%(got)s”.")
        raise Refused("country", text % {"got": details.country}, "country")
    if order.what == "datex_sites":
        _within("latitude", details.latitude_deg, -90, 90)
        _within("longitude", details.longitude_deg, -180, 180)
    if order.what == "tmg":
        _within("state_code", details.state_code, 1, 99)
        _within("heading", details.heading, 1, 8)
        if not FUNCTIONAL_CLASS.fullmatch(details.functional_class):
            text = _("Expected 1 to 7 followed by R or U, such as 3U, got “%(got)s”.")
            got = {"got": details.functional_class}
            raise Refused("functional_class", text % got, "functional_class")


def _within(name: str, value: float | None, least: float, most: float) -> None:
    if value is None or not least <= value <= most:
        text = _("Expected a number from %(least)s to %(most)s, got %(got)s.")
        got = {"least": least, "most": most, "got": _("nothing") if value is None else value}
        raise Refused(name, text % got, name)


def _expected(choices: Iterable[Any], got: Any) -> str:
    return _("Expected one of %(choices)s, got “%(got)s”.") % {
        "choices": ", ".join(str(choice) for choice in choices),
        "got": _("nothing") if got in (None, "") else got,
    }


def schedule_order(schedule: ScheduledExport, start: datetime, end: datetime) -> Order:
    """What a schedule orders for a period; raises ``Refused`` where nothing is left of it."""
    cameras = tuple(sorted(schedule.cameras.values_list("pk", flat=True)))
    if not cameras and not schedule.all_cameras:
        # Without them it would become an export of all the others.
        raise Refused("camera", _("Every camera of this export was deleted."), "cameras")
    names = {field.name for field in fields(Details)}
    details = {name: value for name, value in schedule.details.items() if name in names}
    return Order(
        schedule.what,
        schedule.file_format,
        start,
        end,
        schedule.bin_minutes,
        () if schedule.all_cameras else cameras,
        Details(**details),
    )


def schedule_create(*, by: Actor, order: Order, **given: Any) -> ScheduledExport:
    """A schedule whose first file is that of the period that ends next; ``order`` says what, in
    which format, of which cameras. Raises ``Refused``."""
    schedule = ScheduledExport(created_by_id=user_id(by), folder="new", done_until=timezone.now())
    return _save(schedule, order, given)


def schedule_change(
    *, by: Actor, schedule: ScheduledExport, order: Order, **given: Any
) -> ScheduledExport:
    """Change what is given; its files stay where they are. Raises ``Refused``."""
    logger.info("scheduled export %s changed by %s", schedule.pk, by)
    return _save(schedule, order, given)


def schedule_delete(*, by: Actor, schedule: ScheduledExport) -> None:
    """Its files stay in their folder."""
    logger.info("scheduled export %s deleted by %s", schedule.pk, by)
    schedule.delete()


def schedule_run(*, by: Actor, schedule: ScheduledExport) -> ScheduledExport:
    """Have the last finished period written now, again if it was."""
    logger.info("scheduled export %s asked for by %s", schedule.pk, by)
    schedule.run_asked_at = timezone.now()
    schedule.save(update_fields=["run_asked_at"])
    return schedule


def _save(schedule: ScheduledExport, order: Order, given: Mapping[str, Any]) -> ScheduledExport:
    if unknown := given.keys() - SCHEDULE_FIELDS:
        raise TypeError(f"a schedule has no {', '.join(sorted(unknown))}")
    for name, value in given.items():
        setattr(schedule, name, value)
    if schedule.every not in EveryChoice.values:
        raise Refused("every", _expected(EveryChoice.values, schedule.every), "every")
    zone = site_time_zone()
    # The longest period that a file of this schedule will hold.
    end = begin_of(timezone.now(), schedule.every, zone)  # type: ignore[arg-type]  # checked above
    lengths = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31}
    trial = Order(
        order.what,
        order.file_format,
        end - timedelta(days=lengths[schedule.every]),
        end,
        order.bin_minutes,
        order.camera_ids,
        order.details,
    )
    checked_order(trial)
    if schedule.every == "hour" and (order.bin_minutes or 0) > 60:
        raise Refused("bin", _("Expected a bin of an hour at most for an hourly export."), "bin")
    schedule.what, schedule.file_format = order.what, order.file_format
    schedule.bin_minutes, schedule.details = order.bin_minutes, asdict(order.details)
    schedule.all_cameras = not order.camera_ids
    first = schedule._state.adding
    if first:
        # The period that is running now is the first to be written.
        schedule.done_until = end
    try:
        schedule.full_clean(exclude=["created_by", "folder"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused("invalid", " ".join(messages), field) from error
    with transaction.atomic():
        if first:
            schedule.folder = f"new-{timezone.now().timestamp():.6f}"
        schedule.save()
        if first:
            schedule.folder = f"{schedule.pk:04d}-{slug(schedule.name)}"
            schedule.save(update_fields=["folder"])
        schedule.cameras.set(order.camera_ids)
    return schedule


def what_title(what: str) -> str:
    return str(ExportWhatChoice(what).label)
