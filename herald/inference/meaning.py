"""Whether two headlines report one event, as the running system asks it: encoder and fitted model, with a memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from herald.inference.pairs import packaged_sameness
from herald.inference.pretrained import open_packaged_encoder
from herald.inference.text_model import unit
from herald.news.matching import Same
from herald.news.sameness import SamenessModel

Vector = NDArray[np.float32]


class HeadlineMeaning:
    """Fulfils ``herald.news.matching.Same``. Use it from one thread at a time.

    Each headline is encoded by itself, since a batch would round differently: so two processes give the same answer
    to the same question, whatever else they were asked. The last ``vectors_max`` vectors are kept.
    """

    def __init__(self, encode: Callable[[str], Vector], model: SamenessModel, vectors_max: int) -> None:
        """Keep ``encode``, from a headline to its unit vector, and the model."""
        self._encode = encode
        self._model = model
        self._vectors_max = vectors_max
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def __call__(self, left: str, right: str, gap_s: float) -> float:
        """Return the probability that both report one event, from 0 to 1."""
        if left == right:
            return 1.0
        cosine = float(np.dot(self._vector(left), self._vector(right)))
        return self._model.probability(left, right, cosine, gap_s)

    def _vector(self, headline: str) -> Vector:
        known = self._vectors.get(headline)
        if known is None:
            known = self._vectors[headline] = self._encode(headline)
            while len(self._vectors) > self._vectors_max:
                self._vectors.popitem(last=False)
        else:
            self._vectors.move_to_end(headline)
        return known


def open_meaning(vectors_max: int) -> Same:
    """Return the packaged model with the packaged encoder on one core; takes about a second.

    Raises ``EncoderNotFoundError``, and ``ConfigurationError`` where the weights do not fit this version.
    """
    encoder = open_packaged_encoder(threads=1)

    def encode(headline: str) -> Vector:
        vector: Vector = unit(encoder.encode([headline]))[0]
        return vector

    encode("ready")  # the first one is slow
    return HeadlineMeaning(encode, packaged_sameness(), vectors_max)
