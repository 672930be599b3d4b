"""What a certificate of accuracy says, as a document that explains itself for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings

from sensing.domain.recounting import (
    DIRECTIONS,
    FEW,
    TOLERANCE_S,
    Agreement,
    Score,
    recount_agreement,
)
from sensing.domain.statistics.agreement import CountAgreement, Share, confusion_matrix
from sensing.domain.strip import gaps_between
from sensing.models import Recount
from sensing.recount.review import ADDED, found_events, true_events
from sensing.selectors.site import current_site

Document = dict[str, Any]


def agreement_of(recount: Recount) -> Agreement:
    """The result of a recount as it stands."""
    return recount_agreement(
        found_events(recount),
        true_events(recount),
        lines=[str(line["id"]) for line in recount.lines],
        spans=[(float(a), float(b)) for a, b in recount.spans],
    )


def certificate_document(recount: Recount, *, operator: str, now: datetime) -> Document:
    """Everything that a certificate states; codes and numbers, no words."""
    agreement = agreement_of(recount)
    site = current_site()
    return {
        "version": 1,
        "site": site.name,
        "time_zone": site.time_zone,
        "camera": {"id": recount.camera_id, "name": recount.camera.name},
        "recount": {"id": recount.pk, "revision": recount.revision, "kind": recount.kind},
        "clip": recount.clip_name,
        "period": _period(recount),
        "in_service": {
            "models": recount.detectors,
            "analysed_fps": recount.analysed_fps,
            "calibration": recount.calibration_id,
            "scene_revision": recount.scene_revision,
            "gateway": settings.VERSION,
        },
        "issued": {"at": now.isoformat(), "operator": operator},
        "method": {
            "tolerance_s": TOLERANCE_S,
            "judged": len(recount.system_marks),
            "added": sum(bool(ADDED.fullmatch(name)) for name in recount.review),
            "looked_through": True,
            "bin_s": agreement.bin_s,
            "interval": "wilson95",
            "few_below": FEW,
        },
        **_results(recount, agreement),
    }


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of the document in one spelling."""
    spelt = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(spelt.encode()).hexdigest()


def _period(recount: Recount) -> Document:
    whole = (0.0, recount.duration_s)
    spans = [(float(a), float(b)) for a, b in recount.spans]
    start = recount.starts_at
    end = start + timedelta(seconds=recount.duration_s) if start else None
    return {
        "start": start.isoformat() if start else None,
        "end": end.isoformat() if end else None,
        "duration_s": round(recount.duration_s, 3),
        "observed_s": round(sum(b - a for a, b in spans), 3),
        "gaps": [[round(a, 3), round(b, 3)] for a, b in gaps_between(spans, whole)],
    }


def _results(recount: Recount, agreement: Agreement) -> Document:
    names, rows = confusion_matrix(agreement.confusion)
    return {
        "total": _score(agreement.total),
        "few": agreement.few,
        "lines": [
            {
                "id": line["id"],
                "name": line["name"],
                "directions": [
                    {
                        "direction": direction,
                        **_score(agreement.by_line[line["id"], direction]),
                        "geh": _rounded(agreement.geh.get((line["id"], direction))),
                    }
                    for direction in DIRECTIONS
                ],
            }
            for line in recount.lines
        ],
        "wape": {"bins": _counts(agreement.counts), "totals": _counts(agreement.totals)},
        "geh_stated": bool(agreement.geh),
        "classes": {
            "names": names,
            "rows": rows,
            "accuracy": _share(agreement.class_accuracy),
        },
        "bins": [asdict(part) for part in agreement.bins],
    }


def _score(score: Score) -> Document:
    return {
        "automatic": score.automatic,
        "manual": score.manual,
        "matched": score.matched,
        "wrong": score.wrong,
        "missed": score.missed,
        "precision": _share(score.precision),
        "recall": _share(score.recall),
        "f1": _share(score.f1),
        "wape_percent": _rounded(score.wape_percent),
    }


def _share(share: Share) -> Document:
    return {
        "hits": share.hits,
        "of": share.of,
        "value": _rounded(share.value),
        "low": _rounded(share.low),
        "high": _rounded(share.high),
    }


def _counts(counts: CountAgreement) -> Document:
    return {
        "wape_percent": _rounded(counts.wape_percent),
        "bias_percent": _rounded(counts.bias_percent),
        "bins": counts.bins,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
