"""Delete results older than the site keeps them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from sensing.services import prune


class Command(BaseCommand):
    help = "Deletes crossings, visits and counts that are older than the site's settings keep them."

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune(now=timezone.now())
        self.stdout.write(
            f"Deleted {pruned.crossings} crossings, {pruned.visits} visits,"
            f" {pruned.minutes} minutes of counts."
        )
