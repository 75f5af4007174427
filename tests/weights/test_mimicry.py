"""Mimicry's published tensors make the images and logits of its programs."""

import numpy as np
import pytest
import torch

from jaxgan.networks import mimicry as networks
from jaxgan.weights import mimicry
from tests.conftest import quickly
from tests.weights import published
from tests.weights.comparing import apply, close, golden, nchw, nhwc, tensors

Y = np.array([0, 3, 4])
HOOK, PLAIN = published.hook_weight, published.plain_weight


def draw(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def torched(x):
    return torch.tensor(x, dtype=torch.float64)


@pytest.mark.parametrize(
    ("bottom", "widths", "y", "weight", "attention"),
    quickly(
        [
            (4, (8, 8, 8, 8), None, PLAIN, 0),
            (4, (16, 16, 16, 16), Y, HOOK, 16),
            (6, (16, 8, 4, 2), None, PLAIN, 0),
            (4, (32, 16, 8, 4, 2), Y, PLAIN, 0),
            (4, (32, 32, 16, 8, 4, 2), Y, HOOK, 32),
        ],
        *(1, 2),
    ),
)
def test_generators(bottom, widths, y, weight, attention):
    P, z = published.Published(), draw(3, 6)
    want = published.mimicry_generator(P, torched(z), y, bottom, widths, weight, attention)
    found, variables = mimicry.generator(P.tensors)
    assert (found["shape"][0], found["width"]) == (bottom * 2 ** (len(widths) - 1), widths[0])
    assert found["attention"] == attention
    assert mimicry.latent_dim(found, variables) == 6
    close(nchw(apply(networks.Generator(**found), variables, z, y)), want.numpy())


@pytest.mark.parametrize(
    ("side", "widths", "halvings", "y", "attention"),
    quickly(
        [
            (32, (8, 8, 8, 8), 2, None, 0),
            (32, (16, 16, 16, 16), 2, Y, 2),
            (48, (2, 4, 8, 16, 32), 4, None, 0),
            (64, (2, 4, 8, 16, 32), 5, Y, 0),
            (128, (4, 8, 16, 32, 64, 64), 5, Y, 2),
        ],
        *(1, 2),
    ),
)
def test_discriminators(side, widths, halvings, y, attention):
    P, x = published.Published(), draw(3, 3, side, side)
    want = published.mimicry_discriminator(P, torched(x), y, widths, halvings, attention)
    found, variables = mimicry.discriminator(P.tensors)
    assert found["width"] == widths[-1]
    assert found["attention"] == (side // 4 if attention else 0)
    close(apply(networks.Discriminator(**found), variables, nhwc(x), y).logits, want.numpy())


def test_tensors_of_another_model_are_told():
    P = published.Published()
    published.mimicry_discriminator(P, torched(draw(3, 3, 32, 32)), None, (8, 8, 8, 8), 2)
    more = {**P.tensors, "l_rot.weight": np.zeros((4, 8), np.float32)}
    with pytest.raises(ValueError, match=r"'l_rot.weight' \[4, 8\] is of no use"):
        mimicry.discriminator(more)
    less = {k: v for k, v in P.tensors.items() if k != "block3.c2.weight_v"}
    with pytest.raises(ValueError, match=r"there is no 'block3.c2.weight_v'"):
        mimicry.discriminator(less)
    with pytest.raises(ValueError, match="there is no"):
        mimicry.generator({})


@pytest.mark.parametrize("name", ["sngan", "cganpd", "sagan"])
def test_golden(name):
    file = f"mimicry_{name}_small32"
    want = golden(file)
    y = want.get("y")
    for train, suffix in ((False, "eval"), (True, "train_first_call")):
        found, variables = mimicry.generator(
            tensors(f"{file}/netG_100000_steps.pth"), training=train
        )
        images = apply(networks.Generator(**found), variables, want["z"], y, train=train)
        close(nchw(images), want[f"out/img_{suffix}"])
        found, variables = mimicry.discriminator(
            tensors(f"{file}/netD_100000_steps.pth"), training=train
        )
        module = networks.Discriminator(**found)
        critique = apply(module, variables, nhwc(want["d_in"]), y, train=train)
        close(critique.logits, want[f"out/logits_{suffix}"][:, 0])
    _, variables = mimicry.discriminator(tensors(f"{file}/netD_100000_steps.pth"))
    critique = apply(module, variables, nhwc(want["out/img_eval"]), y)
    close(critique.logits, want["out/logits_of_img_eval"][:, 0])
