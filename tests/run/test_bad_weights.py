"""Published files that are none, are damaged, or want to act: each is refused in one line."""

import os
import pickle

import numpy as np
import pytest
import torch

import jaxgan
from jaxgan.base import errors
from tests.test_main import command  # noqa: F401
from tests.weights.test_dcgan import discriminator, generator


class Call:
    """What a pickle of it does when it is loaded."""

    def __init__(self, function, *arguments):
        self.made_by = function, arguments

    def __reduce__(self):
        return self.made_by


@pytest.fixture(scope="module")
def states():
    torch.manual_seed(3)
    return generator((4, 2, 1)).state_dict(), discriminator((1, 2, 4)).state_dict()


def cut_zip(path, G, D):
    torch.save(G, path)
    path.write_bytes(path.read_bytes()[:-200])


def cut_older(path, G, D):
    torch.save(G, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-9])


def cut_pickle(path, G, D):
    path.write_bytes(pickle.dumps({key: value.numpy() for key, value in G.items()})[:-40])


def evil(kind):
    def write(path, G, D):
        call = Call(os.system, f"touch {path.with_name('mark')}")
        if kind == "pickle":
            path.write_bytes(pickle.dumps({"G_ema": call}))
        else:
            torch.save(dict(G) | {"main.0.bias": call}, path)

    return write


def hidden(path, G, D):
    """Under the name of a class that is known, called with what runs it."""
    call = Call(exec, f"open({str(path.with_name('mark'))!r}, 'w')")
    path.write_bytes(pickle.dumps({"config": call, "netG": {}}, protocol=2))


def judge_alone(path, G, D):
    torch.save(D, path.with_name("netD.pth"))
    path.unlink(missing_ok=True)
    path.with_name("netD.pth").rename(path)


def of_others(path, G, D):
    torch.save({"layer1.0.conv1.weight": torch.zeros(3, 3, 3, 3)}, path)


def too_few(path, G, D):
    torch.save({key: value for key, value in G.items() if not key.startswith("main.6")}, path)


def not_numbers(path, G, D):
    np.savez(path.with_suffix(".npz"), a=np.array([None]))
    path.with_suffix(".npz").rename(path)


FILES = [
    (cut_zip, "is no weights file, or damaged"),
    (cut_older, "is no weights file, or damaged"),
    (cut_pickle, "is no weights file, or damaged"),
    (lambda path, G, D: path.write_bytes(b""), "it is empty"),
    (
        lambda path, G, D: path.write_text("generator:\n  width: 64\n"),
        "it begins with b'generator'",
    ),
    (lambda path, G, D: path.mkdir(), "is a folder without a pytorch_model.bin"),
    (lambda path, G, D: None, "cannot read"),
    (evil("pickle"), "holds posix.system, which is no tensor and no container: refused"),
    (evil("zip"), "holds posix.system, which is no tensor and no container: refused"),
    (hidden, "exec, which is no tensor and no container: refused"),
    (of_others, "is of no known family of weights: it has the keys 'layer1.0.conv1.weight'"),
    (judge_alone, "it is a discriminator, and no "),
    (too_few, "(dcgan_example): "),
    (not_numbers, "is no weights file, or damaged"),
]


@pytest.mark.parametrize(("write", "told"), FILES)
@pytest.mark.parametrize("mode", ["sample", "convert"])
def test_a_file_is_refused_in_one_line(write, told, mode, states, tmp_path, command):  # noqa: F811
    path, out = tmp_path / "netG.pth", tmp_path / "out"
    write(path, *states)
    before = sorted(tmp_path.iterdir())
    ending = {"sample": ".png", "convert": ".safetensors"}[mode]
    code, printed, err = command(
        f"--weights={path}", f"--mode={mode}", f"--out={out.with_suffix(ending)}"
    )
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert told in err
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before, "nothing was written, and no mark"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda gan: gan.generate("abc"), r"latents must be \[n, 5\], not str"),
        (lambda gan: gan.generate(np.zeros(5)), r"latents must be \[n, 5\], not \[5\]"),
        (lambda gan: gan.generate(np.zeros((0, 5))), r"latents must be \[n, 5\], not \[0, 5\]"),
        (lambda gan: gan.generate([[1, 2], [3]]), r"latents must be \[n, 5\], not "),
        (lambda gan: gan.generate(np.zeros((1, 5)), 0), r"netG\.pth takes no labels"),
        (lambda gan: gan.generate(np.zeros((1, 5)), truncation=0.5), "takes no truncation"),
        (lambda gan: gan.generate(np.zeros((1, 5)), cutoff=2), "takes no cutoff"),
        (
            lambda gan: gan.discriminate(np.zeros((2, 16, 16, 3))),
            r"\[n, 16, 16, 1\], not \[2, 16, 16,",
        ),
        (lambda gan: gan.discriminate(None), r"images must be \[n, 16, 16, 1\], not "),
        (lambda gan: jaxgan.load(gan.file.path, step=3), "is no run, and has no step 3"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask, told, states, tmp_path):
    for name, state in zip(("netG.pth", "netD.pth"), states, strict=True):
        torch.save(state, tmp_path / name)
    gan = jaxgan.load(tmp_path / "netG.pth")
    with pytest.raises(errors.UserError, match=told):
        ask(gan)
    (tmp_path / "netD.pth").unlink()
    with pytest.raises(errors.UserError, match=r"netG\.pth has no discriminator"):
        jaxgan.load(tmp_path / "netG.pth").discriminate(np.zeros((1, 16, 16, 1)))
