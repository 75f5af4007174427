"""Distances of translations to the truth, against NumPy written out."""

from types import SimpleNamespace

import numpy as np
import pytest

from jaxgan import data
from jaxgan.evaluation import translations
from jaxgan.extractors.extractor import Features


def test_figures_are_distances_to_the_true_targets():
    draw = np.random.default_rng(0)
    images, targets = (draw.uniform(-1, 1, (5, 4, 4, 1)).astype(np.float32) for _ in range(2))
    mean = np.full((4, 4, 1), 0.25, np.float32)
    look = lambda x: Features(x.reshape(len(x), -1).astype(np.float32), None)  # noqa: E731
    found = translations.figures(images + 5, translations.Pairs(images, targets, mean), look)
    assert set(found) == {*translations.NAMES, *translations.OF_FEATURES}
    answers = {"": np.ones_like(targets), "_identity": images, "_mean": mean[None]}
    for name, answer in answers.items():
        assert found[f"l1{name}"] == pytest.approx(np.abs(answer - targets).mean(), rel=1e-5)
        a, b = (np.round((x + 1) * 127.5).reshape(len(x), -1) for x in (answer, targets))
        distance = np.linalg.norm(a - b, axis=1).mean()
        assert found[f"feature_distance{name}"] == pytest.approx(distance, rel=1e-4)


def test_an_image_of_another_size_is_no_answer():
    pairs = translations.Pairs(np.zeros((2, 2, 2, 1)), np.ones((2, 4, 4, 1)), np.ones((4, 4, 1)))
    found = translations.figures(np.zeros((2, 4, 4, 1)), pairs, None)
    assert found == {"l1": 1.0, "l1_mean": 0.0}


def test_the_mean_is_that_of_the_training_split():
    train, test = (
        data.open_source(SimpleNamespace(name="digit_edges"), s) for s in ("train", "test")
    )
    pairs = translations.read(test, np.array([3, 1]), train)
    rows = train.read(np.arange(train.size))["target"]
    np.testing.assert_allclose(pairs.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-5)
    np.testing.assert_array_equal(pairs.targets, test.read(np.array([3, 1]))["target"])


def test_what_has_no_pairs_is_refused():
    plain = data.open_source(SimpleNamespace(name="digits"), "test")
    with pytest.raises(ValueError, match="have no pairs"):
        translations.read(plain, np.arange(2), plain)
