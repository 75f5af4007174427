"""Distances of translations to the truth, against NumPy written out."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from jaxgan import data
from jaxgan.data import bicubic
from jaxgan.evaluation import translations
from jaxgan.evaluation.metrics import fidelity
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


def test_of_reduced_images_fidelity_is_measured_beside_bicubics():
    draw = np.random.default_rng(0)
    targets = ndimage.gaussian_filter(draw.uniform(-1, 1, (3, 24, 20, 3)), (0, 1, 1, 0))
    targets = targets.astype(np.float32)
    images = bicubic.resize(targets, 12, 10)
    made = (0.9 * targets).astype(np.float32)
    pairs = translations.Pairs(images, targets, targets.mean(axis=0), 2)
    look = lambda x: Features(x.reshape(len(x), -1).astype(np.float32), None)  # noqa: E731
    found = translations.figures(made, pairs, look)
    assert set(found) == set(translations.names(2, True))
    assert set(translations.figures(made, pairs, None)) == set(translations.names(2, False))
    enlarged = bicubic.resize(images, 24, 20)
    assert found["l1_bicubic"] == pytest.approx(np.abs(enlarged - targets).mean(), rel=1e-5)
    true = np.rint((targets + 1) * 127.5)[:, 2:-2, 2:-2]
    for name, answer in (("", made), ("_bicubic", enlarged)):
        error = np.rint((answer.clip(-1, 1) + 1) * 127.5)[:, 2:-2, 2:-2] - true
        psnr = 10 * np.log10(255**2 / (error**2).mean(axis=(1, 2, 3)))
        assert found[f"psnr_rgb{name}"] == pytest.approx(psnr.mean(), rel=1e-6)
        y = 10 * np.log10(255**2 / ((error @ fidelity.LUMA / 255) ** 2).mean(axis=(1, 2)))
        assert found[f"psnr_y{name}"] == pytest.approx(y.mean(), rel=1e-6)
        assert 0 < found[f"ssim_y{name}"] < 1


def test_small_and_grey_images_have_a_psnr():
    targets = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    pairs = translations.Pairs(bicubic.resize(targets, 4, 4), targets, targets[0], 2)
    found = translations.figures(targets / 2, pairs, None)
    assert {"psnr_y", "psnr_rgb", "psnr_y_bicubic"} <= set(found)
    assert "ssim_y" not in found
    # Of grey, Y is the value in a range of 219 instead of 255.
    assert found["psnr_y"] - found["psnr_rgb"] == pytest.approx(20 * np.log10(255 / 219), abs=1e-2)


def test_what_was_met_before_is_asked_of_what_knows_it():
    targets = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 1)).astype(np.float32)
    pairs = translations.Pairs(targets, targets, targets[0])
    asked = {"look": 0, "known": 0}

    def of(name):
        def look(x):
            asked[name] += 1
            return Features(x.reshape(len(x), -1).astype(np.float32), None)

        return look

    translations.figures(targets / 2, pairs, of("look"), of("known"))
    assert asked == {"look": 1, "known": 3}
