"""The encoder that comes in a package is the one expected, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herald.inference import pretrained
from herald.inference.encoder import Encoder
from herald.inference.pretrained import (
    DEFAULT_ENCODER,
    EncoderNotFoundError,
    Pretrained,
    open_packaged_encoder,
    open_pretrained,
    packaged_encoder,
)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the place of the encoder's, its folder of files still empty."""
    package = f"encoder_of_{tmp_path.name}"  # a name of its own, for Python keeps what it has imported
    folder = tmp_path / package / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(pretrained, "PACKAGE", package)
    return folder


def test_the_packaged_encoder_is_complete(packaged: Pretrained) -> None:
    assert packaged.name == DEFAULT_ENCODER
    assert packaged.tokenizer.is_file()
    config, weights = packaged.config(), packaged.weights()
    assert (config["model_type"], config["hidden_size"]) == ("bert", 384)
    words = weights["embeddings.word_embeddings.weight"]
    assert words.shape == (config["vocab_size"], config["hidden_size"])
    assert words.dtype == np.float32
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    assert layers == {str(number) for number in range(config["num_hidden_layers"])}


def test_the_packaged_encoder_opens_ready_to_encode(encoder: Encoder) -> None:
    texts = ["Fed cuts rates", "Solana network halts"]
    np.testing.assert_array_equal(open_packaged_encoder().encode(texts), encoder.encode(texts))


def test_weights_saved_under_a_prefix_are_found_by_their_bare_names(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"bert.pooler.dense.bias": np.arange(3, dtype=np.float32)}, tmp_path / "model.safetensors")
    weights = Pretrained("other", tmp_path).weights()
    assert {name: value.tolist() for name, value in weights.items()} == {"pooler.dense.bias": [0.0, 1.0, 2.0]}


def test_weights_of_another_hash_are_refused_with_the_cure(stranger: Path) -> None:
    (stranger / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(EncoderNotFoundError, match=r"model\.safetensors has SHA-256 .*install the package again"):
        packaged_encoder()


def test_a_package_that_is_not_installed_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PACKAGE", "no_such_encoder_package")
    with pytest.raises(EncoderNotFoundError, match="no-such-encoder-package is not installed; run `make setup`"):
        packaged_encoder()


def test_a_package_without_its_weights_is_refused_with_the_cure(stranger: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match="install the package again"):
        packaged_encoder()


def test_without_a_source_the_packaged_encoder_is_taken(packaged: Pretrained) -> None:
    assert open_pretrained() == packaged


def test_an_encoder_in_a_folder_is_taken_as_it_is(packaged: Pretrained) -> None:
    found = open_pretrained(str(packaged.folder))
    assert (found.folder, found.name) == (packaged.folder, str(packaged.folder))


def test_a_folder_that_lacks_files_is_refused_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EncoderNotFoundError, match=r"has no model\.safetensors, tokenizer\.json"):
        open_pretrained(str(tmp_path))


def test_an_id_is_fetched_in_the_revision_that_it_names(packaged: Pretrained, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def snapshot(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, sorted(allow_patterns)))
        return str(packaged.folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert open_pretrained("org/name@abc").folder == packaged.folder
    open_pretrained("org/name")
    files = ["config.json", "model.safetensors", "tokenizer.json"]
    assert asked == [("org/name", "abc", files), ("org/name", None, files)]


@pytest.mark.parametrize("source", ["org/name", "no such folder", "../up"])
def test_an_encoder_that_cannot_be_fetched_is_told_with_the_cure(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderNotFoundError, match=r"cannot be fetched from Hugging Face .*HERALD_ENCODER"):
        open_pretrained(source)
