"""The one place where an ONNX Runtime session is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from models_registry.runtime.errors import ModelUnusable

ERRORS_ONLY = 3
# The runtime's own errors share no base class; besides them it raises Python's for wrong arguments.
RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
    ValueError,
    TypeError,
)
ELEMENT_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A declared input or output; an open dimension is ``None``."""

    name: str
    shape: tuple[int | None, ...]
    element_type: type[np.generic]


class Session:
    """A loaded model. Raises ``ModelUnusable`` (``not_loadable``, ``run_failed``)."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        try:
            self._session = ort.InferenceSession(
                model, _options(threads), providers=["CPUExecutionProvider"]
            )
        except RUNTIME_ERRORS as error:
            raise ModelUnusable(
                "not_loadable", f"ONNX Runtime refused it: {_short(error)}"
            ) from error
        self.inputs = tuple(_tensor(x) for x in self._session.get_inputs())
        self.outputs = tuple(_tensor(x) for x in self._session.get_outputs())
        self._output_names = [x.name for x in self.outputs]

    @property
    def metadata(self) -> dict[str, str]:
        """What the exporter wrote into the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs in declared order, in memory of their own."""
        try:
            return list(self._session.run(self._output_names, feeds))
        except RUNTIME_ERRORS as error:
            raise ModelUnusable(
                "run_failed", f"the model failed on a frame: {_short(error)}"
            ) from error

    def bind(self, feeds: dict[str, NDArray[Any]]) -> Bound | None:
        """A run over fixed memory (no copy of input or outputs); ``None`` if a shape is open."""
        shapes = [[n for n in x.shape if n is not None] for x in self.outputs]
        if any(len(s) != len(x.shape) for s, x in zip(shapes, self.outputs, strict=True)):
            return None
        arrays = [np.zeros(s, x.element_type) for s, x in zip(shapes, self.outputs, strict=True)]
        return Bound(self._session, feeds, dict(zip(self._output_names, arrays, strict=True)))


class Bound:
    """Reads the same input arrays and fills the same output arrays each time."""

    def __init__(
        self,
        session: ort.InferenceSession,
        feeds: dict[str, NDArray[Any]],
        outputs: dict[str, NDArray[Any]],
    ) -> None:
        self._session, self._feeds = session, feeds  # the arrays must outlive the binding
        self.outputs = list(outputs.values())
        self._binding = session.io_binding()
        for name, array in feeds.items():
            self._binding.bind_input(
                name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data
            )
        for name, array in outputs.items():
            self._binding.bind_output(
                name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data
            )

    def run(self) -> list[NDArray[Any]]:
        """The outputs; the next run overwrites them."""
        try:
            self._session.run_with_iobinding(self._binding)
        except RUNTIME_ERRORS as error:
            raise ModelUnusable(
                "run_failed", f"the model failed on a frame: {_short(error)}"
            ) from error
        return self.outputs


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = ERRORS_ONLY
    # Spinning idle threads would burn the cores that the other cameras of a small box need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _tensor(declared: Any) -> Tensor:
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in declared.shape or ())
    if declared.type not in ELEMENT_TYPES:
        raise ModelUnusable(
            "not_loadable", f"expected numeric tensors, got {declared.name!r} of {declared.type}"
        )
    return Tensor(declared.name, shape, ELEMENT_TYPES[declared.type])


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
