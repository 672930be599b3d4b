"""Files that no gateway should take in: damaged, foreign, greedy, endless, misleading.

Each is built in code and small on disk; where a size is the point, the file is sparse.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from models_registry.sandbox.limits import MIB, Limits
from tests.hostile_graphs import (
    circle,
    classifier,
    declaring,
    doubling_loop,
    endless_loop,
    exploding_constant,
    exploding_resize,
    external_constant_in_a_branch,
    external_initializer,
    fails_on_every_frame,
    function_bomb,
    good,
    long_metadata,
    made_twice,
    many_nodes,
    many_weights,
    model,
    nested_branches,
    one_input,
    recursive_function,
    relu,
    sequence_input,
    sparse_giant,
    two_pictures,
    weighted,
)
from tests.hostile_packages import (
    beyond_the_limit,
    encrypted_package,
    long_doc_string,
    lying_package,
    noise,
    package,
    with_contract,
    zip_bomb,
)

QUICK = Limits(memory_bytes=1500 * MIB, cpu_s=20, wall_s=60)


@dataclass(frozen=True)
class HostileFile:
    """``code``: what it is refused with. ``build`` gives its content; ``write_to`` writes it.

    ``runs``: refusing it takes a sandbox, since it loops or allocates without end.
    """

    name: str
    code: str
    build: Callable[[], bytes | onnx.ModelProto] = bytes
    write_to: Callable[[Path], None] | None = None
    limits: Limits = QUICK
    runs: bool = False

    def write(self, folder: Path) -> Path:
        """The file, in ``folder``."""
        path = folder / f"{self.name.replace(' ', '_')}.upload"
        if self.write_to is not None:
            self.write_to(path)
        else:
            content = self.build()
            path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return path


HOSTILE_FILES = (
    HostileFile("nothing", "empty"),
    HostileFile("noise", "not_onnx", noise),
    HostileFile("a web page", "not_onnx", lambda: b"<html><body>404</body></html>"),
    HostileFile("a pickle", "not_onnx", lambda: b"\x80\x04\x95\x10cposix\nsystem\n."),
    HostileFile("a picture", "not_onnx", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100)),
    HostileFile("no graph", "not_onnx", lambda: onnx.ModelProto(ir_version=8)),
    HostileFile("no nodes", "not_onnx", lambda: model([])),
    HostileFile("half a model", "truncated", lambda: good()[: len(good()) // 2]),
    HostileFile("a model less one byte", "truncated", lambda: good()[:-1]),
    HostileFile("more than the limit", "too_large", write_to=beyond_the_limit),
    HostileFile("a long doc string", "too_large", write_to=long_doc_string),
    HostileFile("long metadata", "too_large", long_metadata),
    HostileFile("external weights", "external_data", external_initializer),
    HostileFile("external constant in a branch", "external_data", external_constant_in_a_branch),
    HostileFile(
        "an operator of its own",
        "custom_operator",
        lambda: model(
            [helper.make_node("Evil", ["images"], ["out"], domain="evil.corp")],
            domains=["evil.corp"],
        ),
    ),
    HostileFile(
        "an operator nobody knows",
        "custom_operator",
        lambda: model([helper.make_node("Teleport", ["images"], ["out"])]),
    ),
    HostileFile(
        "a contrib operator that no quantizer writes",
        "custom_operator",
        lambda: model(
            [helper.make_node("Inverse", ["images"], ["out"], domain="com.microsoft")],
            domains=["com.microsoft"],
        ),
    ),
    HostileFile(
        "an opset of the future",
        "unsupported_opset",
        lambda: relu(opset=99),
    ),
    HostileFile(
        "an opset of the past",
        "unsupported_opset",
        lambda: relu(opset=3),
    ),
    HostileFile(
        "3 GB of weights",
        "too_large",
        partial(declaring, [768, 1024, 1024]),
    ),
    HostileFile(
        "sides that overflow",
        "too_large",
        partial(declaring, [2**62, 2**62]),
    ),
    HostileFile("a sparse giant", "too_large", sparse_giant),
    HostileFile("sides below zero", "not_loadable", partial(declaring, [-1, 4])),
    HostileFile(
        "weights cut short",
        "not_loadable",
        partial(declaring, [64], bytes(8)),
    ),
    HostileFile(
        "a weight of an unknown type",
        "not_loadable",
        lambda: weighted(TensorProto(name="w", data_type=99, dims=[1], raw_data=bytes(4))),
    ),
    HostileFile("a circle", "not_loadable", circle),
    HostileFile("a value made twice", "not_loadable", made_twice),
    HostileFile(
        "a value nobody makes",
        "not_loadable",
        lambda: model([helper.make_node("Relu", ["ghost"], ["out"])]),
    ),
    HostileFile(
        "a convolution without filters",
        "not_loadable",
        lambda: model([helper.make_node("Conv", ["images"], ["out"])]),
    ),
    HostileFile("a function that calls itself", "too_complex", recursive_function),
    HostileFile("too many nodes", "too_complex", many_nodes),
    HostileFile("too many weights", "too_complex", many_weights),
    HostileFile("branches nested deeply", "not_onnx", partial(nested_branches, 60)),
    HostileFile(
        "functions that unfold to 10^9 nodes", "too_complex", partial(function_bomb, 9, 10)
    ),
    HostileFile("functions nested deeply", "too_complex", partial(function_bomb, 900, 1)),
    HostileFile(
        "a row of numbers", "not_image_input", partial(one_input, TensorProto.FLOAT, [1, 9])
    ),
    HostileFile("text", "not_image_input", partial(one_input, TensorProto.STRING, [1, 3, 8, 8])),
    HostileFile("a sequence", "not_image_input", sequence_input),
    HostileFile("two pictures", "not_image_input", two_pictures),
    HostileFile(
        "a picture of a gigapixel",
        "input_size",
        partial(one_input, TensorProto.FLOAT, [1, 3, 32_000, 32_000]),
    ),
    HostileFile("a classifier", "unknown_layout", classifier),
    HostileFile("fails on every frame", "run_failed", fails_on_every_frame),
    HostileFile(
        "an endless loop",
        "timeout",
        endless_loop,
        limits=Limits(memory_bytes=1500 * MIB, cpu_s=2, wall_s=60),
        runs=True,
    ),
    HostileFile("a loop that doubles its state", "out_of_memory", doubling_loop, runs=True),
    HostileFile("a constant of 14 GB", "out_of_memory", exploding_constant, runs=True),
    HostileFile("a picture blown up to 12 GB", "out_of_memory", exploding_resize, runs=True),
    HostileFile(
        "a package that climbs out",
        "path_traversal",
        lambda: package({"model.onnx": good(), "../../etc/cron.d/evil": b"x"}),
    ),
    HostileFile(
        "a package with an absolute path",
        "path_traversal",
        lambda: package({"/model.onnx": good()}),
    ),
    HostileFile(
        "a package that climbs out with backslashes",
        "path_traversal",
        lambda: package({"..\\..\\model.onnx": good()}),
    ),
    HostileFile(
        "a package with a link",
        "path_traversal",
        lambda: package({"model.onnx": b"/etc/passwd"}, mode=0o120777),
    ),
    HostileFile("a zip bomb", "zip_bomb", zip_bomb),
    HostileFile("a package with a password", "encrypted_package", encrypted_package),
    HostileFile(
        "half a package",
        "truncated",
        lambda: package({"model.onnx": good()})[:-200],
    ),
    HostileFile("a package that lies about sizes", "truncated", lying_package),
    HostileFile(
        "a package of an unusual method",
        "bad_package",
        lambda: package({"model.onnx": good()}, method=zipfile.ZIP_LZMA),
    ),
    HostileFile(
        "a package of two models",
        "bad_package",
        lambda: package({"model.onnx": good(), "other.onnx": good()}),
    ),
    HostileFile("a package without a model", "bad_package", lambda: package({"model.json": b"{}"})),
    HostileFile(
        "a package in a folder",
        "bad_package",
        lambda: package({"m/model.onnx": good()}),
    ),
    HostileFile(
        "a package with a program",
        "bad_package",
        lambda: package({"model.onnx": good(), "run.sh": b"rm -rf /"}),
    ),
    HostileFile(
        "a PyTorch checkpoint",
        "bad_package",
        lambda: package({"archive/data.pkl": b"\x80\x02}."}),
    ),
    HostileFile(
        "a package with a long card",
        "too_large",
        lambda: package({"model.onnx": good(), "card.md": noise() * 70}),
    ),
    HostileFile(
        "a contract of unknown fields",
        "contract_invalid",
        lambda: with_contract(b'{"a":1}'),
    ),
    HostileFile(
        "a contract nested deeply",
        "contract_invalid",
        lambda: with_contract(b"[" * 100_000),
    ),
    HostileFile(
        "a contract of wrong sides",
        "contract_invalid",
        lambda: with_contract(b'{"input_width": "wide"}'),
    ),
    HostileFile(
        "a contract for another input",
        "contract_mismatch",
        lambda: with_contract(b'{"input_name": "pixels"}'),
    ),
)
