"""CycleGAN's and pix2pix's files: what their names tell, and their tensors in our layouts."""

import jax
import numpy as np
import pytest
import torch
from torch import nn as layers

import jaxgan
from jaxgan import weights
from jaxgan.base import errors
from jaxgan.run import pretrained
from jaxgan.weights import players, translators
from tests.weights.comparing import apply, close, golden, golden_file, nchw, nhwc, tensors

GOLDEN = {
    "cyclegan_resnet9_small/latest_net_G_A.pth": (
        ("resnet_9blocks", 8, 3, 3, "instance", False),
        "the resnet_9blocks of cyclegan_pix2pix with instance norm, 8 wide, from 3 to 3 channels",
    ),
    "cyclegan_resnet9_small/latest_net_G_A.old.pth": (
        ("resnet_9blocks", 8, 3, 3, "instance", False),
        "resnet_9blocks",
    ),
    "cyclegan_patchgan_small/latest_net_D_A.pth": (
        ("n_layers of 3", 8, 3, 1, "instance", False),
        "n_layers of 3",
    ),
    "pix2pix_patchgan_small/latest_net_D.pth": (
        ("n_layers of 3", 8, 6, 1, "batch", False),
        "n_layers of 3 of cyclegan_pix2pix with batch norm, 8 wide, from 6 to 1 channels",
    ),
    "pix2pix_unet5_small/latest_net_G.pth": (("unet_32", 4, 3, 3, "batch", None), "the unet_32"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_files_are_told(name):
    known, told = GOLDEN[name]
    found = translators.read(tensors(name))
    assert (found.name, found.width, found.into, found.out, found.norm, found.dropout) == known
    path = golden_file(name)
    with pytest.raises(errors.UserError, match=rf"{told}.*, which makes no images of latents"):
        pretrained.load(path)
    if "_D" in name:
        with pytest.raises(errors.UserError, match=rf"{told}.*, a discriminator alone$"):
            jaxgan.load(path)


@pytest.mark.parametrize("name", [name for name in GOLDEN if "_G" in name])
def test_images_are_translated(name):
    expected = golden(name.partition("/")[0])
    x, loaded = nhwc(expected["x"]), jaxgan.load(golden_file(name))
    made = loaded.translate(x)
    close(nchw(made), expected["out/eval"])
    np.testing.assert_allclose(loaded.translate(np.tile(x, (3, 1, 1, 1)))[-2:], made, atol=1e-5)
    assert loaded.translate(np.zeros((1, 64, 96, 3))).shape == (1, 64, 96, 3)
    for wrong, told in (
        (x[..., :1], r"images must be \[n, 32, 32, 3\], not"),
        (x[0], "images must be"),
        (np.zeros((1, 30, 30, 3)), r"latest_net_G.*pth: .* multiples of (4|32), not"),
    ):
        with pytest.raises(errors.UserError, match=told):
            loaded.translate(wrong)


@pytest.mark.parametrize("name", [name for name in GOLDEN if "old" not in name])
def test_in_our_layouts_they_make_what_their_program_makes(name):
    expected = golden(name.partition("/")[0])
    found = translators.read(tensors(name))
    ours, x = translators.network(found), nhwc(expected["x"])
    due = jax.eval_shape(lambda: ours.init(jax.random.key(0), x, train=False))
    shapes = lambda tree: jax.tree.map(lambda leaf: leaf.shape, dict(tree))  # noqa: E731
    assert shapes(found.variables) == shapes(due)
    run = lambda x, train: apply(ours, found.variables, x, train=train)  # noqa: E731
    made = lambda x, train: nchw(getattr(y := run(x, train), "logits", y))  # noqa: E731
    close(made(x, False), expected["out/eval"])
    if (alone := expected.get("out/train_bn_batch1")) is not None:
        each = [made(x[i : i + 1], True) for i in range(len(x))]
        close(np.concatenate(each), alone)


def random_state(module):
    """A state dict of PyTorch's with values that are no start's."""
    torch.manual_seed(0)
    return {
        key: torch.randn(value.shape) if value.ndim else value
        for key, value in module.state_dict().items()
    }


def resnet(norm, dropout, blocks, width=2):
    """The layers of CycleGAN's generator that have parameters, in their places."""
    bias = norm is layers.InstanceNorm2d
    idle = layers.Identity()

    class Block(layers.Module):
        def __init__(self):
            super().__init__()
            C = 4 * width
            inner = [layers.Conv2d(C, C, 3, bias=bias), norm(C), idle]
            more = [idle] if dropout else []
            self.conv_block = layers.Sequential(idle, *inner, *more, idle, *inner[:2])

    made = [idle, layers.Conv2d(1, width, 7, bias=bias), norm(width), idle]
    for i in (1, 2):
        made += [layers.Conv2d(width * i, width * 2 * i, 3, bias=bias), norm(width * 2 * i), idle]
    made += [Block() for _ in range(blocks)]
    for i in (2, 1):
        up = layers.ConvTranspose2d(width * 2 * i, width * i, 3, bias=bias)
        made += [up, norm(width * i), idle]
    module = layers.Module()
    module.model = layers.Sequential(*made, idle, layers.Conv2d(width, 2, 7), idle)
    return module


@pytest.mark.parametrize("norm", [layers.BatchNorm2d, layers.InstanceNorm2d])
@pytest.mark.parametrize("dropout", [False, True])
def test_norm_and_dropout_are_told_by_the_names(norm, dropout):
    state = random_state(resnet(norm, dropout, 6))
    found = translators.read({key: value.numpy() for key, value in state.items()})
    kind = "batch" if norm is layers.BatchNorm2d else "instance"
    assert (found.name, found.norm, found.dropout) == ("resnet_6blocks", kind, dropout)
    assert (found.into, found.out) == (1, 2)
    count = sum(v.numel() for k, v in state.items() if "num_batches" not in k)
    assert sum(np.size(x) for _, x in players.leaves(found.variables)) == count
    up = found.variables["params"]["up_0"]["conv"]["kernel"]
    np.testing.assert_array_equal(up, state["model.16.weight"].permute(2, 3, 0, 1).numpy())


def test_statistics_of_instance_norm_are_left_out():
    state = random_state(resnet(layers.InstanceNorm2d, False, 6))
    plain = translators.read({key: value.numpy() for key, value in state.items()})
    old = random_state(
        resnet(lambda C: layers.InstanceNorm2d(C, track_running_stats=True), False, 6)
    )
    old = {key: value.numpy() for key, value in (old | state).items()}
    assert any("running_mean" in key for key in old)
    found = translators.read(old)
    assert found.norm == "instance"
    jax.tree.map(np.testing.assert_array_equal, found.variables, plain.variables)


def test_pixels():
    state = {
        "net.0.weight": np.zeros((4, 6, 1, 1)),
        "net.0.bias": np.zeros(4),
        "net.2.weight": np.zeros((8, 4, 1, 1)),
        **{f"net.3.{n}": np.zeros(8) for n in ("weight", "bias", "running_mean", "running_var")},
        "net.5.weight": np.zeros((1, 8, 1, 1)),
    }
    found = translators.read(state)
    assert (found.name, found.width, found.into, found.norm) == ("pixel", 4, 6, "batch")
    del state["net.5.weight"]
    with pytest.raises(ValueError, match=r"there is no 'net\.5\.weight'"):
        translators.read(state)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model.4.bias", np.zeros(3), r"'model\.4\.bias' is \[3\], and \[4\] is due here"),
        ("model.99.weight", np.zeros(3), r"'model\.99\.weight' \[3\] is of no use"),
        ("model.12.conv_block.5.weight", None, r"there is no 'model\.12\.conv_block\.5\.weight'"),
    ],
)
def test_what_does_not_fit_is_named(key, value, told, tmp_path):
    state = random_state(resnet(layers.InstanceNorm2d, False, 6))
    state.pop(key, None)
    if value is not None:
        state[key] = torch.tensor(value)
    torch.save(state, tmp_path / "latest_net_G.pth")
    assert weights.read(tmp_path / "latest_net_G.pth").family == "cyclegan_pix2pix"
    with pytest.raises(errors.UserError, match=rf"G\.pth \(cyclegan_pix2pix\): .*{told}"):
        jaxgan.load(tmp_path / "latest_net_G.pth")
