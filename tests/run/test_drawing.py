"""What is drawn of a run where it pauses, beside the grid of samples."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import special

from jaxgan import data
from jaxgan.run import drawing, program
from jaxgan.watch import pictures
from tests.conftest import run, smoke

OF_AN_ENCODER = {"step", "reconstructions", "latents", "manifold"}


def prepared(*overrides, name="vae_digits"):
    settings = smoke(name, "evaluation.every=0", "sample.n=7", *overrides)
    return program.prepare(settings), data.Splits(settings.data)


@pytest.fixture(scope="module")
def vae():
    ready, splits = prepared()
    return ready, ready.start()["state"], splits


def pixels(image):
    return np.asarray(image.convert("RGB"))


def test_a_run_writes_them_at_the_steps_of_its_grids(tmp_path):
    assert run(smoke("vae_digits", "evaluation.every=0", "steps=2"), tmp_path) == 0
    names = {path.name for path in (tmp_path / "samples").iterdir()}
    assert names == {f"{kind}_{step:08}.png" for kind in OF_AN_ENCODER for step in (0, 2)}
    with Image.open(tmp_path / "samples.gif") as animation:
        assert animation.n_frames == 2


def test_unseen_images_from_all_over_the_split_beside_their_reconstructions(vae):
    ready, state, splits = vae
    source = splits.source("test")
    places = [i * source.size // 7 for i in range(7)]
    images = data.to_float(source.read(np.array(places)))["image"]
    again = ready.method.generate(state, ready.method.encode(state, images))
    expected = pictures.grid(np.concatenate([images, again], axis=2))
    found = drawing.draw(ready, state, drawing.choose(ready, splits))
    assert set(found) == OF_AN_ENCODER
    gap = np.abs(pixels(found["reconstructions"]).astype(int) - pixels(expected))
    assert gap.max() <= 1  # rounding of two compilations


def test_images_that_were_trained_on_are_not_shown(vae):
    ready, _, splits = vae
    stored = data.whole(splits.source("test"))["image"]

    def part(name, first, last):
        ids = np.arange(first, last)
        known = data.in_memory("x", name, stored[first:last], None, 0, ids=lambda: ids)
        return {"image": known}

    for trained_on, unseen in ((50, stored[50:60]), (60, stored[:60])):
        sources = {"train": part("train", 0, trained_on), "test": part("test", 0, 60)}
        rows = drawing.choose(ready, data.Splits(splits.data, _sources=sources)).rows["image"]
        assert len(rows) == 7
        assert {x.tobytes() for x in rows} <= {x.tobytes() for x in unseen}
        np.testing.assert_array_equal(rows[0], unseen[0])


def test_the_latents_of_the_test_set_by_label(vae, monkeypatch):
    ready, state, splits = vae
    drawn = []
    monkeypatch.setattr(
        drawing, "scatter", lambda *told: drawn.append(told) or Image.new("L", (1, 1))
    )
    drawing.draw(ready, state, drawing.choose(ready, splits))
    ((codes, labels, names),) = drawn
    rows = data.to_float(data.whole(splits.source("test")))
    np.testing.assert_allclose(
        codes, ready.method.encode(state, rows["image"]), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(labels, rows["label"])
    assert tuple(names) == tuple("0123456789")


def test_the_grid_of_latents_is_the_inverse_gaussian_cdf_of_even_values(vae):
    ready, state, splits = vae
    latents = drawing.lattice(20)
    first, second = np.moveaxis(latents.reshape(20, 20, 2), -1, 0)
    even = (np.arange(20) + 0.5) / 20
    for row in range(20):
        np.testing.assert_allclose(special.ndtr(first[row]), even, atol=1e-6)
        np.testing.assert_allclose(special.ndtr(second[::-1][:, row]), even, atol=1e-6)
    expected = pictures.grid(np.asarray(ready.method.generate(state, latents)))
    found = drawing.draw(ready, state, drawing.choose(ready, splits))["manifold"]
    gap = np.abs(pixels(found).astype(int) - pixels(expected))
    assert gap.max() <= 1


def test_latents_that_are_no_points_in_the_plane_are_not_scattered():
    ready, splits = prepared("method.latent_dim=3")
    shown = drawing.choose(ready, splits)
    assert shown.coded is None
    assert set(drawing.draw(ready, ready.start()["state"], shown)) == {"step", "reconstructions"}


def test_images_are_made_again_under_their_own_labels(vae):
    ready, state, splits = vae

    def generate(state, latents, *, labels, averaged=True):
        value = labels.astype(jnp.float32)[:, None, None, None] / 10
        return jnp.broadcast_to(value, (len(labels), 8, 8, 1))

    method = dataclasses.replace(ready.method, generate=generate, conditions=("labels",))
    changed = dataclasses.replace(ready, arms=(method,), mapped=(method,), _phases={})
    shown = drawing.choose(changed, splits)
    found = drawing.reconstructed(changed, state, shown.rows)
    np.testing.assert_allclose(found[:, 0, 8, 0], shown.rows["label"] / 10, rtol=1e-6)
    assert set(drawing.draw(changed, state, shown)) == OF_AN_ENCODER - {"manifold"}


def test_nothing_is_read_where_nothing_is_drawn():
    points = ("data.name=ring", "method.likelihood=gaussian")
    for overrides, name in (
        ((), "gan_digits"),
        (("sample.every=0",), "vae_digits"),
        (points, "vae_digits"),
    ):
        ready, splits = prepared(*overrides, name=name)
        assert drawing.choose(ready, splits) == drawing.Shown()


def test_an_encoder_is_shown_the_classes_that_it_was_not_trained_on():
    ready, splits = prepared("data.without=5")
    assert 5 in drawing.choose(ready, splits).labels
