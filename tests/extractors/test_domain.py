import json
import os
import pathlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.base.errors import UserError
from jaxgan.extractors import domain
from jaxgan.extractors.classifier import Recipe
from jaxgan.extractors.extractor import Extractor, extract, to_bytes
from tests.conftest import same_bits

DIGITS = types.SimpleNamespace(name="digits")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick_classifier):
    """The classifier of the digits; the folder that keeps it; what was said."""
    folder, said = tmp_path_factory.mktemp("extractors"), []
    return domain.load(DIGITS, cache_dir=folder, say=said.append), folder, said


@pytest.fixture
def untrainable(monkeypatch):
    def fail(*_):
        raise AssertionError("it trains")

    monkeypatch.setattr(domain, "fit", fail)


@pytest.fixture
def shapes(tmp_path):
    """The config of a tiny dataset: dark and bright images of 9 x 6 pixels, in colour."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    images = rng.integers(0, 90, (80, 9, 6, 3)) + 120 * labels[:, None, None, None]
    np.savez(tmp_path / "shapes.npz", images=images.astype(np.uint8), labels=labels)
    return types.SimpleNamespace(name="npz", data_dir=str(tmp_path / "shapes.npz"))


@pytest.mark.slow
def test_the_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(domain, "Recipe", Recipe)  # as users have it
    said, folder = [], tmp_path
    found = domain.load(DIGITS, cache_dir=folder, say=said.append)
    assert found.accuracy >= 0.97
    test = jd.whole(jd.open_source(DIGITS, "test"))
    assert domain.accuracy(found.extractor, test["image"], test["label"]) == found.accuracy
    assert domain.accuracy(found.extractor, test["image"], (test["label"] + 1) % 10) < 0.03
    extractor = found.extractor
    assert (extractor.name, extractor.resize) == ("domain_digits", "none")
    assert (extractor.dim, extractor.num_classes) == (128, 10)
    record = json.loads(json.dumps(found.record))
    assert (record["n_train"], record["n_test"], record["seed"]) == (1498, 299, 0)
    assert record["digest"] == extractor.digest
    assert "training" in said[0]
    (file,) = folder.iterdir()
    assert file.name.startswith("domain_digits_8x8x1_")


def test_features_are_of_an_image_alone_and_smooth(trained):
    extractor = trained[0].extractor
    images = to_bytes(jd.open_source(DIGITS, "test").read(np.arange(60))["image"])
    found = extract(extractor, images)
    assert found.features.shape == (60, 128)
    assert found.logits.shape == (60, 10)
    alone = extract(extractor, images[:7])
    np.testing.assert_allclose(alone.features, found.features[:7], rtol=1e-4, atol=1e-5)
    assert np.linalg.matrix_rank(found.features) == 60
    with pytest.raises(ValueError, match=r"domain_digits takes images \[8, 8, 1\]"):
        extract(extractor, np.zeros((2, 9, 8, 1), np.uint8))


def test_the_second_time_it_is_read(trained, untrainable):
    found, folder, _ = trained
    said = []
    again = domain.load(DIGITS, cache_dir=folder, say=said.append)
    assert said == []
    assert again.record == found.record
    assert again.extractor.digest == found.extractor.digest
    # So that a program of features is compiled once.
    assert again.extractor.apply is found.extractor.apply
    assert same_bits(again.extractor.params, found.extractor.params)
    with pytest.raises(AssertionError, match="it trains"):
        domain.load(DIGITS, seed=1, cache_dir=folder, say=said.append)


def cut(file):
    file.write_bytes(file.read_bytes()[:5000])


def garble(file):
    file.write_bytes(b"\x00" * 5000)


def change(file):
    """Another value, in a file that is whole."""
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["params/Dense_0/kernel"] = arrays["params/Dense_0/kernel"] + 1e-3
    np.savez(file, **arrays)


def relabel(file):
    """The right parameters, under the name of another recipe."""
    with np.load(file) as stored:
        arrays = dict(stored)
    record = json.loads(str(arrays["record"]))
    arrays["record"] = np.array(json.dumps({**record, "seed": 7}))
    np.savez(file, **arrays)


@pytest.mark.parametrize("damage", [cut, garble, change, relabel])
def test_a_damaged_one_is_trained_again(trained, tmp_path, monkeypatch, damage):
    found, folder, _ = trained
    (kept,) = folder.iterdir()
    file = tmp_path / kept.name
    file.write_bytes(kept.read_bytes())
    damage(file)
    times = []

    def fit(*_):
        times.append(1)
        return found.extractor.params

    monkeypatch.setattr(domain, "fit", fit)
    said = []
    again = domain.load(DIGITS, cache_dir=tmp_path, say=said.append)
    assert len(times) == 1
    assert again.record == found.record
    assert "damaged" in said[0]
    assert not any("\n" in line for line in said)
    domain.load(DIGITS, cache_dir=tmp_path, say=said.append)
    assert len(times) == 1
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_the_same_seed_gives_the_same_bits(shapes, tmp_path):
    found = {}
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        found[run] = domain.load(shapes, seed=seed, cache_dir=tmp_path / run, say=lambda _: None)
    digests = {run: one.extractor.digest for run, one in found.items()}
    assert digests["a"] == digests["b"] != digests["c"]
    assert found["a"].record == found["b"].record
    assert min(one.accuracy for one in found.values()) == 1.0


def test_other_data_of_the_same_size_is_another_classifier(shapes, tmp_path, monkeypatch):
    times = []
    variables = domain.load(shapes, cache_dir=tmp_path / "c", say=lambda _: None).extractor.params

    def fit(*_):
        times.append(1)
        return variables

    monkeypatch.setattr(domain, "fit", fit)
    with np.load(shapes.data_dir) as stored:
        arrays = dict(stored)
    arrays["labels"] = arrays["labels"][::-1]
    np.savez(shapes.data_dir, **arrays)
    domain.load(shapes, cache_dir=tmp_path / "c", say=lambda _: None)
    assert len(times) == 1
    assert len(list((tmp_path / "c").iterdir())) == 2


def test_it_is_kept_in_the_cache_of_the_user(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(domain, "fit", lambda *_: trained[0].extractor.params)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    domain.load(DIGITS, say=lambda _: None)
    assert len(list((tmp_path / "jaxgan" / "extractors").glob("domain_digits_*.npz"))) == 1


def test_a_folder_that_takes_nothing_costs_a_line(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(domain, "fit", lambda *_: trained[0].extractor.params)
    (tmp_path / "file").write_text("")
    said = []
    found = domain.load(DIGITS, cache_dir=tmp_path / "file", say=said.append)
    assert found.record == trained[0].record
    assert "cannot be kept" in said[-1]
    assert "\n" not in said[-1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("swiss_roll", "the domain extractor needs labels, and swiss_roll has none"),
        ("ring", "the domain extractor needs images, and ring has points"),
    ],
)
def test_what_cannot_be_classified(name, message, tmp_path):
    with pytest.raises(UserError, match=f"^{message}$"):
        domain.load(types.SimpleNamespace(name=name), cache_dir=tmp_path)


def tenths(variables, images):
    """Says which tenth of the grey levels an image is of."""
    level = images.astype(jnp.float32).mean((1, 2, 3)) / 25.6
    logits = -((level[:, None] - 0.5 - jnp.arange(10)) ** 2)
    return level[:, None], logits


GREY = Extractor("grey", "0", "none", 1, 10, {}, tenths)


def test_accuracy_is_the_share_of_the_classes_asked_for():
    images = np.full((10, 4, 4, 1), 0, np.uint8) + np.arange(0, 250, 26)[:, None, None, None]
    images = images.astype(np.uint8)
    assert domain.accuracy(GREY, images, np.arange(10)) == 1.0
    assert domain.accuracy(GREY, images, [0, 1, 2, 9, 9, 9, 9, 9, 9, 9]) == 0.4
    # As a generator gives them.
    assert domain.accuracy(GREY, images / 127.5 - 1.0, np.arange(10)) == 1.0
    with pytest.raises(ValueError, match="as many labels"):
        domain.accuracy(GREY, images, np.arange(9))
    silent = Extractor("silent", "0", "none", 1, 0, {}, lambda v, x: (tenths(v, x)[0], None))
    with pytest.raises(ValueError, match="silent has no logits"):
        domain.accuracy(silent, images, np.arange(10))


def test_stacked_digits_are_read_colour_by_colour():
    found = domain._stack(domain.Domain(GREY, 0.9, {"digest": "0"}))
    assert found.accuracy == pytest.approx(0.729)
    assert (found.extractor.dim, found.extractor.num_classes) == (3, 1000)
    triples = np.random.default_rng(0).integers(0, 10, (50, 3))
    images = (np.zeros((50, 4, 4, 3)) + triples[:, None, None] * 25.6 + 12).astype(np.uint8)
    labels = triples @ [100, 10, 1]
    assert domain.accuracy(found.extractor, images, labels) == 1.0
    probabilities = jax.nn.softmax(extract(found.extractor, images).logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-4)
    again = domain._stack(domain.Domain(GREY, 0.9, {"digest": "0"}))
    assert again.extractor.apply is found.extractor.apply


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("mnist", 0.992), ("fashion_mnist", 0.92)])
def test_real_datasets(name, least, tmp_path, optimized):
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")
    settings = types.SimpleNamespace(name=name, data_dir=str(pathlib.Path(folder) / "tfds"))
    assert domain.load(settings, cache_dir=tmp_path).accuracy >= least
