"""The labels of examples as arrays."""

from __future__ import annotations

import numpy as np

from herald.inference.text_model import DIRECTIONS, TYPES
from herald.taxonomy import Direction, EventType
from training.corpus.headlines import Example
from training.targets import Targets, targets_of


def example(event_type: EventType, direction: Direction, *, tradable: bool, severity: float) -> Example:
    return Example("a text", event_type, direction, tradable, severity)


def three() -> Targets:
    return targets_of(
        [
            example(EventType.HACK, Direction.BEAR, tradable=True, severity=0.9),
            example(EventType.OTHER, Direction.UNKNOWN, tradable=False, severity=0.1),
            example(EventType.LISTING, Direction.BULL, tradable=True, severity=0.5),
        ]
    )


def test_labels_are_numbers_in_the_order_of_the_models_outputs() -> None:
    targets = three()
    assert [TYPES[number] for number in targets.types] == [EventType.HACK, EventType.OTHER, EventType.LISTING]
    assert [DIRECTIONS[number] for number in targets.directions] == [Direction.BEAR, Direction.UNKNOWN, Direction.BULL]
    assert targets.tradable.tolist() == [1, 0, 1]
    assert targets.severity.tolist() == np.asarray([0.9, 0.1, 0.5], dtype=np.float32).tolist()


def test_arrays_have_the_types_that_training_needs() -> None:
    targets = three()
    assert targets.types.dtype == targets.directions.dtype == np.int64
    assert targets.tradable.dtype == targets.severity.dtype == np.float32
    assert len(targets) == 3


def test_every_type_and_direction_has_a_number() -> None:
    examples = [example(one, Direction.BULL, tradable=False, severity=0.1) for one in EventType]
    assert targets_of(examples).types.tolist() == list(range(len(EventType)))
    examples = [example(EventType.HACK, one, tradable=False, severity=0.1) for one in Direction]
    assert targets_of(examples).directions.tolist() == list(range(len(Direction)))


def test_some_rows_are_taken_in_the_order_asked_and_as_often_as_asked() -> None:
    chosen = three().of(np.asarray([2, 0, 2]))
    assert [TYPES[number] for number in chosen.types] == [EventType.LISTING, EventType.HACK, EventType.LISTING]
    assert [DIRECTIONS[number] for number in chosen.directions] == [Direction.BULL, Direction.BEAR, Direction.BULL]
    assert chosen.tradable.tolist() == [1, 1, 1]
    assert chosen.severity.tolist() == np.asarray([0.5, 0.9, 0.5], dtype=np.float32).tolist()


def test_no_examples_give_arrays_of_no_length() -> None:
    targets = targets_of([])
    assert len(targets) == 0
    assert targets.types.dtype == np.int64
    assert targets.of(np.asarray([], dtype=np.int64)).severity.shape == (0,)
