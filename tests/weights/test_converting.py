"""Published weights in our own form: the same bits, the same samples, and where they are from."""

import hashlib
import importlib.metadata
import json

import jax
import numpy as np
import pytest
import torch

import jaxgan
from jaxgan import weights
from jaxgan.base import errors
from jaxgan.weights import own, players
from tests.weights.comparing import golden_file
from tests.weights.test_dcgan import discriminator, generator

KEY = jax.random.key(4)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A folder with both files of a small DCGAN, and with what they were converted to."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("dcgan")
    torch.save(generator((4, 2, 1)).state_dict(), folder / "netG.pth")
    torch.save(discriminator((1, 2, 4)).state_dict(), folder / "netD.pth")
    made = weights.convert(folder / "netG.pth", folder / "copy.safetensors")
    assert made == folder / "copy.safetensors"
    return folder


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_networks(first, second):
    """To the bit."""
    assert (first.network, first.latent_dim) == (second.network, second.latent_dim)
    for ours, theirs in (
        (first.generator, second.generator),
        (first.discriminator, second.discriminator),
    ):
        assert ours == theirs
    for ours, theirs in ((first.g, second.g), (first.d, second.d)):
        assert (ours is None) == (theirs is None)
        a, b = (dict(players.leaves(tree or {})) for tree in (ours, theirs))
        assert set(a) == set(b)
        for path, value in a.items():
            np.testing.assert_array_equal(np.asarray(value), np.asarray(b[path]), strict=True)


def test_is_the_same_to_the_bit(example):
    before, after = jaxgan.load(example / "netG.pth"), jaxgan.load(example / "copy.safetensors")
    same_networks(before.networks, after.networks)
    images = before.sample(KEY, 3)
    np.testing.assert_array_equal(after.sample(KEY, 3), images)
    np.testing.assert_array_equal(after.discriminate(images), before.discriminate(images))


def test_says_where_it_is_from(example):
    file = jaxgan.load(example / "copy.safetensors").file
    assert (file.family, file.licence) == ("jaxgan", "pytorch/examples, dcgan: BSD-3")
    assert file.sha256 == sha256(example / "copy.safetensors")
    told = file.settings
    assert told["family"] == "dcgan_example"
    assert told["version"] == importlib.metadata.version("jaxgan")
    names = ("netG.pth", "netD.pth")
    assert told["files"] == [{"name": n, "sha256": sha256(example / n)} for n in names]


def test_is_a_safetensors_file(example):
    content = (example / "copy.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    assert size % 8 == 0
    assert list(header["__metadata__"]) == ["jaxgan"]
    assert (
        header["__metadata__"]["jaxgan"].count(hashlib.sha256(content[8 + size :]).hexdigest()) == 1
    )
    shapes = {name: entry["shape"] for name, entry in header.items() if name[:2] in ("g/", "d/")}
    assert len(shapes) == len(header) - 1
    assert shapes["g/params/ConvTranspose_1/kernel"] == [4, 4, 2, 1]
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name in shapes]
    assert max(ends) == len(content) - 8 - size


def rewritten(path, out, change):
    """Our file with another description."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    told = json.loads(header["__metadata__"]["jaxgan"])
    change(told, header)
    header["__metadata__"]["jaxgan"] = json.dumps(told)
    text = json.dumps(header).encode()
    out.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    return out


def rename(_, header):
    """Another name in the same place."""
    names = {"d/params/logits/bias": "d/params/logits/b"}
    entries = [(names.get(name, name), entry) for name, entry in header.items()]
    header.clear()
    header.update(entries)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told, _: told.update(format=2), "it is of form 2, and this version reads 1"),
        (lambda told, _: told.pop("licence"), "its description has no 'licence'"),
        (lambda told, _: told.update(network="antigravity"), "'antigravity' is not known here"),
        (
            lambda told, _: told["generator"].update(width=4),
            r"ConvTranspose_0/kernel .* is due here",
        ),
        (lambda told, _: told["generator"].update(breadth=4), "breadth"),
        (lambda told, _: told.update(latent_dim=6), r"Dense_0/kernel .*\[5, 64\], and \[6, 64\]"),
        (rename, r"params/logits/b of the discriminator \[1\] is of no use"),
    ],
)
def test_another_description_is_refused(example, tmp_path, change, told):
    path = rewritten(example / "copy.safetensors", tmp_path / "other.safetensors", change)
    with pytest.raises(errors.UserError, match=rf"^{path}.*{told}") as refused:
        jaxgan.load(path)
    assert "\n" not in str(refused.value)


def test_a_changed_number_is_noticed(example, tmp_path):
    content = bytearray((example / "copy.safetensors").read_bytes())
    content[-3] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(errors.UserError, match="its values are not those that were written"):
        jaxgan.load(tmp_path / "bad.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(content[:-3])
    with pytest.raises(errors.UserError, match="is no weights file, or damaged"):
        jaxgan.load(tmp_path / "bad.safetensors")


def test_what_cannot_be_converted_leaves_nothing(example, tmp_path):
    for path, out, told in (
        (example / "netG.pth", tmp_path / "a.npz", r"written as \.safetensors, not 'a\.npz'"),
        (example / "netG.pth", example / "copy.safetensors", "is there already"),
        (example / "netG.pth", example / "netG.pth" / "a.safetensors", "no file can be made there"),
        (example / "copy.safetensors", tmp_path / "a.safetensors", "was converted already"),
        (example / "no.pth", tmp_path / "a.safetensors", "cannot read"),
    ):
        with pytest.raises(errors.UserError, match=told):
            weights.convert(path, out)
    assert list(tmp_path.iterdir()) == []


GOLDEN = {
    "stylegan2_small_cond32.pkl": {"truncation": 0.5, "cutoff": 3},
    "progan_official_small32.pkl": {},
    "progan_zoo_small32/model_s3_i100.pth": {},
    "biggan_small_cifar32/G_ema.pth": {},
    "mimicry_cganpd_small32/netG_100000_steps.pth": {},
    "hf_biggandeep_small32/pytorch_model.bin": {"truncation": 0.43},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_files_are_the_same_to_the_bit(name, tmp_path):
    before = jaxgan.load(golden_file(name))
    weights.convert(before.file.path, tmp_path / "copy.safetensors")
    after = jaxgan.load(tmp_path / "copy.safetensors")
    same_networks(before.networks, after.networks)
    assert after.file.licence == before.file.licence
    # Once is enough: what is drawn is a function of what was compared.
    if name.startswith(("stylegan2", "hf")):
        images = [gan.sample(KEY, 2, **GOLDEN[name]) for gan in (before, after)]
        np.testing.assert_array_equal(*images)


def test_lists_become_tuples_at_any_depth():
    assert own.in_tuples({"a": [1, [2, [3]]], "b": "c"}) == {"a": (1, (2, (3,))), "b": "c"}
