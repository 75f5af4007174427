"""Files of one network each: which are together, and what is told of those that are not."""

import jax
import numpy as np
import pytest
import torch

from jaxgan import weights
from jaxgan.weights import beside, players
from tests.weights import published
from tests.weights.comparing import close, golden, golden_file, nchw, nhwc

Y = np.array([0, 3, 4])


@pytest.fixture(scope="module")
def pair():
    """The tensors of a small generator and discriminator, and what they make."""
    z, x = (np.random.default_rng(i).normal(size=s) for i, s in ((1, (3, 4)), (2, (3, 3, 32, 32))))
    G, D = published.Published(1), published.Published(2)
    image = published.biggan_generator(G, torch.tensor(z), Y, (8, 8, 8, 8))
    logits = published.biggan_discriminator(D, torch.tensor(x), Y, (8, 8, 8, 8), 2)
    return G.tensors, D.tensors, z, x, image.numpy(), logits.numpy()


def save(path, tensors):
    torch.save({key: torch.tensor(value) for key, value in tensors.items()}, path)
    return path


def fit(path):
    return beside.fit(weights.read(path))


def images_of(found, z, y, truncation=1.0):
    run = jax.jit(lambda g, z, y, t: players.generator(found)(g, z, y, t, None, "none"))
    return nchw(run(found.g, np.float32(z), y, np.float32(truncation)))


def logits_of(found, x, y):
    return jax.jit(players.discriminator(found))(found.d, nhwc(np.float32(x)), y)


def test_two_files_are_one_model(pair, tmp_path):
    G, D, z, x, image, logits = pair
    g, d = save(tmp_path / "G_ema_best0.pth", G), save(tmp_path / "D_best0.pth", D)
    for path in (g, d):
        found = fit(path)
        assert (found.shape, found.latent_dim, found.num_classes) == ((32, 32, 3), 4, 5)
        close(images_of(found, z, Y), image)
        close(logits_of(found, x, Y), logits)


def test_one_file_is_a_generator_or_told(pair, tmp_path, caplog):
    G, D, *_ = pair
    found = fit(save(tmp_path / "G.pth", G))
    assert (found.d, players.discriminator(found)) == (None, None)
    (tmp_path / "alone").mkdir()
    with pytest.raises(ValueError, match=r"a discriminator, and no G_ema.pth is beside it"):
        fit(save(tmp_path / "alone" / "D.pth", D))
    assert not caplog.records
    save(tmp_path / "D.pth", {k: v for k, v in D.items() if k != "embed.u0"})
    assert fit(tmp_path / "G.pth").d is None
    (told,) = caplog.messages
    assert "D.pth is left aside: there is no 'embed.sn_u'" in told
    with pytest.raises(ValueError, match=r"there is no 'embed.sn_u'"):
        fit(tmp_path / "D.pth")


def test_golden_files():
    want = golden("biggan_small_cifar32")
    found = fit(golden_file("biggan_small_cifar32/G_ema.pth"))
    close(images_of(found, want["z"], want["y"]), want["out/img_eval"])
    close(logits_of(found, want["d_in"], want["y"]), want["out/logits_eval"][:, 0])
    want = golden("hf_biggandeep_small32")
    found = fit(golden_file("hf_biggandeep_small32/pytorch_model.bin"))
    z, y = want["z_before_truncation"], want["y"].argmax(1)
    for truncation in (0.5, 0.43):
        close(images_of(found, z, y, truncation), want[f"out/img_trunc{truncation}"])
    want = golden("mimicry_sngan_small32")
    found = fit(golden_file("mimicry_sngan_small32/netD_100000_steps.old.pth"))
    close(images_of(found, want["z"], None), want["out/img_eval"])
    close(logits_of(found, want["d_in"], None), want["out/logits_eval"][:, 0])
