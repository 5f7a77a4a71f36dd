"""A BERT encoder as an ONNX graph, built from its weights: no deep learning framework is needed to read headlines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = Mapping[str, NDArray[np.float32]]

FUSED = "com.microsoft"
"""Domain of the runtime's fused operators: attention, embedding and normalisation in one step each."""
IDS, MASK, POOLED = "input_ids", "attention_mask", "pooled"
_OPSET, _FUSED_OPSET, _IR_VERSION = 17, 1, 8


class UnsupportedEncoderError(ValueError):
    """An encoder whose architecture this graph does not describe. Its text names the setting and the cure."""


def bert_graph(weights: Weights, config: Mapping[str, Any]) -> onnx.ModelProto:
    """Return the graph from token ids to mean-pooled hidden states.

    Inputs ``input_ids`` and ``attention_mask`` are int32 of shape (batch, tokens); the output ``pooled`` is float32 of
    shape (batch, hidden): the mean over the tokens that the mask keeps, not normalised. ``weights`` and ``config`` are
    those of a Hugging Face ``BertModel``. Raises ``UnsupportedEncoderError``.
    """
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise UnsupportedEncoderError(
            f"an encoder of type {config.get('model_type')!r} with {config.get('hidden_act')!r} cannot be used; "
            "take a BERT encoder with gelu"
        )
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise UnsupportedEncoderError("an encoder with relative positions cannot be used; take one with absolute ones")
    graph = _Graph(float(config["layer_norm_eps"]), int(config["num_attention_heads"]))
    state = graph.embedded(weights)
    for layer in range(int(config["num_hidden_layers"])):
        prefix = f"encoder.layer.{layer}."
        state = graph.layer(
            {key[len(prefix) :]: a for key, a in weights.items() if key.startswith(prefix)}, state, layer
        )
    graph.mean(state)
    return graph.model(int(config["hidden_size"]))


class _Graph:
    """Nodes and initial values under construction."""

    def __init__(self, epsilon: float, heads: int) -> None:
        self._epsilon = epsilon
        self._heads = heads
        self._nodes: list[onnx.NodeProto] = []
        self._values: list[onnx.TensorProto] = []

    def embedded(self, weights: Weights) -> str:
        """Look words and positions up. The one segment there is, is added to the positions."""
        prefix = "embeddings."
        segment = weights[f"{prefix}token_type_embeddings.weight"][0]
        inputs = [
            IDS,
            "",
            self._value("words", weights[f"{prefix}word_embeddings.weight"]),
            self._value("positions", weights[f"{prefix}position_embeddings.weight"] + segment),
            "",
            self._value("embedded_gamma", weights[f"{prefix}LayerNorm.weight"]),
            self._value("embedded_beta", weights[f"{prefix}LayerNorm.bias"]),
            MASK,
        ]
        self._fused("EmbedLayerNormalization", inputs, "embedded", "mask_index", epsilon=self._epsilon)
        return "embedded"

    def layer(self, weights: Weights, state: str, number: int) -> str:
        """Add self-attention and the feed-forward network of one layer."""
        parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
        qkv = self._value(f"qkv{number}", np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1))
        bias = self._value(f"qkv_bias{number}", np.concatenate([weights[f"{part}.bias"] for part in parts]))
        attended = f"attended{number}"
        self._fused("Attention", [state, qkv, bias, MASK], attended, num_heads=self._heads)
        middle = self._dense_and_add(weights, "attention.output", attended, state, f"middle{number}")
        wide = self._multiply(middle, weights["intermediate.dense.weight"], f"wide{number}")
        active = f"active{number}"
        self._fused("BiasGelu", [wide, self._value(f"{wide}_bias", weights["intermediate.dense.bias"])], active)
        return self._dense_and_add(weights, "output", active, middle, f"layer{number}")

    def mean(self, state: str) -> None:
        """Add the mean over the tokens that the mask keeps."""
        tokens, width = self._value("axis_tokens", np.asarray([1])), self._value("axis_width", np.asarray([2]))
        self._nodes += [
            helper.make_node("Cast", [MASK], ["kept"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["kept", width], ["kept_wide"]),
            helper.make_node("Mul", [state, "kept_wide"], ["kept_state"]),
            helper.make_node("ReduceSum", ["kept_state", tokens], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["kept_wide", tokens], ["count"], keepdims=0),
            helper.make_node("Div", ["sum", "count"], [POOLED]),
        ]

    def model(self, hidden_size: int) -> onnx.ModelProto:
        """Return the finished model."""
        shape = ["batch", "tokens"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in (IDS, MASK)]
        outputs = [helper.make_tensor_value_info(POOLED, TensorProto.FLOAT, ["batch", hidden_size])]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._values)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, _FUSED_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = _IR_VERSION
        return model

    def _dense_and_add(self, weights: Weights, part: str, state: str, skipped: str, output: str) -> str:
        dense = self._multiply(state, weights[f"{part}.dense.weight"], f"{output}_dense")
        inputs = [
            dense,
            skipped,
            self._value(f"{output}_gamma", weights[f"{part}.LayerNorm.weight"]),
            self._value(f"{output}_beta", weights[f"{part}.LayerNorm.bias"]),
            self._value(f"{output}_bias", weights[f"{part}.dense.bias"]),
        ]
        self._fused("SkipLayerNormalization", inputs, output, epsilon=self._epsilon)
        return output

    def _multiply(self, state: str, weight: NDArray[np.float32], output: str) -> str:
        self._nodes.append(helper.make_node("MatMul", [state, self._value(f"{output}_weight", weight.T)], [output]))
        return output

    def _fused(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(operator, inputs, list(outputs), domain=FUSED, **attributes))

    def _value(self, name: str, array: NDArray[Any]) -> str:
        self._values.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name
