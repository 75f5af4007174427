"""Which real samples an evaluation takes: none on two sides, none that was trained on as unseen."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.data.source import in_memory
from jaxgan.evaluation import network_figures, real
from tests.conftest import smoke

SIZES = {"train": range(100), "test": range(100, 130)}


def opened(splits, validation="", test="test", ids=True):
    """Splits of a set of 130 samples, sample i of level i, without a file."""
    config = smoke("gan_digits", "evaluation.every=0", "evaluation.n=20")
    with config.unlocked():
        config.data.validation_split, config.data.test_split = validation, test
    made = data.Splits(config.data)
    for name, rows in splits.items():
        rows = np.asarray(rows)
        values = np.broadcast_to(rows[:, None, None, None] / 65 - 1, (len(rows), 2, 2, 1))
        known = {"ids": lambda rows=rows: rows.astype(np.int64)} if ids else {}
        labels = rows % 3
        image = in_memory("t", name, values.astype(np.float32), labels, 3, **known)
        made._sources[name] = {"image": image}
    return config, made


def content(sample):
    return {float(x) for x in np.asarray(sample.values)[:, 0, 0, 0]}


def read(config, splits, part="report"):
    return real.read(config, splits, part, None, memorization=True)


def test_splits_apart_are_taken_as_they_are():
    config, splits = opened(SIZES)
    found = read(config, splits)
    assert real.overlaps(splits, config) == []
    assert len(found.reference.values) == len(found.other.values) == 20
    assert len(found.training.values) == 100
    assert len(found.unseen) == 30


@pytest.mark.parametrize("test", [range(50), range(100)])
def test_a_test_split_out_of_the_training_split_leaves_nothing_unseen(test):
    config, splits = opened({"train": range(100), "test": test})
    found = read(config, splits)
    assert found.held_out is None
    assert found.training is None
    assert found.unseen is None
    assert not content(found.reference) & content(found.other)
    (line,) = real.overlaps(splits, config)
    assert f"shares {len(test)} of its {len(test)} samples" in line
    assert "left out" in line


def test_what_was_not_trained_on_is_still_measured():
    config, splits = opened({"train": range(80), "test": range(70, 130)})
    found = read(config, splits)
    assert len(found.unseen) == 50
    assert not {float(x) for x in found.unseen[:, 0, 0, 0]} & {
        float(x) for x in found.seen[:, 0, 0, 0]
    }
    assert not content(found.held_out) & content(found.training)
    (line,) = real.overlaps(splits, config)
    assert "shares 10 of its 60 samples" in line
    assert "measured on the others" in line


def test_a_checkpoint_that_is_reported_on_what_it_was_chosen_by_is_told():
    config, splits = opened(SIZES, validation="test")
    (line,) = real.overlaps(splits, config)
    assert "reported on what it is chosen by" in line


def test_without_ids_a_split_is_known_by_its_name():
    config, splits = opened({"train": range(100)}, test="train", ids=False)
    assert read(config, splits).unseen is None
    config, splits = opened(SIZES, ids=False)
    assert len(read(config, splits).unseen) == 30


def test_the_classes_of_a_split_are_counted_without_what_has_none():
    labels = np.array([0, 0, 0, 2, -1, 7] * 5)
    source = in_memory("t", "train", np.zeros((30, 2, 2, 1), np.float32), labels, 3)
    np.testing.assert_array_equal(real.class_weights(source), [15, 0, 5])
    sample = real.sample(source, np.arange(6), None)
    np.testing.assert_array_equal(sample.labels, [0, 0, 0, 2, -1, -1])


def test_a_sample_without_a_label_is_no_error_of_a_classifier():
    labels = np.array([-1, 0, 1, -1, 2, 1] * 10)
    images = np.repeat(labels[:, None, None, None], 2, 1).astype(np.float32)
    source = in_memory("t", "test", images, labels, 3)

    def right(x):
        return {"perfect": np.eye(3)[np.maximum(np.asarray(x)[:, 0, 0, 0].astype(int), 0)]}

    def rows(n):
        return np.arange(n)

    for size in (7, 60):
        found = network_figures.classification_errors(right, source, rows(60), size)
        assert found == {"error_perfect": 0.0}

    def wrong(x):
        return {"wrong": np.eye(3)[np.zeros(len(x), int)]}

    # Of 40 labelled samples 10 are of class 0.
    assert network_figures.classification_errors(wrong, source, rows(60), 7) == {
        "error_wrong": 0.75
    }
    with pytest.raises(ValueError, match="no sample has a label"):
        network_figures.classification_errors(right, source, np.array([0, 3]), 7)
