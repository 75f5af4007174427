"""Weights of a Stable Diffusion VAE, against what diffusers makes of them.

``autoencoder_kl`` was written by diffusers 0.42 (``AutoencoderKL.save_pretrained``) with random
weights; ``expected.npz`` is what it encodes and decodes, in float32.
"""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan.base import errors
from jaxgan.weights import autoencoder
from tests.weights.comparing import close

GOLDEN = Path(__file__).parent / "autoencoder_kl"
NAME = autoencoder.USUAL
SHAPE = (16, 8, 3)


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(GOLDEN, tmp_path / "vae"))


def rewrite(path, change):
    """Writes a safetensors file anew, its tensors changed."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, stop = entry["data_offsets"]
            values = np.frombuffer(content[end + start : end + stop], "<f4")
            tensors[name] = values.reshape(entry["shape"])
    header, data = {}, b""
    for name, changed in change(tensors).items():
        value = np.asarray(changed, "<f4")
        header[name] = {"dtype": "F32", "shape": value.shape}
        header[name]["data_offsets"] = [len(data), len(data) + value.nbytes]
        data += value.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def set_config(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_encodes_and_decodes_as_diffusers():
    found, expected = autoencoder.load(GOLDEN, SHAPE), np.load(GOLDEN / "expected.npz")
    mean, deviation = jax.jit(found.encode)(found.variables, expected["images"])
    assert (found.shape, found.latent) == (SHAPE, mean.shape[1:])
    close(mean, expected["mean"], 1e-5)
    close(deviation, expected["deviation"], 1e-5)
    decoded = jax.jit(found.decode)(found.variables, expected["latents"])
    close(decoded, expected["decoded"], 1e-5)
    assert (found.scale, found.shift) == ((0.5,) * found.latent[-1], (0.25,) * found.latent[-1])


def test_without_a_shape_it_is_for_what_it_was_trained_on():
    found = autoencoder.load(GOLDEN)
    assert (found.shape, found.latent) == ((16, 16, 3), (4, 4, 2))


def test_the_file_names_what_its_folder_does():
    a, b = autoencoder.load(GOLDEN), autoencoder.load(GOLDEN / NAME)
    assert a.digest == b.digest
    assert b.name == str(GOLDEN / NAME)


def test_older_names(folder):
    def older(tensors):
        made = {}
        for name, value in tensors.items():
            for new, old in autoencoder.OLDER.items():
                name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
            made[name] = value
        assert sum("attentions.0.proj_attn" in name for name in made) == 4
        return made

    rewrite(folder / NAME, older)
    a, b = autoencoder.load(GOLDEN), autoencoder.load(folder)
    for x, y in zip(*(jax.tree.leaves(found.variables) for found in (a, b)), strict=True):
        np.testing.assert_array_equal(x, y)


def test_an_old_config_says_less(folder):
    kept = (
        "_class_name block_out_channels down_block_types up_block_types layers_per_block "
        "latent_channels norm_num_groups sample_size"
    )
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({key: told[key] for key in kept.split()}))
    found = autoencoder.load(folder)
    assert (found.scale, found.shift) == ((0.18215,) * found.latent[-1], (0.0,) * found.latent[-1])


def test_other_weights_and_other_settings_have_another_digest(folder):
    digests = [autoencoder.load(folder).digest]
    assert digests == [autoencoder.load(GOLDEN).digest]
    set_config(folder, scaling_factor=0.6)
    digests.append(autoencoder.load(folder).digest)
    first = "decoder.conv_in.bias"
    rewrite(folder / NAME, lambda tensors: {**tensors, first: tensors[first] + 1e-3})
    digests.append(autoencoder.load(folder).digest)
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda t: {k: v for k, v in t.items() if k != "encoder.conv_in.bias"},
            "there is no 'encoder.conv_in.bias'",
        ),
        (
            lambda t: {**t, "decoder.more.weight": np.zeros((2, 3))},
            r"'decoder.more.weight' \[2, 3\] is of no use",
        ),
        (
            lambda t: {**t, "quant_conv.weight": np.zeros((4, 5, 1, 1))},
            r"'quant_conv.weight' is \[4, 5, 1, 1\], and \[4, 4, 1, 1\] is due here",
        ),
        (
            lambda t: {**t, "decoder.mid_block.attentions.0.to_q.weight": np.zeros((8, 9))},
            r"to_q.weight' is \[8, 9\], and \[8, 8\] is due here",
        ),
    ],
)
def test_tensors_that_do_not_fit(folder, change, told):
    rewrite(folder / NAME, change)
    with pytest.raises(errors.UserError, match=told) as caught:
        autoencoder.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"act_fn": "relu"}, "act_fn 'relu' cannot be built here"),
        ({"down_block_types": ["DownEncoderBlock2D", "Other"]}, "down_block_types .* cannot be"),
        ({"block_out_channels": []}, r"block_out_channels \[\] cannot be built"),
        ({"block_out_channels": [4, 8, -8]}, "block_out_channels"),
        ({"block_out_channels": [4, 8]}, r"conv1.bias' is \[8\], and \[4\] is due here"),
        ({"norm_num_groups": 3}, r"groups must divide each of the widths \(4, 8, 8\), not 3"),
        ({"out_channels": 1}, "out_channels 1 cannot be"),
        ({"scaling_factor": 0}, "scaling_factor 0 cannot be"),
        ({"scaling_factor": "big"}, "scaling_factor 'big' cannot be"),
        ({"latents_mean": [0.0]}, "latents_mean"),
        ({"use_quant_conv": 1}, "use_quant_conv 1 cannot be"),
        ({"use_quant_conv": False}, "'quant_conv.bias' .* is of no use"),
        ({"latent_chanels": 3}, "unknown entry of .* did you mean 'latent_channels'"),
        ({"_class_name": "AutoencoderTiny"}, "'AutoencoderTiny', and 'AutoencoderKL' alone"),
    ],
)
def test_configs_that_cannot_be_built(folder, entries, told):
    set_config(folder, **entries)
    with pytest.raises(errors.UserError, match=told) as caught:
        autoencoder.load(folder)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_damaged(folder):
    cut = folder / "config.json"
    for text in ("{", "[]"):
        cut.write_text(text)
        with pytest.raises(errors.UserError, match=r"config\.json"):
            autoencoder.load(folder)
    cut.unlink()
    with pytest.raises(errors.UserError, match=r"config\.json to be built: it is not there"):
        autoencoder.load(folder)
    shutil.copy(GOLDEN / "config.json", cut)
    (folder / NAME).write_bytes((folder / NAME).read_bytes()[:-5])
    with pytest.raises(errors.UserError, match="or damaged"):
        autoencoder.load(folder)
    (folder / NAME).rename(folder / "a.safetensors")
    shutil.copy(folder / "a.safetensors", folder / "b.safetensors")
    with pytest.raises(errors.UserError, match=r"it has: a.safetensors, b.safetensors"):
        autoencoder.load(folder)
    for place, told in (("c.safetensors", "is not there"), ("config.json", r"is no .safetensors")):
        with pytest.raises(errors.UserError, match=told):
            autoencoder.load(folder / place)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((16, 16, 1), "of images of 3 channels, not 1"),
        ((18, 16, 3), r"halves images \[H, W, C\] 2 times, which \[18, 16, 3\] cannot be"),
    ],
)
def test_images_that_it_cannot_encode(shape, told):
    with pytest.raises(errors.UserError, match=told):
        autoencoder.load(GOLDEN, shape)
