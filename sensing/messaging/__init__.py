"""Sending what was counted to other systems: an MQTT broker and webhooks.

``collect`` turns rows into messages in a spool in the database, ``mqtt_sender`` and
``webhook_sender`` empty it, ``run`` holds their threads. Nothing here slows counting: a target that
is away leaves rows in the spool, within a stated bound.
"""

from __future__ import annotations
