"""PyTorch's DCGAN example, written again in PyTorch from its layers, and as networks of ours."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import jaxgan
from jaxgan.base import errors
from tests.weights.comparing import close, nchw, nhwc

Z = 5


def generator(sizes):
    """Transposed convolutions without biases, batch norm and a rectifier between them, tanh."""
    layers = [nn.ConvTranspose2d(Z, sizes[0], 4, 1, 0, bias=False)]
    for into, out in itertools.pairwise(sizes):
        up = nn.ConvTranspose2d(into, out, 4, 2, 1, bias=False)
        layers += [nn.BatchNorm2d(into), nn.ReLU(), up]
    return main(*layers, nn.Tanh())


def discriminator(sizes):
    """Strided convolutions and leaky rectifiers; batch norm in all but the first."""
    layers = [nn.Conv2d(sizes[0], sizes[1], 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for into, out in itertools.pairwise(sizes[1:]):
        down = nn.Conv2d(into, out, 4, 2, 1, bias=False)
        layers += [down, nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
    return main(*layers, nn.Conv2d(sizes[-1], 1, 4, 1, 0, bias=False))


def main(*layers):
    """With statistics and scales that are no start's."""
    module = nn.Module()
    module.main = nn.Sequential(*layers)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if "running_var" in name or (value.ndim == 1 and name.endswith("weight")):
                value.uniform_(0.5, 2)
            elif value.ndim:
                value.normal_(0, 0.3)
    return module.eval()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The folder of both files of 32 pixels, and the networks in them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("dcgan")
    G, D = generator((8, 4, 2, 1)), discriminator((1, 2, 4, 8))
    torch.save(G.state_dict(), folder / "netG_epoch_3.pth")
    torch.save(D.state_dict(), folder / "netD_epoch_3.pth")
    return folder, G, D


@pytest.mark.parametrize("name", ["netG_epoch_3.pth", "netD_epoch_3.pth"])
def test_images_and_logits_are_those_of_pytorch(example, name):
    folder, G, D = example
    gan = jaxgan.load(folder / name)
    assert (gan.networks.shape, gan.networks.num_classes) == ((32, 32, 1), 0)
    z = torch.randn(3, Z)
    with torch.no_grad():
        image = G.main(z[..., None, None])
        logits = D.main(image)[:, 0, 0, 0]
    close(nchw(gan.generate(z.numpy())), image.numpy(), 1e-5)
    assert logits.std() > 0.05
    close(gan.discriminate(nhwc(image.numpy())), logits.numpy(), 1e-5)


@pytest.mark.parametrize("side", [16, 64])
def test_the_layers_tell_the_side(side, tmp_path):
    sizes = [2 ** (i + 1) for i in range(side.bit_length() - 4, -1, -1)]
    G, D = generator((*sizes, 3)), discriminator((3, *sizes[::-1]))
    for name, module in (("netG.pth", G), ("netD.pth", D)):
        torch.save(module.state_dict(), tmp_path / name)
    networks = jaxgan.load(tmp_path / "netG.pth").networks
    assert (networks.shape, networks.latent_dim) == ((side, side, 3), Z)
    assert networks.d is not None


def test_a_discriminator_of_another_size_is_left_aside(example, tmp_path, caplog):
    _, G, _ = example
    torch.save(G.state_dict(), tmp_path / "netG.pth")
    torch.save(discriminator((1, 2, 4)).state_dict(), tmp_path / "netD.pth")
    gan = jaxgan.load(tmp_path / "netG.pth")
    assert (gan.networks.d, gan.networks.discriminator, gan.networks.beside) == (None,) * 3
    assert gan.generate(np.zeros((1, Z))).shape == (1, 32, 32, 1)
    (told,) = caplog.messages
    assert "netD.pth is left aside: " in told
    with pytest.raises(errors.UserError, match=r"netD\.pth \(dcgan_example\): .* discriminator"):
        jaxgan.load(tmp_path / "netD.pth")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.pop("main.4.running_var"), "there is no 'main.4.running_var'"),
        (lambda s: s.update({"main.4.bias": torch.zeros(3)}), r"'main.4.bias' is \[3\], and \[4\]"),
        (
            lambda s: s.update({"main.6.weight": torch.zeros(5, 2, 4, 4)}),
            r"\[5, 2, 4, 4\], and \[4",
        ),
        (lambda s: s.update({"main.12.bias": torch.zeros(1)}), r"'main.12.bias' .* of no use"),
        (lambda s: s.update({"main.0.weight": torch.zeros(5, 8, 3, 3)}), r"\[5, 8, 4, 4\] is due"),
    ],
)
def test_what_does_not_fit_is_named(example, change, told, tmp_path):
    state = dict(example[1].state_dict())
    change(state)
    torch.save(state, tmp_path / "netG.pth")
    with pytest.raises(errors.UserError, match=rf"netG.pth \(dcgan_example\): .*{told}"):
        jaxgan.load(tmp_path / "netG.pth")
