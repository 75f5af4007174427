"""What is drawn of a run where it pauses, beside the grid of samples."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import special

from jaxgan import data
from jaxgan.run import drawing, lane_folders, program, sampling
from jaxgan.watch import landscape, pictures, scatter
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
    assert set(drawing.draw(changed, state, shown)) == OF_AN_ENCODER - {"manifold"} | {"classes"}


def test_nothing_is_read_where_nothing_is_drawn():
    points = ("data.name=ring", "method.likelihood=gaussian")
    for overrides, name in (
        ((), "gan_digits"),
        (("sample.every=0",), "vae_digits"),
        ((*points, "sample.every=0"), "vae_digits"),
    ):
        ready, splits = prepared(*overrides, name=name)
        assert drawing.choose(ready, splits) == drawing.Shown()
    shown = drawing.choose(*prepared(*points))
    assert (shown.rows, shown.coded, shown.labels) == (None, None, None)


def test_real_points_are_some_of_the_training_data_from_every_mode():
    ready, splits = prepared("data.name=grid", name="gan_ring")
    real = drawing.choose(ready, splits).points
    assert real.shape == (drawing.REAL, 2)
    np.testing.assert_array_equal(real, drawing.choose(ready, splits).points)
    known = data.whole(splits.source())["image"]
    assert {x.tobytes() for x in real} <= {x.tobytes() for x in known}
    gaps = np.abs(real[:, None] - data.mixtures.means("grid")).max(axis=-1)
    assert set(gaps.argmin(axis=1)) == set(range(25))


def drawn_points(*overrides, change=None):
    """What is handed to the picture of points, and how often D was traced for two of them."""
    ready, splits = prepared("data.name=ring", *overrides, name="gan_ring")
    traced, handed = [], []

    def scores(state, places):
        traced.append(places.shape)
        return 3 * places[:, 0] + 5 * places[:, 1]

    method = dataclasses.replace(ready.method, **{"scores": scores, **(change or {})})
    ready = dataclasses.replace(ready, arms=(method,), mapped=(method,), _phases={})
    shown, state = drawing.choose(ready, splits), ready.start()["state"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landscape, "landscape", lambda *told: handed.append(told))
        for _ in range(2):
            assert set(drawing.draw(ready, state, shown)) == {"step"}
    return ready, state, shown, handed, traced


def test_points_are_drawn_over_what_d_says_of_each_place():
    ready, state, shown, handed, traced = drawn_points()
    places = landscape.places()
    for real, generated, logits in handed:
        assert real is shown.points
        latents = sampling.latents(ready, ready.purpose_key(program.SAMPLE), 7)
        np.testing.assert_array_equal(generated, sampling.generate(ready, state, latents))
        np.testing.assert_allclose(logits, 3 * places[:, 0] + 5 * places[:, 1], atol=1e-6)
    assert traced == [(drawing.CHUNK, 2)], "D is compiled once"


def test_there_is_no_landscape_of_a_d_of_packs_or_without_one():
    assert drawn_points("method.techniques.pack=2")[3][0][2] is None
    assert drawn_points(change={"scores": None})[3][0][2] is None


def test_a_run_on_points_draws_them_real_and_generated_over_a_ground(tmp_path):
    overrides = ("data.name=ring", "evaluation.every=0", "steps=2", "seeds=2")
    assert run(smoke("gan_ring", *overrides), tmp_path) == 0
    drawn = []
    for lane in (lane_folders.place(tmp_path, i) for i in range(2)):
        names = sorted(path.name for path in (lane / "samples").iterdir())
        assert names == [f"step_{step:08}.png" for step in (0, 2)]
        with Image.open(lane / "samples" / names[-1]) as image:
            drawn.append(pixels(image))
        square = drawn[-1][8:, scatter.MARGIN :][: pictures.GRID_PIXELS, : pictures.GRID_PIXELS]
        for colour in (landscape.REAL, landscape.GENERATED):
            assert (square == colour).all(axis=-1).any()
        assert not (square == 255).all(axis=-1).any(), "there is no ground"
    assert (drawn[0] != drawn[1]).any(), "each lane draws its own"


def labelled(count, n):
    """A drawing whose samples tell their label and their latents, of so many classes."""
    ready, _ = prepared(f"sample.n={n}", name="cgan_digits")
    made = []

    def generate(state, latents, *, labels, averaged=True):
        made.append(len(labels))
        value = labels[:, None, None, None] / 50 + jnp.zeros((1, 8, 8, 1))
        return value.at[:, 0, 0, 0].set(latents[:, 0])

    method = dataclasses.replace(ready.method, generate=generate)
    names = tuple(f"class {i}" for i in range(count))
    spec = ready.spec._replace(num_classes=count, classes=names)
    changed = dataclasses.replace(ready, arms=(method,), mapped=(method,), spec=spec, _phases={})
    handed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "sheet", lambda *told: handed.append(told))
        found = drawing.draw(changed, ready.start()["state"], drawing.Shown())
    assert set(found) == {"step", "classes"}
    assert made == [n], "it is compiled for the grid alone"
    latents = sampling.latents(ready, ready.purpose_key(program.SAMPLE), n)
    return *handed[0], latents


@pytest.mark.parametrize(
    ("count", "n", "rows", "columns"), [(2, 50, 2, 8), (10, 7, 10, 7), (45, 30, 20, 8)]
)
def test_a_row_a_class_of_the_same_latents(count, n, rows, columns):
    samples, names, latents = labelled(count, n)
    assert samples.shape == (rows, columns, 8, 8, 1)
    shown = [int(name.removeprefix("class ")) for name in names]
    assert (shown[0], shown[-1], len(set(shown))) == (0, count - 1, rows)
    assert max(np.diff(shown)) - min(np.diff(shown)) <= 1
    for label, row in zip(shown, samples, strict=True):
        np.testing.assert_allclose(row[:, 1, 1, 0], label / 50, rtol=1e-6)
        np.testing.assert_array_equal(row[:, 0, 0, 0], latents[:columns, 0])


def test_a_run_with_labels_draws_its_classes_beside_the_grid(tmp_path):
    assert run(smoke("cgan_digits", "evaluation.every=0", "steps=2"), tmp_path) == 0
    names = {path.name for path in (tmp_path / "samples").iterdir()}
    assert names == {f"{kind}_{step:08}.png" for kind in ("step", "classes") for step in (0, 2)}


def test_an_encoder_is_shown_the_classes_that_it_was_not_trained_on():
    ready, splits = prepared("data.without=5")
    assert 5 in drawing.choose(ready, splits).labels
