"""A run of ours as an autoencoder: what it encodes and decodes, its scale, and what is none."""

import shutil

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import data
from jaxgan.base import errors
from jaxgan.base.autoencoder import scaled
from jaxgan.run import autoencoders, program, trained
from tests.conftest import run, smoke
from tests.weights.test_autoencoder import GOLDEN

QUICK = ("evaluation.every=0", "sample.every=0", "checkpoint.every=2", "steps=4")


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "vae"
    assert run(smoke("vae_map_digits", *QUICK), folder) == 0
    return folder


@pytest.fixture
def folder(trained_once, tmp_path):
    return shutil.copytree(trained_once, tmp_path / "vae")


def digits(count=6):
    source = data.open_source(smoke("vae_map_digits").data, "train")
    rows = np.linspace(0, source.size, count, endpoint=False).astype(np.int64)
    return data.to_float(source.read(rows))["image"]


def test_it_encodes_and_decodes_as_the_run(folder):
    found, model, images = autoencoders.load(folder), jaxgan.load(folder), digits()
    assert (found.shape, found.latent, found.name) == ((8, 8, 1), (4, 4, 2), str(folder))
    mean, deviation = jax.jit(found.encode)(found.variables, images)
    assert mean.shape == deviation.shape == (6, 4, 4, 2)
    assert (deviation > 0).all()
    flat = model.encode(images)
    np.testing.assert_allclose(mean.reshape(6, -1), flat, rtol=1e-5, atol=1e-6)
    decoded = jax.jit(found.decode)(found.variables, mean)
    np.testing.assert_allclose(decoded, model.generate(flat), rtol=1e-5, atol=1e-5)


def test_each_channel_of_its_latents_is_standard(folder):
    found, images = autoencoders.load(folder), digits(1000)
    mean, deviation = (np.asarray(x) for x in found.encode(found.variables, images))
    drawn = mean + deviation * np.random.default_rng(0).standard_normal(mean.shape)
    standard = ((drawn - found.shift) * found.scale).reshape(-1, 2)
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(standard.std(axis=0), 1, atol=0.01)
    assert found.scale == tuple(float(f"{each:.4g}") for each in found.scale)
    np.testing.assert_allclose(scaled(found, drawn).reshape(-1, 2), standard, atol=1e-5)


def test_the_scale_is_kept_for_where_the_data_are_not(folder, monkeypatch):
    def gone(*_):
        raise errors.UserError("there is no dataset 'digits'")

    before = autoencoders.load(folder)
    monkeypatch.setattr(data, "describe", gone)
    monkeypatch.setattr(data.Splits, "source", gone)
    again = autoencoders.load(folder)
    assert (again.scale, again.shift) == (before.scale, before.shift)
    (folder / autoencoders.SCALE).unlink()
    with pytest.raises(errors.UserError, match="measured over its training images: there is no"):
        autoencoders.load(folder)


def test_a_scale_of_other_weights_is_not_taken(tmp_path):
    kept = tmp_path / autoencoders.SCALE
    assert autoencoders.read_scale(tmp_path, "mine", 2) is None
    for text in (
        '{"digest": "another", "scale": [7, 7], "shift": [0, 0]}',
        '{"digest": "mine", "scale": [7], "shift": [0]}',
        '{"digest": "mine", "scale": 7}',
        "{",
        "[]",
        "",
        '{"scale": [7, 7], "shift": [0, 0]}',
        '{"digest":1}',
    ):
        kept.write_text(text)
        assert autoencoders.read_scale(tmp_path, "mine", 2) is None
    autoencoders.write_scale(tmp_path, "mine", (0.5, 0.0), (0.25, 1.0))
    assert autoencoders.read_scale(tmp_path, "mine", 2) == ((0.5, 0.0), (0.25, 1.0))


def test_a_folder_that_cannot_be_written_to_is_no_matter(tmp_path):
    (tmp_path / "file").write_text("")
    autoencoders.write_scale(tmp_path / "file", "mine", (0.5,), (0.25,))


def test_other_weights_have_another_digest(folder):
    digests = [autoencoders.of_run(trained.load(folder, step), folder).digest for step in (2, 4, 4)]
    assert digests[0] != digests[1] == digests[2]


def test_images_of_another_shape_are_refused(folder):
    assert autoencoders.load(folder, (8, 8, 1)).shape == (8, 8, 1)
    with pytest.raises(errors.UserError, match=r"of images \[8, 8, 1\], not \[16, 16, 1\]"):
        autoencoders.load(folder, (16, 16, 1))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gan_digits", "method 'gan' is no autoencoder of images alone; train one by method 'vae'"),
        ("vae_digits", "latents of network 'mlp' are no map .*vae_map_cifar10.py"),
    ],
)
def test_what_is_no_autoencoder_with_a_map(name, told):
    model = trained.Model(program.prepare(smoke(name)), None, 0)
    with pytest.raises(errors.UserError, match=f"^runs/a: .*{told}") as caught:
        autoencoders.latent_map(model, "runs/a")
    assert "\n" not in str(caught.value)


def test_published_weights_by_file_or_folder(tmp_path):
    found = autoencoders.load(GOLDEN)
    assert found.latent == (4, 4, 2)
    assert autoencoders.load(GOLDEN / "diffusion_pytorch_model.safetensors", (8, 8, 3)).latent == (
        (2, 2, 2)
    )
    with pytest.raises(errors.UserError):
        autoencoders.load(tmp_path / "nothing")
