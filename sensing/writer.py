"""The one batching writer of the sensing process: messages in, rows and live counts out.

It runs beside the loop that reads the workers, so that a database that is slow or away delays
neither frames nor overlays. Facts wait in memory and are tried again until they are stored.
"""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, DataError, IntegrityError, connection

from sensing.ingest import Ingested, ingest
from sensing.ingest.deployments import VersionMessage, store_version_message
from sensing.ingest.drift import store_drift_report
from sensing.publishing import CountsPublisher, crossing_items, speed_item
from sensing.recount.arriving import store_strip_block
from sensing.uplink import Uplink
from sensing.worker.messages import DriftReport, Facts, Status, StripBlock

log = logging.getLogger(__name__)

BATCH_EVERY_S = 0.5
RETRY_AFTER_S = 2.0
# Speeds whose crossing is not stored: it was refused, or comes later.
HOMELESS_TRIES, MOST_HOMELESS = 60, 500

Report = VersionMessage | StripBlock | DriftReport


class Writer:
    """``put`` from any thread; ``finish`` stores what is left and says what it could not."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._counts = CountsPublisher()
        self._waiting: list[Facts | Status] = []
        self._reports: list[Report] = []
        self._homeless: list[Facts] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, message: Facts | Status | Report) -> None:
        with self._lock:
            if isinstance(message, Facts | Status):
                self._waiting.append(message)
            else:
                self._reports.append(message)

    def finish(self, timeout_s: float) -> int:
        """Store the rest. Returns the number of messages with facts that could not be stored."""
        self._stopping.set()
        self._thread.join(timeout_s)
        with self._lock:
            return sum(isinstance(m, Facts) for m in self._waiting)

    def _run(self) -> None:
        pause_s = BATCH_EVERY_S
        try:
            while True:
                stopping = self._stopping.wait(pause_s)
                stored = self._store() and self._store_reports()
                pause_s = BATCH_EVERY_S if stored else RETRY_AFTER_S
                if stopping:
                    break
        finally:
            connection.close()

    def _stored(self, ingested: Ingested) -> None:
        self._counts.changed(ingested.cameras)
        for row in ingested.measured:
            self._uplink.send(speed_item(row))
        again = [message for message in ingested.homeless if -message.sequence < HOMELESS_TRIES]
        self._homeless = again[-MOST_HOMELESS:]

    def _store_singly(self, batch: list[Facts | Status]) -> list[Facts | Status]:
        """One message that no row can hold must not keep back all others. Returns the stored."""
        stored = []
        for message in batch:
            try:
                self._stored(ingest([message]))
                stored.append(message)
            except (DataError, IntegrityError):
                log.exception("refused for ever by the database: %s", message)
        return stored

    def _store_reports(self) -> bool:
        """What workers say of their detectors and cameras, one by one: few, and each in its own
        transaction."""
        with self._lock:
            messages, self._reports = self._reports, []
        while messages:
            try:
                _store_report(messages[0])
            except (DataError, IntegrityError):
                log.exception("refused for ever by the database: %s", messages[0])
            except DatabaseError:
                log.exception("not stored, will be tried again: %s", messages[0])
                connection.close()
                with self._lock:
                    self._reports = messages + self._reports
                return False
            del messages[0]
        return True

    def _store(self) -> bool:
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            if batch or self._homeless:
                self._stored(ingest([*latest_statuses(batch), *self._homeless]))
            overlays, _ = self._uplink.watched()
            for item in self._counts.due(overlays):
                self._uplink.send(item)
        except (DataError, IntegrityError):
            batch = self._store_singly(batch)
        except DatabaseError:
            log.exception("results not stored, will be tried again: %d messages", len(batch))
            connection.close()
            with self._lock:
                self._waiting = latest_statuses(batch + self._waiting)
            return False
        for message in batch:
            if isinstance(message, Facts):
                for item in crossing_items(message):
                    self._uplink.send(item)
        return True


def _store_report(message: Report) -> None:
    match message:
        case StripBlock():
            store_strip_block(message)
        case DriftReport():
            store_drift_report(message)
        case _:
            store_version_message(message)


def latest_statuses(messages: list[Facts | Status]) -> list[Facts | Status]:
    """All facts, and of each camera's statuses only the last: the rest is history nobody keeps."""
    last = {m.camera_id: i for i, m in enumerate(messages) if isinstance(m, Status)}
    return [m for i, m in enumerate(messages) if isinstance(m, Facts) or last[m.camera_id] == i]
