"""Files that were spoilt before they came here."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper


def no_number_in(model: onnx.ModelProto) -> str | None:
    """The name of the first constant that holds NaN. Infinity may be meant: masks hold it."""
    for held in model.graph.initializer:
        values = numpy_helper.to_array(held)
        if values.dtype.kind == "f" and np.isnan(values).any():
            return str(held.name)
    return None
