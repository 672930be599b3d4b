"""How static files are named: by their content, so that a browser never mixes two versions."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Also follows the imports between our ES modules."""

    support_js_module_import_aggregation = True
    # A chain of imports takes one pass per link.
    max_post_process_passes = 30
