"""The tools on published weights, against images of the original programs where there are any."""

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import latent, main
from jaxgan.base import errors
from jaxgan.latent import generator, styles
from tests.weights.comparing import close, golden, golden_file, nhwc

KEY = jax.random.key(0)
STYLES = "stylegan2_small_cond32"
FILES = (
    f"{STYLES}.pkl",
    "biggan_small_cifar32/G_ema.pth",
    "hf_biggandeep_small32/pytorch_model.bin",
    "progan_zoo_small32/model_s3_i100.pth",
    "mimicry_cganpd_small32/netG_100000_steps.pth",
)


def test_psi_of_a_published_stylegan2():
    gan, want = jaxgan.load(golden_file(f"{STYLES}.pkl")), golden(STYLES)
    own, labels = generator.of(gan), want["c"].argmax(axis=1)
    close(styles.mapped(own, want["z"], labels), want["out/w"])
    samples, kind, _ = latent.truncation_sweep(gan, want["z"], (0.7, 1.0), labels=labels)
    assert kind == "psi"
    close(samples[0], nhwc(want["out/img_psi0.7"]))
    close(samples[1], nhwc(want["out/img_const"]))
    w = np.asarray(want["out/w"]).reshape(len(labels), -1, 32)[:, 0]
    found, _ = latent.interpolate(gan, {"w": w}, 2, space="w")
    close(found[:, 0], nhwc(want["out/img_const"])[:-1])


def test_style_mixing_of_a_published_stylegan2():
    """The styles from layer 3 on are those of the batch turned round."""
    gan, want = jaxgan.load(golden_file(f"{STYLES}.pkl")), golden(STYLES)
    labels = want["c"].argmax(axis=1)
    found = latent.mix(gan, want["z"], want["z"], 3, labels=labels, fine_labels=labels)
    n = len(labels)
    crossed = found[1:, 1:][np.arange(n), n - 1 - np.arange(n)]
    close(crossed, nhwc(want["out/img_mix3_reversed"]))


@pytest.mark.parametrize("name", FILES)
def test_each_family(name, tmp_path):
    path = golden_file(name)
    gan = jaxgan.load(path)
    points = gan.latents(KEY, 2)
    samples, _ = latent.interpolate(gan, points, 3)
    assert samples.shape == (1, 3, *gan.networks.shape)
    close(samples[0, 0], gan.generate(points[:1], labels_of(gan), noise="const")[0])
    found = latent.closed_form(gan, 2)
    assert latent.strips(gan, found, points[:1], (-1.0, 1.0)).shape[:3] == (2, 1, 2)
    assert np.isfinite(latent.path_length(gan, KEY, 4).mean)
    values = latent.truncation_sweep(gan, points)[2]
    assert len(values) >= 5
    out = tmp_path / "way.png"
    given = ["--mode=interpolate", f"--weights={path}", "--points=2", "--n=3"]
    assert main.main([*given, f"--out={out}"]) == 0
    with Image.open(out) as strip:
        assert strip.width > 2 * strip.height


def labels_of(gan):
    return 0 if gan.networks.num_classes else None


def test_a_published_translator_has_no_latents():
    gan = jaxgan.load(golden_file("cyclegan_resnet9_small/latest_net_G_A.pth"))
    with pytest.raises(errors.UserError, match="makes images of images: it has no latents"):
        latent.interpolate(gan, np.zeros((2, 3)))
