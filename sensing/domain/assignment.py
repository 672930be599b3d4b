"""scipy's optimal assignment without the rest of ``scipy.optimize``.

That package takes a second of CPU and some 45 MB to import. Every camera has a process of its own,
which must be back within three seconds when it was killed; all it needs is one compiled function.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray

Assign = Callable[[NDArray[np.floating]], tuple[NDArray[np.intp], NDArray[np.intp]]]
NAME = "linear_sum_assignment"


def compiled_assignment() -> Assign | None:
    """The function from scipy's extension file; None where scipy has moved it."""
    folder = Path(scipy.__file__).parent / "optimize"
    for ending in importlib.machinery.EXTENSION_SUFFIXES:
        path = folder / f"_lsap{ending}"
        spec = importlib.util.spec_from_file_location("scipy.optimize._lsap", path)
        if path.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found: Assign | None = getattr(module, NAME, None)
            return found
    return None


def documented_assignment() -> Assign:
    """The function where scipy documents it."""
    found: Assign = getattr(importlib.import_module("scipy.optimize"), NAME)
    return found


linear_sum_assignment: Assign = compiled_assignment() or documented_assignment()
"""(rows, columns) of the assignment of least total cost; as ``scipy.optimize`` documents it."""
