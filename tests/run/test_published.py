"""``--weights=PATH``: samples of a published file, what they are worth, and our form of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from PIL import Image

import jaxgan
from jaxgan import evaluation, networks
from jaxgan import weights as weights_room
from jaxgan.base import errors
from jaxgan.config import load as load_config
from jaxgan.run import pretrained, published
from jaxgan.weights import own
from jaxgan.weights.fitting import Fitted
from tests.conftest import EXPERIMENTS
from tests.test_main import command  # noqa: F401
from tests.weights.comparing import golden_file
from tests.weights.test_dcgan import discriminator, generator

# Real images as those of the file are: 16 by 16 pixels of one channel.
DATA = ["--smoke", "--config.data.image_size=16"]
LICENCE = "pytorch/examples, dcgan: BSD-3"
CONFIG = f"--config={EXPERIMENTS}/gan_digits.py"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small file of PyTorch's DCGAN example, with the discriminator beside it."""
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("weights")
    torch.save(generator((4, 2, 1)).state_dict(), folder / "netG.pth")
    torch.save(discriminator((1, 2, 4)).state_dict(), folder / "netD.pth")
    return folder / "netG.pth"


def test_mode_sample_writes_what_the_library_draws(weights, tmp_path, command):  # noqa: F811
    out = tmp_path / "samples.npz"
    given = [f"--weights={weights}", "--mode=sample", "--n=5", "--seed=3", f"--out={out}"]
    assert command(*given) == (0, f"{out}\n{LICENCE}\n", "")
    floats = jaxgan.load(weights).sample(jax.random.key(3), 5)
    with np.load(out) as stored:
        assert list(stored) == ["images"]
        np.testing.assert_array_equal(stored["images"], np.round((floats + 1) * 127.5).astype("u1"))
    out = tmp_path / "grid.png"
    assert command(f"--weights={weights}", "--mode=sample", "--n=4", f"--out={out}")[0] == 0
    with Image.open(out) as grid:
        assert min(grid.size) >= 32


def test_mode_convert_and_what_it_made(weights, tmp_path, command):  # noqa: F811
    out = tmp_path / "copy.safetensors"
    asked = [f"--weights={weights}", "--mode=convert", f"--out={out}"]
    assert command(*asked) == (0, f"{out}\n{LICENCE}\n", "")
    grids = []
    for path in (weights, out):
        to = tmp_path / f"{path.suffix}.npz"
        assert command(f"--weights={path}", "--mode=sample", "--n=3", f"--out={to}")[0] == 0
        grids.append(np.load(to)["images"])
    np.testing.assert_array_equal(*grids)
    code, printed, err = command(*asked)
    assert (code, printed) == (2, "")
    assert "is there already" in err


def test_mode_evaluate_says_what_was_measured(weights, tmp_path, command):  # noqa: F811
    out = tmp_path / "result.json"
    asked = [CONFIG, *DATA, f"--weights={weights}", "--mode=evaluate", f"--out={out}"]
    code, printed, err = command(*asked, "--n=30")
    assert (code, err) == (0, "")
    assert printed.startswith("netG.pth: 30 generated samples against 30 of digits (test)")
    assert printed.endswith(f"\n{LICENCE}\n")
    result = evaluation.read(out)
    figure = result["figures"]["sliced_wasserstein"]
    assert f"{figure['value']:.5g}" in printed
    told = {
        name: result["protocol"][name] for name in ("weights", "statistics", "truncation", "labels")
    }
    assert told == {
        "weights": "as published",
        "statistics": "as published",
        "truncation": "none",
        "labels": "none",
    }
    file = jaxgan.load(weights).file
    assert result["file"] == {
        "name": "netG.pth",
        "sha256": file.sha256,
        "family": "dcgan_example",
        "licence": LICENCE,
    }
    # Again, and of a copy, to the same figure.
    copy = weights_room.convert(weights, tmp_path / "copy.safetensors")
    again = [CONFIG, *DATA, f"--weights={copy}", "--mode=evaluate", "--n=30"]
    assert command(*again, f"--out={tmp_path / 'again.json'}")[0] == 0
    assert evaluation.read(tmp_path / "again.json")["figures"] == result["figures"]


WRONG = [
    (["--mode=convert", "--out=a.safetensors"], "--weights=PATH is missing"),
    (["{weights}", "--mode=convert"], "--out=FILE is missing"),
    (["{weights}", "--mode=convert", "--out=a.npz"], "written as .safetensors, not 'a.npz'"),
    (["{weights}", "--mode=sample"], "--out=FILE is missing"),
    (["{weights}", "--mode=sample", "--out=a.jpg"], "written as .png or .npz, not 'a.jpg'"),
    (["{weights}", "--mode=sample", "--out=a.png", "--n=0"], "must be at least 1, not 0"),
    (["{weights}", "--mode=sample", "--out=a.png", "--labels=1"], "netG.pth takes no labels"),
    (["{weights}", "--mode=sample", "--out=a.png", "--truncation=.5"], "netG.pth takes no trunc"),
    (["{weights}", "--mode=sample", "--out=a.png", "--truncation=x"], "invalid float value: 'x'"),
    (["{weights}", "--mode=sample", "--out=a.png", "--truncation=nan"], "truncation"),
    (["{weights}", "--mode=sample", "--out=a.png", "--guidance=2"], "netG.pth takes no guidance"),
    (["--mode=sample", "--workdir=a", "--guidance=2"], "--guidance is of published weights"),
    (["{weights}", "--mode=sample", "--workdir=a"], "--workdir does not go with --weights"),
    (
        ["{weights}", "--mode=sample", "--out=a.png", "--step=3"],
        "--step does not go with --weights",
    ),
    (["{weights}", "--mode=sample", "--out=a.png", CONFIG], "--config does not go with --weights"),
    (
        ["{weights}", "--mode=export", "--out=a"],
        "--weights is for --mode=evaluate or --mode=sample",
    ),
    (["{weights}", "--workdir=a"], "--weights is for --mode=evaluate or --mode=sample"),
    (["{weights}", "--mode=evaluate"], "--config=experiments/NAME.py is missing"),
    (["{weights}", "--mode=evaluate", CONFIG, *DATA, "--n=1"], "must be at least 2, not 1"),
    (
        ["{weights}", "--mode=evaluate", CONFIG, *DATA, "--out=a.txt"],
        "written as .json, not 'a.txt'",
    ),
    (
        ["{weights}", "--mode=evaluate", CONFIG, "--smoke"],
        "images [16, 16, 1], and digits has [8, 8, 1]",
    ),
    (
        ["{weights}", "--mode=evaluate", CONFIG, *DATA, "--config.evaluation.recalibrate=2"],
        "config.evaluation.recalibrate is of a run",
    ),
    (["{weights}", "--mode=evaluate", CONFIG, *DATA, "--truncation=0.5"], "takes no truncation"),
    (["--mode=sample", "--workdir=a", "--truncation=1"], "--truncation is of published weights"),
    (
        ["--mode=evaluate", "--workdir=a", "--out=a.json"],
        "--out is for --mode=evaluate of --weights",
    ),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG)
def test_what_does_not_go_together(arguments, told, weights, tmp_path, command, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    asked = [a.replace("{weights}", f"--weights={weights}") for a in arguments]
    code, printed, err = command(*asked)
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert told in err
    assert list(tmp_path.iterdir()) == []


def test_labels_and_truncation_of_a_conditional_file(tmp_path, command):  # noqa: F811
    path, out = golden_file("stylegan2_small_cond32.pkl"), tmp_path / "samples.npz"
    asked = [f"--weights={path}", "--mode=sample", "--n=4", f"--out={out}"]
    assert command(*asked, "--labels=2,0", "--truncation=0.5")[0] == 0
    with np.load(out) as stored:
        assert stored["labels"].tolist() == [2, 0, 2, 0]
        images = jaxgan.load(path).sample(jax.random.key(0), 4, [2, 0, 2, 0], truncation=0.5)
        expected = np.round((images.clip(-1, 1) + 1) * 127.5)
        assert np.abs(stored["images"] - expected).max() <= 1
    for labels, told in (
        ("3", "must be from 0 to 2, not 3 to 3"),
        ("cat", "must be whole numbers"),
    ):
        code, _, err = command(*asked, f"--labels={labels}")
        assert (code, err.count("\n")) == (2, 1)
        assert told in err
    overrides = ["--config.data.image_size=32"]
    config = load_config(CONFIG.removeprefix("--config="), overrides, smoke=True)
    with pytest.raises(errors.UserError, match=r"makes images \[32, 32, 3\], and digits has"):
        published.evaluate(path, config)


def conditional(folder, classes):
    """A file of ours with a generator under labels, as it begins."""
    fields = {"shape": (16, 16, 1), "width": 2, "max_width": 4, "num_classes": classes}
    G = networks.find_class("generator", "dcgan")(**fields)
    z, labels = jnp.zeros((1, 3)), jnp.zeros((1,), jnp.int32)
    g = jax.jit(lambda key: G.init(key, z, labels, train=False))(jax.random.key(0))
    source = weights_room.File(folder / "some.pth", "0" * 64, "some", "some: none", {}, {})
    own.write(Fitted("dcgan", 3, fields, g), source, folder / f"{classes}.safetensors")
    return folder / f"{classes}.safetensors"


def test_classes_are_those_of_the_data(tmp_path, monkeypatch):
    config = load_config(CONFIG.removeprefix("--config="), [DATA[1]], smoke=True)
    config.evaluation.n, asked = 20, []
    generate = pretrained.Pretrained.generate

    def told(self, latents, labels=None, **settings):
        asked.append(labels)
        return generate(self, latents, labels, **settings)

    monkeypatch.setattr(pretrained.Pretrained, "generate", told)
    out = tmp_path / "a.json"
    published.evaluate(conditional(tmp_path, 10), config, out=out)
    (labels,) = asked
    assert labels.shape == (20,)
    assert set(labels) <= set(range(10))
    assert evaluation.read(out)["protocol"]["labels"] == "as in the split"
    with pytest.raises(errors.UserError, match="images of 3 classes, and digits has 10"):
        published.evaluate(conditional(tmp_path, 3), config)
    with pytest.raises(errors.UserError, match="has no discriminator"):
        jaxgan.load(tmp_path / "3.safetensors").discriminate(np.zeros((1, 16, 16, 1)))
