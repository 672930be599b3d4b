"""Celery: jobs that take longer than a request (pruning now). Video never runs here."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aision.settings")
# A broker URL may only name a registered scheme.
TRANSPORT_ALIASES["aision"] = "aision.broker:Transport"
app = Celery("aision")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
