"""Published networks as ours: what the authors' programs made, and what cannot be asked of them."""

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan.base import errors
from tests.weights.test_reading import golden

NCHW = (0, 3, 1, 2)


@pytest.fixture(scope="module")
def stylegan2():
    """The model of a small file, and what NVIDIA's program makes of it."""
    path = golden("stylegan2_small_cond32.pkl")
    with np.load(path.with_suffix(".npz")) as stored:
        return jaxgan.load(path), dict(stored)


def near(found, expected, tolerance=1e-4):
    found = np.asarray(found)
    expected = expected.reshape(found.shape)
    assert np.abs(found - expected).max() <= tolerance * max(1, expected.std())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("const", {"noise": "const"}),
        ("none", {"noise": "none"}),
        ("psi0.7", {"noise": "const", "truncation": 0.7}),
        ("psi0.5_cutoff4", {"noise": "const", "truncation": 0.5, "cutoff": 4}),
    ],
)
def test_images_are_those_of_nvidias_program(stylegan2, name, settings):
    gan, stored = stylegan2
    labels = stored["c"].argmax(axis=1)
    images = gan.generate(stored["z"], labels, **settings)
    near(images.transpose(NCHW), stored[f"out/img_{name}"])


def test_logits_are_those_of_nvidias_program(stylegan2):
    gan, stored = stylegan2
    labels = stored["c"].argmax(axis=1)
    near(gan.discriminate(stored["d_in"].transpose(0, 2, 3, 1), labels), stored["out/logits_rand"])
    images = gan.generate(stored["z"], labels, noise="const")
    near(gan.discriminate(images, labels), stored["out/logits_img_const"])


def test_samples_are_of_their_key_and_noise_of_its_own(stylegan2):
    gan, _ = stylegan2
    key = jax.random.key(3)
    first, again = (gan.sample(key, 3, noise="const") for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (3, 32, 32, 3)
    latents = gan.latents(key, 3)
    np.testing.assert_array_equal(first, gan.generate(latents, noise="const"))
    drawn = [gan.generate(latents, key=jax.random.key(i)) for i in range(2)]
    assert (drawn[0] != drawn[1]).any()
    assert "Nvidia" in gan.file.licence


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda gan: gan.generate(np.zeros((2, 31))), r"latents must be \[n, 32\], not \[2, 31\]"),
        (
            lambda gan: gan.generate(np.zeros((2, 32)), [0, 3]),
            "'labels' must be from 0 to 2, not 0 to 3",
        ),
        (lambda gan: gan.generate(np.zeros((2, 32)), [0]), "'labels' has 1 rows for 2 samples"),
        (lambda gan: gan.generate(np.zeros((2, 32)), noise="constant"), "did you mean 'const'"),
        (lambda gan: gan.sample(jax.random.key(0), 0), "at least 1, not 0"),
        (lambda gan: gan.discriminate(np.zeros((2, 16, 16, 3))), "images must be"),
    ],
)
def test_what_cannot_be_asked_is_refused(stylegan2, ask, told):
    with pytest.raises(errors.UserError, match=told):
        ask(stylegan2[0])


def test_a_tensor_too_few_or_too_many_is_named(stylegan2):
    from jaxgan.weights import stylegan2 as mapping

    file = stylegan2[0].file
    settings = file.settings["G_ema"]["init_kwargs"]
    tensors = dict(file.networks["G_ema"])
    with pytest.raises(ValueError, match=r"'synthesis\.b64\.extra' .* is of no use"):
        mapping.generator({**tensors, "synthesis.b64.extra": np.zeros(3)}, settings)
    del tensors["synthesis.b8.torgb.bias"]
    with pytest.raises(ValueError, match=r"there is no 'synthesis\.b8\.torgb\.bias'"):
        mapping.generator(tensors, settings)


@pytest.mark.parametrize(
    ("path", "inputs", "image", "logits", "settings"),
    [
        ("progan_official_small32.pkl", "z", "img_lod0.0", "score_lod0.0", {}),
        ("progan_zoo_small32/model_s3_i100.pth", "z", "img_alpha0", "logits_alpha0", {}),
        ("biggan_small_cifar32/G_ema.pth", "z", "img_eval", "logits_eval", {}),
        ("mimicry_sngan_small32/netG_100000_steps.old.pth", "z", "img_eval", "logits_eval", {}),
        ("mimicry_cganpd_small32/netD_100000_steps.pth", "z", "img_eval", "logits_eval", {}),
        (
            "hf_biggandeep_small32/pytorch_model.bin",
            "z_before_truncation",
            "img_trunc0.43",
            "",
            {"truncation": 0.43},
        ),
    ],
)
def test_loads_by_its_path_alone(path, inputs, image, logits, settings):
    place = golden(path)
    stem = place.with_suffix(".npz") if place.suffix == ".pkl" else place.parent
    with np.load(stem if stem.suffix == ".npz" else f"{stem}.npz") as stored:
        file = dict(stored)
    gan = jaxgan.load(place)
    labels = file.get("y")
    if labels is not None and labels.ndim == 2:
        labels = labels.argmax(axis=1)
    near(gan.generate(file[inputs], labels, **settings).transpose(NCHW), file[f"out/{image}"])
    if logits:
        judged = gan.discriminate(file["d_in"].transpose(0, 2, 3, 1), labels)
        near(judged, file[f"out/{logits}"])


def test_latents_of_hugging_faces_are_cut_off():
    gan = jaxgan.load(golden("hf_biggandeep_small32/pytorch_model.bin"))
    latents = gan.latents(jax.random.key(0), 500)
    assert 1.9 < np.abs(latents).max() <= 2
    # The deviation of a standard normal that is cut off there.
    np.testing.assert_allclose(latents.std(), 0.8796, rtol=0.03)
    for truncation in (0, 1.1, -0.5, float("nan")):
        with pytest.raises(errors.UserError, match="truncation must be "):
            gan.generate(latents[:1], truncation=truncation)
