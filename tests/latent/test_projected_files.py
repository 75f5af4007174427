"""``--mode=project``: what is written beside what, and that a mistake is one line and no file."""

import json

import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import main
from jaxgan.base import errors
from jaxgan.latent import projected_files, targets
from jaxgan.watch.pictures import to_bytes
from tests.conftest import run, smoke

QUICK = "--projection=steps=4,restarts=2,candidates=100,pictures=2"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projected") / "run"
    settings = smoke("cgan_digits", "evaluation.every=0", "sample.every=0")
    with settings.unlocked():
        settings.steps = 2
        settings.checkpoint.best = ""
    assert run(settings, folder) == 0
    return folder


def save(path, height, width, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if channels == 1 else (height, width, channels)
    Image.fromarray(np.random.default_rng(height).integers(0, 256, shape, np.uint8)).save(path)


def command(workdir, target, *more):
    given = ["--mode=project", f"--workdir={workdir}", f"--target={target}", QUICK]
    return main.main([*given, *more])


def test_a_folder_of_any_images(workdir, tmp_path, capsys, caplog):
    save(tmp_path / "in" / "a.png", 8, 8)
    save(tmp_path / "in" / "deep" / "b.bmp", 20, 12, 3)
    out = tmp_path / "out"
    assert command(workdir, tmp_path / "in", f"--out={out}", "--labels=3,7", "--seed=5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{out}/a.png", f"{out}/deep/b.png"]
    assert all("dB" in line for line in lines)
    assert "the centred square of 12 x 20 was resized to 8 x 8" in caplog.text
    assert "in colour was made grey" in caplog.text
    gan = jaxgan.load(workdir)
    for name, label in (("a", 3), ("deep/b", 7)):
        with np.load(out / f"{name}.npz", allow_pickle=False) as stored:
            found = dict(stored)
        assert found["labels"].tolist() == [label]
        made = to_bytes(gan.generate(found["latents"], labels=found["labels"]))
        assert np.abs(made.astype(int) - found["images"]).max() <= 1
        assert found["losses"].shape == (3, 1)
        assert json.loads(str(found["settings"]))["steps"] == 4
        error = np.square(found["images"].astype(float) - found["targets"]).mean()
        np.testing.assert_allclose(found["psnr"], [10 * np.log10(255**2 / error)])
        with Image.open(out / f"{name}.png") as strip:
            pixels = np.asarray(strip.convert("L"))
        # The target comes first, enlarged by 13.
        np.testing.assert_array_equal(pixels[4 : 4 + 104 : 13, 4 : 4 + 104 : 13],
                                      found["targets"][0, :, :, 0])  # fmt: skip
    with np.load(out / "a.npz") as stored, Image.open(tmp_path / "in" / "a.png") as image:
        np.testing.assert_array_equal(stored["targets"][0, :, :, 0], np.asarray(image))


def test_of_several_frames_the_first_is_taken(workdir, tmp_path, caplog):
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    path = tmp_path / "two.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert targets.read([path], (8, 8, 1)).max() == -1
    assert f"{path}: the first of 2 frames is taken" in caplog.text


def test_a_search_that_leads_astray_is_told(workdir, tmp_path, caplog):
    save(tmp_path / "a.png", 8, 8)
    out = f"--out={tmp_path / 'out'}"
    assert command(workdir, tmp_path / "a.png", out, f"{QUICK},prior=1,learning_rate=1e9") == 0
    assert "1 of 1 images: every search ended further away than it began" in caplog.text


def test_what_needs_no_image_is_looked_at_before_one(workdir, tmp_path, capsys, caplog):
    save(tmp_path / "a.png", 20, 12)
    out = f"--out={tmp_path / 'out'}"
    assert command(workdir, tmp_path / "a.png", out, "--labels=12") == 2
    assert "was resized" not in caplog.text


def test_one_file_goes_into_the_folder_of_the_run(workdir, tmp_path):
    save(tmp_path / "one.png", 8, 8)
    assert command(workdir, tmp_path / "one.png") == 0
    made = sorted(p.name for p in (workdir / "projections").iterdir())
    assert made == ["one.npz", "one.png"]


def no_image(folder):
    (folder / "in" / "bad.png").write_text("no image")


def cut_short(folder):
    path = folder / "in" / "bad.png"
    save(path, 64, 64)
    path.write_bytes(path.read_bytes()[:1000])


def empty(folder):
    (folder / "in" / "a.png").unlink()


def missing(folder):
    empty(folder)
    (folder / "in").rmdir()


def there(folder):
    (folder / "out").mkdir()
    (folder / "out" / "a.npz").write_text("mine")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (no_image, "bad.png: cannot identify"),
        (cut_short, "cannot read the image"),
        (empty, "no images in the folder"),
        (missing, "--target: there is no file or folder"),
        (there, "a.npz is there already; nothing was written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(workdir, tmp_path, capsys, wrong, told):
    save(tmp_path / "in" / "a.png", 8, 8)
    wrong(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*")}
    assert command(workdir, tmp_path / "in", f"--out={tmp_path / 'out'}") == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.*")} == before


def test_flags_that_are_missing_or_wrong(workdir, tmp_path, capsys):
    save(tmp_path / "a.png", 8, 8)
    target = f"--target={tmp_path / 'a.png'}"
    of_run = f"--workdir={workdir}"
    (tmp_path / "none").mkdir()
    for flags, told in (
        ([of_run], "--target=FILE_OR_FOLDER is missing"),
        ([target], "--workdir=DIR or --weights=FILE is missing"),
        ([of_run, target, "--projection=stepz=3"], "did you mean 'steps'"),
        ([of_run, target, "--projection=steps=many"], "steps must be a whole number, not 'many'"),
        ([of_run, target, "--projection=features.extractor=domain"], "features need layers"),
        ([of_run, target, "--labels=12"], "'labels' must be from 0 to 9"),
        ([of_run, target, "--labels=1,2"], "--labels names 2, and there is 1 image to project"),
        ([of_run, target, "--projection=space=w"], "no space of styles"),
        ([f"--workdir={tmp_path / 'none'}", target], "none"),
    ):
        assert main.main(["--mode=project", *flags]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
    assert main.main(["--mode=sample", of_run, target]) == 2
    assert "--target is for --mode=project" in capsys.readouterr().err


def test_a_run_without_checkpoints(workdir, tmp_path, capsys):
    save(tmp_path / "a.png", 8, 8)
    young = tmp_path / "young"
    young.mkdir()
    (young / "config.json").write_text((workdir / "config.json").read_text())
    assert command(young, tmp_path / "a.png") == 2
    assert "there is no checkpoint in" in capsys.readouterr().err
    assert sorted(p.name for p in young.iterdir()) == ["config.json"]


def test_settings_are_read_by_their_kinds():
    found = projected_files.settings(
        "steps=10, prior=0.5, space=z, features.extractor=domain, features.layers=conv_0+conv_1"
    )
    assert (found.steps, found.prior, found.space) == (10, 0.5, "z")
    assert found.features.layers == ("conv_0", "conv_1")


def test_images_that_cannot_be_brought_to_the_shape(tmp_path):
    save(tmp_path / "a.png", 8, 8)
    with pytest.raises(errors.UserError, match="images of 2 channels"):
        targets.read([tmp_path / "a.png"], (8, 8, 2))
    with pytest.raises(errors.UserError, match="8 x 8, and 6 x 8 is due"):
        targets.read([tmp_path / "a.png"], (8, 6, 1))
    found = targets.read([tmp_path / "a.png"], (8, 8, 3))
    assert found.shape == (1, 8, 8, 3)
    assert -1 <= found.min() < found.max() <= 1
