"""Projection: latents whose images come near, of every kind of generator."""

import dataclasses
import os
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import config as config_lib
from jaxgan import data
from jaxgan.base import errors
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.latent import Settings, project
from jaxgan.latent import generator as generators
from jaxgan.latent.starting import Space
from jaxgan.run import trained
from jaxgan.watch.pictures import to_bytes
from tests.conftest import EXPERIMENTS, run, smoke
from tests.weights.test_reading import golden

QUICK = Settings(steps=20, restarts=3, candidates=100, pictures=2)


@pytest.fixture(scope="module")
def gans(tmp_path_factory):
    """Runs of two steps by the experiment, each made when it is first asked for."""
    made = {}

    def of(name):
        if name not in made:
            folder = tmp_path_factory.mktemp("projects") / name
            points = ("data.name=ring",) if name == "gan_ring" else ()
            settings = smoke(name, "evaluation.every=0", "sample.every=0", *points)
            with settings.unlocked():
                settings.steps = 2
                settings.checkpoint.best = ""
            assert run(settings, folder) == 0
            made[name] = folder
        return jaxgan.load(made[name])

    of.made = made
    return of


def again(gan, found):
    """The images of what was found, by the model itself."""
    told = {} if found.labels is None else {"labels": found.labels}
    return to_bytes(gan.generate(found.latents, **told))


def near(found, due):
    assert np.abs(found.astype(int) - due).max() <= 1


def test_own_images_come_nearer_than_the_nearest_sample(gans):
    gan = gans("gan_digits")
    own = gan.sample(jax.random.key(5), 3)
    found = project(gan, own, jax.random.key(0), settings=QUICK)
    assert (found.psnr > found.nearest + 2).all()
    near(again(gan, found), found.images)
    np.testing.assert_array_equal(found.targets, to_bytes(own))
    assert found.way.shape == (3, 3, 8, 8, 1)
    assert found.steps.tolist() == [0, 10, 20]
    assert (found.losses[-1] < found.losses[0]).all()
    np.testing.assert_allclose(sum(found.terms.values()), found.loss, rtol=1e-5)
    # The best of the searches, the first of which begins at the nearest sample.
    one = project(gan, own, jax.random.key(0), settings=dataclasses.replace(QUICK, restarts=1))
    assert (found.loss <= one.loss * 1.05).all()


def test_images_are_found_alike_in_chunks_and_on_several_devices(gans):
    gan = gans("gan_digits")
    own = gan.sample(jax.random.key(5), 4)
    whole = project(gan, own, jax.random.key(0), settings=QUICK)
    parts = project(gan, own, jax.random.key(0), settings=dataclasses.replace(QUICK, rows=9))
    several = project(
        trained.load(gans.made["gan_digits"], devices=2), own, jax.random.key(0), settings=QUICK
    )
    for other in (parts, several):
        np.testing.assert_allclose(other.loss, whole.loss, rtol=1e-2)
        assert np.abs(other.psnr - whole.psnr).max() < 0.5


def test_labels_are_kept_or_found(gans):
    gan = gans("cgan_digits")
    own = gan.sample(jax.random.key(1), 3, labels=[4, 0, 9])
    given = project(gan, own, jax.random.key(0), labels=[4, 0, 9], settings=QUICK)
    assert given.labels.tolist() == [4, 0, 9]
    near(again(gan, given), given.images)
    found = project(gan, own, jax.random.key(0), settings=QUICK)
    assert found.labels.shape == (3,)
    near(again(gan, found), found.images)
    with pytest.raises(errors.UserError, match="must be from 0 to 9"):
        project(gan, own, jax.random.key(0), labels=10, settings=QUICK)


def test_codes_that_are_whole_numbers_stay_so(gans):
    gan = gans("infogan_digits")
    found = project(gan, gan.sample(jax.random.key(1), 2), jax.random.key(0), settings=QUICK)
    assert found.latents["categorical"].dtype == np.int32
    assert np.abs(found.latents["continuous"]).max() <= 1
    near(again(gan, found), found.images)


@pytest.mark.parametrize("name", ["vae_digits", "vaegan_digits", "bigan_digits"])
def test_the_first_search_begins_where_an_encoder_says(gans, name):
    gan = gans(name)
    real = data.to_float(data.open_source(gan.config.data, "test").read(np.arange(2)))["image"]
    still = Settings(steps=1, pictures=1, restarts=1, candidates=100, learning_rate=0, noise=0)
    found = project(gan, real, jax.random.key(0), settings=still)
    np.testing.assert_allclose(found.latents, gan.encode(real), atol=1e-5)


def test_styles_are_found_with_their_noise(gans):
    gan = gans("stylegan2_digits")
    own = np.clip(gan.sample(jax.random.key(3), 2), -1, 1)
    found = project(gan, own, jax.random.key(0), settings=QUICK)
    assert found.space == "w"
    assert found.labels is None
    assert (found.losses[-1] < found.losses[0]).all()
    for x in jax.tree.leaves(found.maps):
        np.testing.assert_allclose(x.std(axis=(1, 2, 3)), 1, rtol=1e-3)
    space = Space(generators.of(gan), styled=True)
    images = space.paint(gan.state, {"w": found.latents}, found.maps, {})
    near(to_bytes(images), found.images)
    in_z = project(gan, own, jax.random.key(0), settings=dataclasses.replace(QUICK, space="z"))
    near(again(gan, in_z), in_z.images)


def test_the_parts_of_a_styled_generator_are_the_whole_of_it(gans):
    gan = gans("stylegan2_digits")

    def silenced(path, x):
        return 0 * x if "strength" in jax.tree_util.keystr(path) else x

    # Drawn or constant, noise without strength is the same.
    state = jax.tree.map_with_path(silenced, gan.state)
    styled, latents = gan.method.styled, gan.latents(jax.random.key(0), 3)
    w = styled.map(state, latents)
    styles = np.repeat(np.asarray(w)[:, None], styled.layers, axis=1)
    images = styled.synthesize(state, styles, styled.noise(state))
    expected = dataclasses.replace(gan, state=state).generate(latents)
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert np.abs(images - gan.generate(latents)).max() > 1e-3


@pytest.mark.usefixtures("quick_classifier")
def test_features_are_a_term(gans):
    gan = gans("gan_digits")
    own = gan.sample(jax.random.key(5), 2)
    features = Perceptual("domain", ("conv_0", "conv_1"))
    found = project(
        gan, own, jax.random.key(0), settings=dataclasses.replace(QUICK, features=features)
    )
    assert set(found.terms) == {"pixels", "features", "prior"}
    assert (found.terms["features"] > 0).all()
    assert (found.losses[-1] < found.losses[0]).all()


@pytest.mark.parametrize("name", ["pix2pix_digits", "gan_ring"])
def test_what_has_no_images_of_latents_says_so(gans, name):
    gan = gans(name)
    with pytest.raises(errors.UserError, match=r"no latents to look for|and no images"):
        project(gan, np.zeros((1, 8, 8, 1)), jax.random.key(0), settings=QUICK)


@pytest.mark.parametrize(
    ("images", "more", "told"),
    [
        (np.zeros((1, 9, 9, 1)), {}, r"images must be \[n, 8, 8, 1\]"),
        (np.full((1, 8, 8, 1), 255.0), {}, r"must be in \[-1, 1\]"),
        (np.full((1, 8, 8, 1), np.nan), {}, "images must be finite"),
        (np.zeros((1, 8, 8, 1), np.uint8), {}, "bytes are x / 127.5 - 1"),
        (np.zeros((1, 8, 8, 1)), {"labels": 1}, "takes no labels"),
        (np.zeros((1, 8, 8, 1)), {"settings": Settings(space="w")}, "no space of styles"),
    ],
)
def test_what_cannot_be_projected_is_refused(gans, images, more, told):
    with pytest.raises(errors.UserError, match=told):
        project(gans("gan_digits"), images, jax.random.key(0), **more)


@pytest.mark.parametrize(
    "name",
    [
        "stylegan2_small_cond32.pkl",
        "progan_official_small32.pkl",
        "progan_zoo_small32/model_s3_i100.pth",
        "biggan_small_cifar32/G_ema.pth",
        "hf_biggandeep_small32",
        "mimicry_sngan_small32/netG_100000_steps.pth",
        "mimicry_cganpd_small32/netG_100000_steps.pth",
    ],
)
def test_published_generators(name):
    gan = jaxgan.load(golden(name))
    own = np.clip(gan.sample(jax.random.key(2), 2), -1, 1)
    found = project(gan, own, jax.random.key(0), settings=QUICK)
    assert np.isfinite(found.loss).all()
    assert (found.losses[-1] < found.losses[0]).all()
    if found.space == "z":
        near(again(gan, found), found.images)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("optimized")
def test_digits_of_a_trained_generator(tmp_path):
    """Its own samples are found in two minutes, and unseen images nearer than by chance."""
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")
    settings = config_lib.load(
        str(EXPERIMENTS / "dcgan_mnist.py"),
        [
            "--config.steps=1500",
            "--config.evaluation.every=0",
            "--config.checkpoint.best=",
            "--config.parallel.devices=1",  # the tests have four, which would wait for each other
            f"--config.data.data_dir={Path(folder) / 'tfds'}",
        ],
    )
    assert run(settings, tmp_path / "run") == 0
    gan = jaxgan.load(tmp_path / "run")
    start = time.perf_counter()
    own = project(gan, gan.sample(jax.random.key(123), 10), jax.random.key(0))
    assert time.perf_counter() - start < 120
    assert (own.psnr > 30).sum() >= 8
    rows = data.open_source(gan.config.data, "test").read(np.arange(10))
    unseen = project(gan, data.to_float(rows)["image"], jax.random.key(0))
    assert (unseen.psnr > unseen.nearest + 2).all()
