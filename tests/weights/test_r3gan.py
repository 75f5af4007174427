"""R3GAN's files: modules of classes that are not here, and what its program makes of them."""

import collections
import io
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxgan
from jaxgan import networks, weights
from jaxgan.base import errors
from jaxgan.weights import r3gan
from jaxgan.weights.torch_layers import Layers
from tests.weights import making
from tests.weights.comparing import close, golden, nchw, nhwc


def modules(state, top, inner):
    """A module of R3GAN's that has such a state dict: nested, each of a class of theirs."""

    def module(cls, state):
        made = cls()
        made.__dict__.update(
            training=False,
            _parameters=collections.OrderedDict(),
            _buffers=collections.OrderedDict(),
            _non_persistent_buffers_set=set(),
            _forward_hooks=collections.OrderedDict(),
            _modules=collections.OrderedDict(),
            DataType=torch.bfloat16,
        )
        within = {}
        for key, value in state.items():
            first, _, rest = key.partition(".")
            if rest:
                within.setdefault(first, {})[rest] = value
            elif key == "Kernel":
                made._buffers[key] = torch.tensor(value)
            else:
                made._parameters[key] = torch.nn.Parameter(torch.tensor(value))
        for name, part in within.items():
            # As PyTorch's own stand between theirs.
            cls = torch.nn.ModuleList if name in ("MainLayers", "Layers") else inner
            if cls is torch.nn.ModuleList:
                own = torch.nn.ModuleList()
                own.__dict__.update(module(inner, part).__dict__)
                made._modules[name] = own
            else:
                made._modules[name] = module(cls, part)
        return made

    return module(top, state)


def snapshot(path, G, D, monkeypatch, names=("training.networks", "R3GAN")):
    """A ``network-snapshot-*.pkl`` of two state dicts, with classes of these places."""
    with monkeypatch.context() as patched:
        classes = [
            making.stand_in(patched, f"{names[0]}.Generator"),
            making.stand_in(patched, f"{names[1]}.Networks.ResidualBlock"),
        ]
        EasyDict = making.stand_in(patched, "dnnlib.util.EasyDict", dict)
        content = {
            "G": modules({key: -value for key, value in G.items()}, *classes),
            "D": modules(D, *classes),
            "training_set_kwargs": EasyDict(path="cifar10.zip", use_labels=False),
            "G_ema": modules(G, *classes),
            "cur_nimg": np.int64(7),
            "G_opt_state": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1}]},
        }
        path.write_bytes(pickle.dumps(content))
    return path


def of_players(stored):
    return [
        {key[2:]: stored[key] for key in stored if key.startswith(f"{player}/")} for player in "GD"
    ]


@pytest.mark.parametrize(
    "names", [("training.networks", "R3GAN"), ("training.networks_baseline", "BaselineGAN")]
)
def test_golden_outputs(names, tmp_path, monkeypatch):
    stored = golden("r3gan_small_uncond32")
    G, D = of_players(stored)
    path = snapshot(tmp_path / "network-snapshot-000000007.pkl", G, D, monkeypatch, names=names)
    gan = jaxgan.load(path)
    assert gan.file.family == "r3gan"
    assert gan.file.settings["cur_nimg"] == 7
    assert list(gan.file.networks) == ["G", "D", "G_ema"]
    assert list(gan.file.networks["D"]) == list(D)
    json.dumps(gan.file.settings)
    assert (gan.networks.shape, gan.networks.latent_dim) == ((32, 32, 3), 16)
    for player, fields in ("G", gan.networks.generator), ("D", gan.networks.discriminator):
        assert fields["widths"] == tuple(stored["widths_G"].tolist()), player
        assert fields["groups"] == tuple(stored["cardinality_G"].tolist()), player
        assert fields["blocks"] == tuple(stored["blocks_G"].tolist()), player
    images = gan.generate(stored["z"])
    close(nchw(images), stored["out/img"])
    close(gan.discriminate(nhwc(stored["d_in"])), stored["out/logits"])
    close(gan.discriminate(images), stored["out/logits_img"])


WIDTHS = (8, 4)
CLASSES, EMBEDDING, Z = 3, 5, 4


@pytest.fixture
def drawn():
    """Two state dicts of 8 pixels under labels, each stage with a block."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32) / np.sqrt(np.prod(shape[1:]))

    def block(at, C):
        yield f"{at}.LinearLayer1.Layer.weight", draw(2 * C, C, 1, 1)
        yield f"{at}.LinearLayer2.Layer.weight", draw(2 * C, 4, 3, 3)
        yield f"{at}.LinearLayer3.Layer.weight", draw(C, 2 * C, 1, 1)
        yield f"{at}.NonLinearity1.Bias", draw(2 * C)
        yield f"{at}.NonLinearity2.Bias", draw(2 * C)

    kernel = np.float32(np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64)
    stages = "Model.MainLayers"
    G = {
        f"{stages}.0.Layers.0.Basis": draw(8, 4, 4),
        f"{stages}.0.Layers.0.LinearLayer.weight": draw(8, Z + EMBEDDING),
        **dict(block(f"{stages}.0.Layers.1", 8)),
        f"{stages}.1.Layers.0.Resampler.Kernel": kernel,
        f"{stages}.1.Layers.0.LinearLayer.Layer.weight": draw(4, 8, 1, 1),
        **dict(block(f"{stages}.1.Layers.1", 4)),
        "Model.AggregationLayer.Layer.weight": draw(3, 4, 1, 1),
        "Model.EmbeddingLayer.weight": draw(EMBEDDING, CLASSES),
    }
    D = {
        "Model.ExtractionLayer.Layer.weight": draw(4, 3, 1, 1),
        **dict(block(f"{stages}.0.Layers.0", 4)),
        f"{stages}.0.Layers.1.Resampler.Kernel": kernel,
        f"{stages}.0.Layers.1.LinearLayer.Layer.weight": draw(8, 4, 1, 1),
        **dict(block(f"{stages}.1.Layers.0", 8)),
        f"{stages}.1.Layers.1.Basis.weight": draw(8, 1, 4, 4),
        f"{stages}.1.Layers.1.LinearLayer.weight": draw(8, 8),
        "Model.EmbeddingLayer.weight": draw(8, CLASSES),
    }
    return G, D


def test_labels(drawn, tmp_path, monkeypatch):
    G, D = drawn
    gan = jaxgan.load(snapshot(tmp_path / "a.pkl", G, D, monkeypatch))
    assert (gan.networks.num_classes, gan.networks.latent_dim) == (CLASSES, Z)
    # In NumPy: the first features, and the last product.
    z, y = np.random.default_rng(1).normal(size=(2, Z)), np.array([2, 0])
    into = np.concatenate([z, G["Model.EmbeddingLayer.weight"].T[y]], 1)
    linear = into @ G["Model.MainLayers.0.Layers.0.LinearLayer.weight"].T
    dense = gan.networks.g["params"]["Dense_0"]["kernel"]
    rows = gan.networks.g["params"]["Embed_0"]["embedding"][y]
    np.testing.assert_allclose(np.concatenate([z, rows], 1) @ dense, linear, rtol=1e-6)
    assert not np.array_equal(gan.generate(z, [0, 0]), gan.generate(z, [1, 1]))
    module = networks.find_class("discriminator", "r3gan")(**gan.networks.discriminator)
    images = jnp.asarray(np.random.default_rng(2).normal(size=(2, 8, 8, 3)), jnp.float32)
    said = jax.jit(lambda d, x, y: module.apply(d, x, y, train=False))(gan.networks.d, images, y)
    outputs = said.features @ D["Model.MainLayers.1.Layers.1.LinearLayer.weight"].T
    expected = (outputs * D["Model.EmbeddingLayer.weight"].T[y]).sum(1)
    close(gan.discriminate(images, y), expected, 1e-5)


@pytest.mark.parametrize(
    ("player", "key", "change", "told"),
    [
        (0, "Model.MainLayers.1.Layers.0.Resampler.Kernel", lambda x: 2 * x, "another filter than"),
        (
            0,
            "Model.MainLayers.1.Layers.1.NonLinearity2.Bias",
            lambda x: x[1:],
            r"is \[7\], and \[8\]",
        ),
        (
            1,
            "Model.MainLayers.1.Layers.1.Basis.weight",
            lambda x: x[1:],
            r"is \[7, 1, 4, 4\], and ",
        ),
        (
            1,
            "Model.EmbeddingLayer.weight",
            lambda x: x[1:],
            r"label_embedding/embedding .* due here",
        ),
        (1, "Model.MainLayers.0.Layers.0.LinearLayer3.Layer.weight", None, "there is no "),
    ],
)
def test_what_does_not_fit_is_named(drawn, player, key, change, told, tmp_path, monkeypatch):
    state = drawn[player]
    state.update({key: change(state.pop(key))} if change else {})
    if not change:
        del state[key]
    path = snapshot(tmp_path / "a.pkl", *drawn, monkeypatch)
    with pytest.raises(errors.UserError, match=rf"a\.pkl \(r3gan\): .*{told}"):
        jaxgan.load(path)


def test_classes_of_modules_are_not_run(tmp_path):
    """A class stands for what it holds, and what is called by the name of one is refused."""
    for name in (
        "R3GAN.Networks\nanything",
        "training.networks\nGenerator",
        "torch.nn.modules.linear\nLinear",
    ):
        called = b"\x80\x02c" + name.encode() + b"\nU\x04evil\x85R."
        (tmp_path / "a.pkl").write_bytes(called)
        with pytest.raises(errors.UserError, match="is no weights file, or damaged") as refused:
            weights.read(tmp_path / "a.pkl")
        assert "\n" not in str(refused.value)
    content = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2), content)
    (tmp_path / "a.pth").write_bytes(content.getvalue())
    with pytest.raises(errors.UserError, match="is of no known family"):
        weights.read(tmp_path / "a.pth")


def test_a_bottleneck_is_narrower_inside():
    at, zeros = "b", np.zeros
    found = Layers(
        {
            f"{at}.LinearLayer1.Layer.weight": zeros((4, 8, 1, 1)),
            f"{at}.LinearLayer2.Layer.weight": zeros((4, 2, 3, 3)),
            f"{at}.LinearLayer3.Layer.weight": zeros((8, 4, 1, 1)),
            f"{at}.NonLinearity1.Bias": zeros(4),
            f"{at}.NonLinearity2.Bias": zeros(4),
        }
    )
    assert r3gan.block(found, "Block_0", at, 8) == (0.5, 2)
    assert not found.found.left
