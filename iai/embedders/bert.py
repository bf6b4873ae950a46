"""The network of all-MiniLM-L6-v2 as an ONNX graph, built from its weights. Pure.

BERT (Devlin et al. 2019, section 3) of six layers, for one text at a time: nothing is padded or
masked, and rounding does not depend on other texts. Weights of the layers are 8 bit integers with a
scale for each column, and their inputs are rounded to 8 bits on the fly (`DynamicQuantizeMatMul` of
onnxruntime).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

LAYERS, HEADS, SIZE = 6, 12, 384  # these and the next are in the model's config.json
_EPSILON = 1e-12
_PER_HEAD = SIZE // HEADS
# Of 8 bits only 7 are used: where a processor has no VNNI, onnxruntime adds two products of 8 bits
# in 16, which then never overflow. The cosine with the exact vectors is 0.991 instead of 0.993.
_LARGEST = 63
_OPSET = 20  # the first with Gelu
_IR = 9  # what goes with that opset

Weights = Mapping[str, NDArray[Any]]


def graph(weights: Weights, *, exact: bool = False) -> ModelProto:
    """Return the network: token numbers `tokens` in, their mean vector `mean` out.

    `exact` leaves the weights as they are: a third of the speed, for comparison.
    """
    build = _Builder(weights, exact=exact)
    state = build.embedded()
    for number in range(LAYERS):
        state = build.layer(f"encoder.layer.{number}", state)
    build.add("ReduceMean", state, build.numbers([0]), out="mean", keepdims=0)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["length"])
    mean = helper.make_tensor_value_info("mean", TensorProto.FLOAT, [SIZE])
    made = helper.make_graph(build.nodes, "minilm", [tokens], [mean], build.constants)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=_IR)


class _Builder:
    """Adds nodes; each method returns the name of what it computes. A state is tokens x SIZE."""

    def __init__(self, weights: Weights, *, exact: bool) -> None:
        self.nodes: list[Any] = []
        self.constants: list[TensorProto] = []
        self._weights = weights
        self._exact = exact

    def embedded(self) -> str:
        words = self.constant(self._weights["embeddings.word_embeddings.weight"].astype(np.float16))
        # Every text is of the first type, which can be added to the places beforehand.
        kinds = self._weights["embeddings.token_type_embeddings.weight"]
        places = self.constant(self._weights["embeddings.position_embeddings.weight"] + kinds[0])
        embedded = self.add("Cast", self.add("Gather", words, "tokens"), to=TensorProto.FLOAT)
        length = self.add("Shape", "tokens")
        placed = self.add("Slice", places, self.numbers([0]), length)
        return self.norm("embeddings", self.add("Add", embedded, placed))

    def layer(self, name: str, state: str) -> str:
        attended = self.linear(f"{name}.attention.output.dense", self.attention(name, state))
        state = self.norm(f"{name}.attention.output", self.add("Add", attended, state))
        inner = self.add("Gelu", self.linear(f"{name}.intermediate.dense", state))
        outer = self.linear(f"{name}.output.dense", inner)
        return self.norm(f"{name}.output", self.add("Add", outer, state))

    def attention(self, name: str, state: str) -> str:
        """Self-attention of all heads at once (Vaswani et al. 2017, section 3.2)."""
        heads = self.numbers([0, HEADS, _PER_HEAD])
        orders = {"query": (1, 0, 2), "key": (1, 2, 0), "value": (1, 0, 2)}
        query, key, value = (
            self.add(
                "Transpose",
                self.add("Reshape", self.linear(f"{name}.attention.self.{part}", state), heads),
                perm=order,
            )
            for part, order in orders.items()
        )
        scale = self.constant(np.float32(_PER_HEAD**-0.5))
        scores = self.add("Mul", self.add("MatMul", query, key), scale)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        return self.add(
            "Reshape", self.add("Transpose", mixed, perm=(1, 0, 2)), self.numbers([0, SIZE])
        )

    def linear(self, name: str, state: str) -> str:
        matrix = self._weights[f"{name}.weight"].T
        bias = self.constant(self._weights[f"{name}.bias"])
        if self._exact:
            return self.add("Add", self.add("MatMul", state, self.constant(matrix)), bias)
        scale = np.abs(matrix).max(axis=0) / _LARGEST
        small = np.rint(matrix / scale).astype(np.int8)
        parts = (small, scale.astype(np.float32), np.zeros(len(scale), np.int8))
        constants = [self.constant(part) for part in parts]
        return self.add("DynamicQuantizeMatMul", state, *constants, bias, domain="com.microsoft")

    def norm(self, name: str, state: str) -> str:
        parts = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        constants = [self.constant(part) for part in parts]
        return self.add("LayerNormalization", state, *constants, axis=-1, epsilon=_EPSILON)

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"{kind}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def numbers(self, values: list[int]) -> str:
        return self.constant(np.asarray(values, np.int64))

    def constant(self, value: NDArray[Any] | np.float32) -> str:
        name = f"constant-{len(self.constants)}"
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        self.constants.append(numpy_helper.from_array(array, name))
        return name
