"""DATEX II version 3: MeasuredDataPublication and MeasurementSiteTablePublication.

A measurement site is one direction at one counting line. Flows are in vehicles an hour even for
bins of a minute, speeds in km/h, whatever unit the site's pages use. A bin in which nothing was
observed is a siteMeasurements element without quantities; a flow of 0 is a road without traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

NAMESPACES: Mapping[str, str] = MappingProxyType(
    {
        "d2": "http://datex2.eu/schema/3/d2Payload",
        "com": "http://datex2.eu/schema/3/common",
        "loc": "http://datex2.eu/schema/3/locationReferencing",
        "roa": "http://datex2.eu/schema/3/roadTrafficData",
        "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    }
)
VEHICLE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "car": "car",
        "truck": "lorry",
        "bus": "bus",
        "motorcycle": "motorcycle",
        "bicycle": "bicycle",
    }
)
FLOW_INDEX, SPEED_INDEX, FIRST_CLASS_INDEX = 1, 2, 3
TABLE_VERSION = "1"
SITES_PER_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Site:
    """One direction at one line; ``id`` is the same in both publications."""

    id: str
    name: str
    latitude_deg: float | None = None
    longitude_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one site measured in a bin. ``flow_per_h`` is None where nothing was observed; ``count``
    vehicles are behind it. ``class_flows`` by class of the camera: (vehicles an hour, count)."""

    site_id: str
    start: datetime
    width_s: float
    flow_per_h: float | None
    count: int = 0
    pcu_per_h: float | None = None
    speed_kmh: float | None = None
    speeds: int = 0
    class_flows: Mapping[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """Who publishes, when, for which table of sites."""

    at: datetime
    country: str
    creator: str
    table_id: str


def measured_data(publication: Publication, measurements: Iterable[Measurement]) -> Iterator[bytes]:
    """The publication, a portion of sites at a time."""
    yield (
        _open("roa:MeasuredDataPublication", publication) + _table_reference(publication)
    ).encode()
    waiting: list[str] = []
    for measurement in measurements:
        waiting.append(_measurement(measurement))
        if len(waiting) == SITES_PER_CHUNK:
            yield "".join(waiting).encode()
            waiting = []
    yield ("".join(waiting) + "</d2:payload>\n").encode()


def site_table(publication: Publication, sites: Iterable[Site], period_s: float) -> Iterator[bytes]:
    """Where the sites are and what their indexed quantities mean, for bins of ``period_s``."""
    table = quoteattr(publication.table_id)
    yield (
        _open("roa:MeasurementSiteTablePublication", publication)
        + _header()
        + f"<roa:measurementSiteTable id={table} version={quoteattr(TABLE_VERSION)}>\n"
    ).encode()
    for site in sites:
        yield _site(site, period_s).encode()
    yield b"</roa:measurementSiteTable>\n</d2:payload>\n"


def _open(kind: str, publication: Publication) -> str:
    names = " ".join(f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in NAMESPACES.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<d2:payload {names} xsi:type="{kind}" lang="en" modelBaseVersion="3">\n'
        f"<com:publicationTime>{_time(publication.at)}</com:publicationTime>\n"
        f"<com:publicationCreator><com:country>{escape(publication.country)}</com:country>"
        f"<com:nationalIdentifier>{_text(publication.creator)}</com:nationalIdentifier>"
        "</com:publicationCreator>\n"
    )


def _table_reference(publication: Publication) -> str:
    return (
        f"<roa:measurementSiteTableReference id={quoteattr(publication.table_id)}"
        f' version="{TABLE_VERSION}" targetClass="roa:MeasurementSiteTable"/>\n' + _header()
    )


def _header() -> str:
    return (
        "<roa:headerInformation><com:informationStatus>real</com:informationStatus>"
        "</roa:headerInformation>\n"
    )


def _measurement(m: Measurement) -> str:
    parts = [
        f"<roa:siteMeasurements><roa:measurementSiteReference id={quoteattr(m.site_id)}"
        f' version="{TABLE_VERSION}" targetClass="roa:MeasurementSite"/>\n'
    ]
    if m.flow_per_h is not None:
        parts.append(_flow(FLOW_INDEX, m.flow_per_h, m.count, pcu_per_h=m.pcu_per_h))
        if m.speed_kmh is not None:
            parts.append(_speed(m.speed_kmh, m.speeds))
        for index, name in enumerate(VEHICLE_TYPES, FIRST_CLASS_INDEX):
            rate, count = m.class_flows.get(name, (0.0, 0))
            parts.append(_flow(index, rate, count, vehicle=VEHICLE_TYPES[name]))
    parts.append(
        "<roa:measurementTimeDefault><roa:timeMeaning>beginTime</roa:timeMeaning>"
        f"<roa:timeValue>{_time(m.start)}</roa:timeValue></roa:measurementTimeDefault>"
        "</roa:siteMeasurements>\n"
    )
    return "".join(parts)


def _flow(
    index: int, rate: float, count: int, *, vehicle: str = "", pcu_per_h: float | None = None
) -> str:
    inside = _vehicle("forVehiclesWithCharacteristicsOf", vehicle) if vehicle else ""
    if pcu_per_h is not None:
        inside += (
            f"<roa:pcuFlow><roa:pcuFlowRate>{round(pcu_per_h)}</roa:pcuFlowRate></roa:pcuFlow>"
        )
    inside += (
        f'<roa:vehicleFlow numberOfInputValuesUsed="{count}">'
        f"<com:vehicleFlowRate>{round(rate)}</com:vehicleFlowRate></roa:vehicleFlow>"
    )
    return _quantity(index, "roa:TrafficFlow", inside)


def _speed(speed_kmh: float, speeds: int) -> str:
    return _quantity(
        SPEED_INDEX,
        "roa:TrafficSpeed",
        f'<roa:averageVehicleSpeed numberOfInputValuesUsed="{speeds}">'
        f"<com:speed>{speed_kmh:.1f}</com:speed></roa:averageVehicleSpeed>",
    )


def _quantity(index: int, kind: str, inside: str) -> str:
    return (
        f'<roa:physicalQuantity index="{index}">'
        '<roa:physicalQuantity xsi:type="roa:SinglePhysicalQuantity">'
        f'<roa:basicData xsi:type="{kind}">{inside}</roa:basicData>'
        "</roa:physicalQuantity></roa:physicalQuantity>\n"
    )


def _vehicle(element: str, vehicle: str) -> str:
    return f"<roa:{element}><com:vehicleType>{vehicle}</com:vehicleType></roa:{element}>"


def _site(site: Site, period_s: float) -> str:
    indexed = [
        _characteristics(FLOW_INDEX, "trafficFlow", period_s, "anyVehicle"),
        _characteristics(SPEED_INDEX, "trafficSpeed", period_s, "anyVehicle"),
        *(
            _characteristics(index, "trafficFlow", period_s, vehicle)
            for index, vehicle in enumerate(VEHICLE_TYPES.values(), FIRST_CLASS_INDEX)
        ),
    ]
    return (
        f"<roa:measurementSite id={quoteattr(site.id)} version={quoteattr(TABLE_VERSION)}>\n"
        "<roa:measurementEquipmentTypeUsed><com:values>"
        '<com:value lang="en">video</com:value></com:values></roa:measurementEquipmentTypeUsed>\n'
        "<roa:measurementSiteName><com:values>"
        f'<com:value lang="en">{_text(site.name)}</com:value>'
        "</com:values></roa:measurementSiteName>\n"
        + "".join(indexed)
        + '<roa:measurementSiteLocation xsi:type="loc:PointLocation"><loc:pointByCoordinates>'
        f"<loc:pointCoordinates><loc:latitude>{site.latitude_deg:.6f}</loc:latitude>"
        f"<loc:longitude>{site.longitude_deg:.6f}</loc:longitude></loc:pointCoordinates>"
        "</loc:pointByCoordinates></roa:measurementSiteLocation>\n</roa:measurementSite>\n"
    )


def _characteristics(index: int, kind: str, period_s: float, vehicle: str) -> str:
    return (
        f'<roa:measurementSpecificCharacteristics index="{index}">'
        "<roa:measurementSpecificCharacteristics>"
        f"<roa:period>{period_s:g}</roa:period>"
        f"<roa:specificMeasurementValueType>{kind}</roa:specificMeasurementValueType>"
        + _vehicle("specificVehicleCharacteristics", vehicle)
        + "</roa:measurementSpecificCharacteristics></roa:measurementSpecificCharacteristics>\n"
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(text: str) -> str:
    # XML has no place for control characters, escaped or not.
    return escape("".join(c if c.isprintable() else " " for c in text))
