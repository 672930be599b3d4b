"""Models: uploaded, inspected, measured, compressed, deployed."""

from __future__ import annotations

import os

# Otherwise ONNX Runtime writes an identifier of this machine into the home folder when it is
# imported, collects events beside it and tries to send them; it asks for this only at import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
