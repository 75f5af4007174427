import collections
import json
import pickle

import numpy as np
import pytest
import torch

from jaxgan import weights
from jaxgan.base import errors
from jaxgan.weights import families
from tests.weights import making

BOTH = (False, True)


def read(tmp_path, content, name="weights.pth"):
    path = tmp_path / name
    path.write_bytes(content)
    return weights.read(path)


def same(found, state):
    assert list(found) == list(state)
    for key, value in state.items():
        np.testing.assert_array_equal(found[key], np.asarray(value), strict=True)


FLAT = {
    "biggan_pytorch": [
        "shared.weight",
        "linear.weight",
        "linear.u0",
        "blocks.0.0.conv1.weight",
        "output_layer.0.gain",
    ],
    "dcgan_example": ["main.0.weight", "main.1.running_mean", "main.12.weight"],
}


@pytest.mark.parametrize("older", BOTH)
@pytest.mark.parametrize("family", FLAT)
def test_flat(family, older, tmp_path):
    state = making.state(*FLAT[family])
    file = read(tmp_path, making.saved(state, older))
    assert (file.family, file.settings, list(file.networks)) == (family, {}, [""])
    same(file.networks[""], state)


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        (7, ["model.1.weight", "model.1.bias", "model.10.conv_block.1.weight", "model.26.bias"]),
        (7, ["model.1.weight", "model.2.running_mean", "model.10.conv_block.6.weight"]),
        (4, ["model.model.0.weight", "model.model.1.model.3.model.1.weight"]),
        (4, ["model.0.weight", "model.3.num_batches_tracked", "model.11.bias"]),
        (1, ["net.0.weight", "net.0.bias", "net.5.weight"]),
    ],
)
def test_translators(size, keys, tmp_path):
    state = making.state(*keys, shape=(2, 3, size, size))
    file = read(tmp_path, making.saved(state, False), "latest_net_G.pth")
    assert file.family == "cyclegan_pix2pix"
    same(file.networks[""], state)
    # The same keys with other kernels are of somebody else.
    other = making.saved(making.state(*keys, shape=(2, 3, 3, 3)), False)
    with pytest.raises(errors.UserError, match=f"no known family of weights.*'{keys[0]}'"):
        read(tmp_path, other)


def test_config_of_biggan_lies_beside_it(tmp_path, caplog):
    state = making.state("blocks.0.0.conv1.weight")
    config = {"G_ch": 8, "hier": False, "G_activation": torch.nn.ReLU()}
    for suffix, G_ch in (("", 8), ("_best0", 9)):
        config["G_ch"] = G_ch
        saved = making.saved({"itr": 3, "config": config}, bool(suffix))
        (tmp_path / f"state_dict{suffix}.pth").write_bytes(saved)
        for name in ("G_ema", "G", "D"):
            file = read(tmp_path, making.saved(state, False), f"{name}{suffix}.pth")
            assert file.settings["G_ch"] == G_ch
    assert read(tmp_path, making.saved(state, False), "G_ema_copy1.pth").settings == {}
    assert read(tmp_path, making.saved(state, False), "Generator.pth").settings == {}
    (tmp_path / "state_dict.pth").write_bytes(making.saved({"config": np.load}, False))
    assert weights.read(tmp_path / "G_ema.pth").settings == {}
    assert "numpy.load, which is no tensor and no container: refused; G_ema.pth" in caplog.text


def test_hugging_face(tmp_path):
    state = making.state("embeddings.weight", "generator.gen_z.weight_orig", "generator.gen_z.bias")
    config = {"z_dim": 8, "layers": [[False, 16, 16]]}
    content = making.saved(state, True)
    with pytest.raises(
        errors.UserError, match=r"needs .*/config.json to be built: it is not there"
    ):
        read(tmp_path, content, "pytorch_model.bin")
    (tmp_path / "config.json").write_text("[1, 2")
    with pytest.raises(errors.UserError, match=r"needs .*/config.json to be built: .*delimiter"):
        weights.read(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(errors.UserError, match="no table of settings"):
        weights.read(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    for place in (tmp_path, tmp_path / "pytorch_model.bin"):
        file = weights.read(place)
        assert (file.family, file.settings) == ("biggan_deep_hf", config)
        same(file.networks[""], state)
    (tmp_path / "biggan-128-config.json").write_text('{"z_dim": 9}')
    assert read(tmp_path, content, "biggan-128-pytorch_model.bin").settings == {"z_dim": 9}


@pytest.mark.parametrize("older", BOTH)
def test_mimicry(older, tmp_path):
    state = making.state("l1.weight", "block2.c1.weight")
    optimizer = torch.optim.Adam(torch.nn.Linear(2, 2).parameters())
    content = {
        "model_state_dict": state,
        "optimizer_state_dict": optimizer.state_dict(),
        "global_step": 100,
    }
    file = read(tmp_path, making.saved(content, older))
    assert (file.family, file.settings) == ("mimicry", {"global_step": 100})
    same(file.networks[""], state)


@pytest.mark.parametrize("older", BOTH)
def test_zoo(older, tmp_path, monkeypatch):
    config = making.stand_in(monkeypatch, "models.utils.config.BaseConfig")()
    config.depthScale0, config.depthOtherScales, config.alpha = 16, [8, 4], 0.3
    states = {
        name: making.state("toRGBLayers.0.module.weight", "formatLayer.module.bias", seed=i)
        for i, name in enumerate(("netG", "netD", "avgG"))
    }
    content = making.saved({"config": config, **states, "tmp": {"iter": 3}}, older)
    monkeypatch.undo()
    file = read(tmp_path, content)
    assert file.family == "progan_zoo"
    assert file.settings == {"depthScale0": 16, "depthOtherScales": [8, 4], "alpha": 0.3}
    assert list(file.networks) == list(states)
    for name, state in states.items():
        same(file.networks[name], state)


@pytest.mark.parametrize("older", BOTH)
def test_rosinality(older, tmp_path):
    import argparse

    key = "conv1.conv.modulation.weight"
    training = {
        "g": making.state(key),
        "d": making.state("convs.0.0.weight", seed=1),
        "g_ema": making.state(key, seed=2),
        "g_optim": {"state": {}, "param_groups": []},
        "args": argparse.Namespace(size=256, channel_multiplier=2, ckpt=None),
        "ada_aug_p": 0.25,
    }
    file = read(tmp_path, making.saved(training, older), "550000.pt")
    assert file.family == "stylegan2_rosinality"
    args = {"size": 256, "channel_multiplier": 2, "ckpt": None}
    assert file.settings == {"args": args, "ada_aug_p": 0.25}
    assert list(file.networks) == ["g", "d", "g_ema"]
    same(file.networks["d"], training["d"])
    converted = {"g_ema": making.state(key), "latent_avg": torch.arange(4.0)}
    file = read(tmp_path, making.saved(converted, older))
    assert list(file.networks) == ["g_ema", ""]
    same(file.networks[""], {"latent_avg": converted["latent_avg"]})


def snapshot(monkeypatch, inner="b4"):
    """A pickle of NVIDIA's in PyTorch, and the state dict of its G."""
    Module = making.persisted(monkeypatch)
    EasyDict = making.stand_in(monkeypatch, "dnnlib.util.EasyDict", dict)
    Parameter = torch.nn.Parameter
    const, weight = torch.randn(4, 4, 4), torch.randn(2, 3, 3, 3)
    weight = weight.to(memory_format=torch.channels_last)
    filter_, mean = torch.ones(4, 4), torch.zeros(8).double()
    layer = Module(
        "SynthesisLayer",
        {"weight": Parameter(weight), "bias": None},
        {"resample_filter": filter_, "passing": torch.ones(3)},
    )
    block = Module("SynthesisBlock", {"const": Parameter(const)}, modules={"conv1": layer})
    synthesis = Module("SynthesisNetwork", {}, modules={inner: block, "none": None})
    mapping = Module("MappingNetwork", {}, {"w_avg": mean})
    G = Module(
        "Generator",
        {},
        modules={"synthesis": synthesis, "mapping": mapping},
        z_dim=8,
        mapping_kwargs=EasyDict(num_layers=np.int64(2)),
    )
    D = Module("Discriminator", {"weight": Parameter(weight[:1])}, architecture="resnet")
    content = {
        "training_set_kwargs": EasyDict(path="x.zip", max_size=np.int64(7)),
        "G": G,
        "D": D,
        "G_ema": G,
        "augment_pipe": Module("AugmentPipe", {}, {"p": torch.zeros(())}),
    }
    state = {
        f"synthesis.{inner}.const": const,
        f"synthesis.{inner}.conv1.weight": weight,
        f"synthesis.{inner}.conv1.resample_filter": filter_,
        "mapping.w_avg": mean,
    }
    return content, state


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    ("inner", "family"), [("b4", "stylegan2_ada_pytorch"), ("input", "stylegan3_pytorch")]
)
def test_nvidia_in_pytorch(protocol, inner, family, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        content, state = snapshot(patched, inner)
        pickled = pickle.dumps(content, protocol=protocol)
    file = read(tmp_path, pickled, "network-snapshot-000000.pkl")
    assert file.family == family
    assert list(file.networks) == ["G", "D", "G_ema"]
    same(file.networks["G_ema"], state)
    assert file.networks["D"]["weight"].shape == (1, 3, 3, 3)
    assert file.settings["G"] == {
        "class_name": "Generator",
        "init_args": (),
        "init_kwargs": {"z_dim": 8, "mapping_kwargs": {"num_layers": 2}},
    }
    assert file.settings["D"]["init_kwargs"] == {"architecture": "resnet"}
    assert file.settings["training_set_kwargs"] == {"path": "x.zip", "max_size": 7}
    json.dumps(file.settings)


def test_nvidia_in_tensorflow(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        Network = making.stand_in(patched, "dnnlib.tflib.network.Network")
        kernel = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
        inner = {"4x4/Conv/weight": kernel, "4x4/Conv/mod_weight": kernel.T}
        parts = {"synthesis": making.network(Network, "S", inner, {}, fmap_base=16)}
        own = {"lod": np.float32(0.0), "dlatent_avg": np.zeros(3)}
        G = making.network(Network, "G", own, parts, num_channels=3)
        D = making.network(Network, "D", {"4x4/Dense0/weight": kernel}, {}, mbstd_group_size=4)
        content = pickle.dumps((G, D, G), protocol=4)
    file = read(tmp_path, content, "stylegan2-ffhq-config-f.pkl")
    assert file.family == "stylegan2_tf"
    assert list(file.networks) == ["G", "D", "Gs"]
    under = {f"synthesis/{name}": value for name, value in inner.items()}
    same(file.networks["Gs"], {**own, **under})
    assert file.settings["G"]["static_kwargs"] == {"num_channels": 3}
    assert file.settings["G"]["components"]["synthesis"]["static_kwargs"] == {"fmap_base": 16}
    assert file.settings["D"]["build_func_name"] == "D_main"


@pytest.mark.parametrize("module", ["tfutil", "dnnlib.tflib.network"])
def test_progan_in_tensorflow(module, tmp_path, monkeypatch):
    variables = {"lod": np.float32(0.5), "ToRGB_lod0/weight": np.ones((1, 1, 2, 3), np.float32)}
    with monkeypatch.context() as patched:
        Network = making.stand_in(patched, f"{module}.Network")
        nets = [making.network(Network, n, variables, resolution=32) for n in ("G", "D", "Gs")]
        content = pickle.dumps(tuple(nets), protocol=4)
        for net in nets:
            net.variables = [(f"G_synthesis/{key}", value) for key, value in variables.items()]
        adaptive = pickle.dumps(tuple(nets), protocol=4)
    file = read(tmp_path, content, "karras2018iclr.pkl")
    assert file.family == "progan_tf"
    same(file.networks["G"], variables)
    assert file.settings["Gs"]["static_kwargs"] == {"resolution": 32}
    # The first StyleGAN's file has such variables, too, in a component.
    with pytest.raises(errors.UserError, match=r"no known family.*'G_synthesis/lod'"):
        read(tmp_path, adaptive)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "no keys"),
        ([1], "a list and no keys"),
        ({"state": {}, "param_groups": []}, "the keys 'state', 'param_groups'"),
        (dict.fromkeys("abcd", torch.ones(1)), "the keys 'a', 'b', 'c'$"),
        ({"a\nb" + "c" * 99: 1}, r"the keys 'a\\nbc+$"),
        (collections.OrderedDict(g_ema={}), "the keys 'g_ema'"),
        ({"G": 1, "D": 2, "G_ema": 3}, "the keys 'G', 'D', 'G_ema'"),
        ({"config": 1, "netG": {}}, "the keys 'config', 'netG'"),
        (torch.ones(2), "a Tensor and no keys"),
    ],
)
def test_of_no_family(content, told, tmp_path):
    with pytest.raises(errors.UserError, match=rf"weights.pth is of no known .*it has {told}"):
        read(tmp_path, making.saved(content, False))


def test_each_family_has_a_line_of_licence():
    for family in families.FAMILIES.values():
        assert family.licence.isprintable()
        assert ": " in family.licence
