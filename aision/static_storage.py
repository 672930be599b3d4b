"""How static files are named: by their content, so that a browser never mixes two versions."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

CSS: Any = HashedFilesMixin.patterns[0]
# No public name gives the pattern of imports without binding it to every .js file.
MODULES: Any = HashedFilesMixin._js_module_import_aggregation_patterns  # type: ignore[attr-defined]


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Follows the references of style sheets and the imports between our own ES modules.

    Vendored bundles import nothing, and searching megabytes of them for imports takes half a minute
    on a small box.
    """

    patterns = (CSS, ("js/*.js", MODULES[1]))
    # A chain of imports takes one pass per link.
    max_post_process_passes = 30
