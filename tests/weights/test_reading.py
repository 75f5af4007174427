import dataclasses
import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from jaxgan import weights
from jaxgan.base import errors
from tests.weights import making

ROOT = Path(__file__).resolve().parents[2]
SHARED = os.environ.get("JAXGAN_TEST_SHARED")


def golden(name):
    path = Path(SHARED or "nowhere") / "golden" / name
    if not path.exists():
        pytest.skip(f"no {name} in JAXGAN_TEST_SHARED")
    return path


def same(found, state):
    assert list(found) == list(state)
    for key, value in state.items():
        np.testing.assert_array_equal(found[key], np.asarray(value), strict=True)


def test_what_is_known_of_a_file(tmp_path):
    path = tmp_path / "netG_epoch_1.pth"
    path.write_bytes(making.saved(making.state("main.0.weight"), False))
    file = weights.read(str(path))
    assert file.path == path
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.licence == "pytorch/examples, dcgan: BSD-3"
    with pytest.raises(ValueError, match="read-only"):
        file.networks[""]["main.0.weight"][0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        file.family = "another"


def test_a_file_may_go_once_it_is_read(tmp_path):
    path = tmp_path / "netG.pth"
    state = making.state("main.0.weight")
    for older in (False, True):
        path.write_bytes(making.saved(state, older))
        file = weights.read(path)
        path.write_bytes(b"")
        same(file.networks[""], state)


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(errors.UserError, match=r"is a folder without a pytorch_model\.bin"):
        weights.read(tmp_path)


STATES = {
    "biggan_small_cifar32/D.pth": "biggan_pytorch",
    "biggan_small_cifar32/G_ema.pth": "biggan_pytorch",
    "cyclegan_patchgan_small/latest_net_D_A.pth": "cyclegan_pix2pix",
    "cyclegan_resnet9_small/latest_net_G_A.old.pth": "cyclegan_pix2pix",
    "cyclegan_resnet9_small/latest_net_G_A.pth": "cyclegan_pix2pix",
    "hf_biggandeep_small32/pytorch_model.bin": "biggan_deep_hf",
    "mimicry_cganpd_small32/netD_100000_steps.pth": "mimicry",
    "mimicry_cganpd_small32/netG_100000_steps.pth": "mimicry",
    "mimicry_sngan_small32/netD_100000_steps.old.pth": "mimicry",
    "mimicry_sngan_small32/netD_100000_steps.pth": "mimicry",
    "mimicry_sngan_small32/netG_100000_steps.old.pth": "mimicry",
    "mimicry_sngan_small32/netG_100000_steps.pth": "mimicry",
    "pix2pix_patchgan_small/latest_net_D.pth": "cyclegan_pix2pix",
    "pix2pix_unet5_small/latest_net_G.pth": "cyclegan_pix2pix",
}


@pytest.mark.parametrize("name", STATES)
def test_golden_states(name):
    path = golden(name)
    file = weights.read(path)
    assert file.family == STATES[name]
    stored = torch.load(path, weights_only=True, map_location="cpu")
    same(file.networks[""], stored.get("model_state_dict", stored))


def test_golden_zoo(monkeypatch):
    path = golden("progan_zoo_small32/model_s3_i100.pth")
    file = weights.read(path)
    config = making.stand_in(monkeypatch, "models.utils.config.BaseConfig")
    with torch.serialization.safe_globals([config]):
        stored = torch.load(path, weights_only=True)
    assert file.settings == vars(stored["config"])
    assert list(file.networks) == ["netG", "netD", "avgG"]
    for name, state in file.networks.items():
        same(state, stored[name])


def state_of(meta, prefix=""):
    state = meta["state"]
    for key, value in {**state["_parameters"], **state["_buffers"]}.items():
        if value is not None:
            yield prefix + key, value.detach()
    for key, module in state["_modules"].items():
        yield from state_of(module, f"{prefix}{key}.")


def test_golden_stylegan2(monkeypatch):
    path = golden("stylegan2_small_cond32.pkl")
    file = weights.read(path)
    assert file.family == "stylegan2_ada_pytorch"

    def reconstruct(meta):
        return meta

    name = "torch_utils.persistence._reconstruct_persistent_obj"
    making.stand_in(monkeypatch, name, reconstruct)
    making.stand_in(monkeypatch, "dnnlib.util.EasyDict", dict)
    stored = pickle.loads(path.read_bytes())
    for name in ("G", "D", "G_ema"):
        same(file.networks[name], dict(state_of(stored[name])))
        assert file.settings[name]["init_kwargs"] == stored[name]["state"]["_init_kwargs"]


def test_golden_progan(monkeypatch):
    path = golden("progan_official_small32.pkl")
    file = weights.read(path)
    assert file.family == "progan_tf"
    making.stand_in(monkeypatch, "tfutil.Network")
    for name, network in zip(("G", "D", "Gs"), pickle.loads(path.read_bytes()), strict=True):
        same(file.networks[name], dict(network.variables))
        assert file.settings[name]["static_kwargs"] == network.static_kwargs


@pytest.mark.parametrize("name", ["evil_netG.pth", "evil_snapshot.pkl"])
def test_golden_evil(name, tmp_path, monkeypatch):
    path = golden(name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.UserError, match=r"holds posix\.system, which .*: refused$"):
        weights.read(path)
    assert not list(tmp_path.iterdir())
