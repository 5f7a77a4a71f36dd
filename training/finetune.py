"""Fine-tuning: the encoder's layers and the heads are trained together on the corpus."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel
from transformers.utils.logging import disable_progress_bar

from herald.documents import Document
from herald.inference.encoder import TOKENS_MAX
from herald.inference.pretrained import Pretrained
from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES
from training.targets import Targets

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and the latest figures."""

_MANY = len(TYPES)
_WAYS = len(DIRECTIONS)
_BATCHES_SORTED = 20


class FineTuning(Document):
    """How the training runs. Rates are AdamW's; the first ``warm_up`` share of all steps rises to them.

    The embeddings of words stay as they are: to move them costs half the time, and words that the corpus lacks would
    stay behind. So do the first ``frozen_layers``, which see little but words. ``patience`` counts epochs without a
    better loss before the end, on about ``held_out_texts`` of the calibration part.
    """

    epochs: int = 2
    batch: int = 64
    frozen_layers: int = 1
    encoder_rate: float = 4e-4
    heads_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up: float = 0.1
    dropout: float = 0.1
    label_smoothing: float = 0.05
    class_weight_power: float = 0.5
    gradient_norm_max: float = 1.0
    patience: int = 1
    held_out_texts: int = 768
    direction_share: float = 1.2
    tradable_share: float = 0.7
    severity_share: float = 0.5
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Tuned:
    """What training gave: the encoder's weights by name, and the heads, weights of shape (width, OUTPUTS)."""

    encoder: dict[str, NDArray[np.float32]]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    epochs: tuple[Mapping[str, float], ...]


class Reader(nn.Module):
    """An encoder with mean pooling to unit length, and linear heads on it."""

    def __init__(self, encoder: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(width, OUTPUTS)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.heads.weight, std=width**-0.5)
        nn.init.zeros_(self.heads.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits of shape (batch, OUTPUTS) for token ids and mask of shape (batch, tokens)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        kept = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * kept).sum(1) / kept.sum(1)
        logits: Tensor = self.heads(self.dropout(functional.normalize(pooled) * SCALE))
        return logits


SCALE = 8.0
"""Unit vectors are stretched before the heads, so that the heads' rate fits; folded into their weights afterwards."""


class Tuner:
    """One training run on one device. The same seed, texts and threads give the same weights."""

    def __init__(self, pretrained: Pretrained, settings: FineTuning, *, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        torch.set_num_threads(settings.threads)
        self._settings, self._seed = settings, seed
        self._device = torch.device(device)
        self._order = np.random.default_rng(seed)
        disable_progress_bar()  # type: ignore[no-untyped-call]
        encoder = AutoModel.from_pretrained(pretrained.folder)
        encoder.embeddings.requires_grad_(requires_grad=False)
        for layer in encoder.encoder.layer[: settings.frozen_layers]:
            layer.requires_grad_(requires_grad=False)
        self._reader = Reader(encoder, encoder.config.hidden_size, settings.dropout).to(self._device)
        self._tokenizer = Tokenizer.from_file(str(pretrained.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)

    def train(
        self, train: tuple[Sequence[str], Targets], held_out: tuple[Sequence[str], Targets], progress: Progress
    ) -> Tuned:
        """Train until the loss on ``held_out`` no longer falls, and return the best epoch's weights."""
        torch.manual_seed(self._seed)
        texts, targets = self._tokens(train[0]), _tensors(train[1], self._device)
        step = max(1, len(held_out[0]) // self._settings.held_out_texts)
        held_texts = self._tokens(held_out[0][::step])
        held_targets = _tensors(held_out[1].of(np.arange(0, len(held_out[0]), step)), self._device)
        steps = self._settings.epochs * -(-len(texts) // self._settings.batch)
        optimiser, schedule = self._optimiser(steps)
        weights = self._type_weights(train[1])
        best, best_loss, worse, done = copy.deepcopy(self._reader.state_dict()), float("inf"), 0, 0
        history: list[Mapping[str, float]] = []
        for epoch in range(self._settings.epochs):
            losses = []
            self._reader.train()
            for rows in self._batches(texts):
                loss = self._loss(self._reader(*self._padded(texts, rows)), targets.of(rows), weights)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(self._reader.parameters(), self._settings.gradient_norm_max)
                optimiser.step()
                schedule.step()
                losses.append(float(loss.detach()))
                done += 1
                progress(done, steps, {"epoch": epoch + 1, "loss": float(np.mean(losses[-50:]))})
            held_loss = self._held_out_loss(held_texts, held_targets, weights)
            if not math.isfinite(held_loss):
                raise FloatingPointError(f"the loss became {held_loss} in epoch {epoch + 1}; lower the encoder's rate")
            history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "held_out_loss": held_loss})
            worse = 0 if held_loss < best_loss else worse + 1
            if held_loss < best_loss:
                best, best_loss = copy.deepcopy(self._reader.state_dict()), held_loss
            if worse > self._settings.patience:
                break
        self._reader.load_state_dict(best)
        return self._tuned(tuple(history))

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def _optimiser(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        settings = self._settings
        trained = [parameter for parameter in self._reader.encoder.parameters() if parameter.requires_grad]
        groups = [
            {"params": trained, "lr": settings.encoder_rate},
            {"params": list(self._reader.heads.parameters()), "lr": settings.heads_rate},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        rising = max(1.0, settings.warm_up * steps)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: min(1.0, (step + 1) / rising) * max(0.0, 1.0 - step / steps)
        )
        return optimiser, schedule

    def _type_weights(self, targets: Targets) -> Tensor:
        counts = np.maximum(np.bincount(targets.types, minlength=_MANY), 1)
        weights = (counts.mean() / counts) ** self._settings.class_weight_power
        return torch.tensor(weights, dtype=torch.float32, device=self._device)

    def _batches(self, texts: Sequence[Sequence[int]]) -> Iterator[NDArray[np.int64]]:
        """Yield batches in random order, each of texts of like length, so that little is padding."""
        shuffled = self._order.permutation(len(texts))
        lengths = np.asarray([len(text) for text in texts])
        size = self._settings.batch
        batches: list[NDArray[np.int64]] = []
        for begin in range(0, len(shuffled), size * _BATCHES_SORTED):
            chunk = shuffled[begin : begin + size * _BATCHES_SORTED]
            chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
            batches += [chunk[i : i + size] for i in range(0, len(chunk), size)]
        for number in self._order.permutation(len(batches)):
            yield batches[number]

    def _padded(self, texts: Sequence[Sequence[int]], rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chosen = [texts[row] for row in rows]
        ids = torch.zeros((len(chosen), max(map(len, chosen))), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, text in enumerate(chosen):
            ids[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        return ids.to(self._device), mask.to(self._device)

    def _loss(self, logits: Tensor, targets: _Tensors, type_weights: Tensor) -> Tensor:
        settings = self._settings
        types = functional.cross_entropy(
            logits[:, :_MANY], targets.types, weight=type_weights, label_smoothing=settings.label_smoothing
        )
        directions = functional.cross_entropy(logits[:, _MANY : _MANY + _WAYS], targets.directions)
        tradable = functional.binary_cross_entropy_with_logits(logits[:, -2], targets.tradable)
        severity = functional.mse_loss(torch.sigmoid(logits[:, -1]), targets.severity)
        return (
            types
            + settings.direction_share * directions
            + settings.tradable_share * tradable
            + settings.severity_share * severity
        )

    def _held_out_loss(self, texts: Sequence[Sequence[int]], targets: _Tensors, weights: Tensor) -> float:
        self._reader.eval()
        order = np.argsort([len(text) for text in texts], kind="stable")
        total = 0.0
        with torch.no_grad():
            for begin in range(0, len(order), 2 * self._settings.batch):
                rows = order[begin : begin + 2 * self._settings.batch]
                total += float(self._loss(self._reader(*self._padded(texts, rows)), targets.of(rows), weights)) * len(
                    rows
                )
        return total / len(order)

    def _tuned(self, history: tuple[Mapping[str, float], ...]) -> Tuned:
        state = self._reader.encoder.state_dict()
        heads = self._reader.heads
        return Tuned(
            encoder={name: value.detach().cpu().float().numpy() for name, value in state.items()},
            weights=(heads.weight.detach().cpu().numpy().T * SCALE).astype(np.float32),
            bias=heads.bias.detach().cpu().numpy(),
            epochs=history,
        )


@dataclass(frozen=True, slots=True)
class _Tensors:
    """Targets on the device of the training."""

    types: Tensor
    directions: Tensor
    tradable: Tensor
    severity: Tensor

    def of(self, rows: NDArray[np.int64]) -> _Tensors:
        """Return the targets of some rows."""
        index = torch.as_tensor(rows, device=self.types.device)
        return _Tensors(self.types[index], self.directions[index], self.tradable[index], self.severity[index])


def _tensors(targets: Targets, device: torch.device) -> _Tensors:
    arrays = (targets.types, targets.directions, targets.tradable, targets.severity)
    return _Tensors(*(torch.as_tensor(array, device=device) for array in arrays))
