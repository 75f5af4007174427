"""``--mode=translate``: names and sizes are kept, nothing is written over, mistakes are a line."""

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import main
from jaxgan.base import errors
from tests.conftest import EXPERIMENTS, run, smoke


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translates") / "run"
    settings = smoke("pix2pix_digits", "evaluation.every=0", "sample.every=0")
    with settings.unlocked():
        settings.steps = 2
    assert run(settings, folder) == 0
    return folder


def save(path, height, width, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = np.random.default_rng(height).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "in" / "b.png", 8, 8)
    save(tmp_path / "in" / "deep" / "a.bmp", 8, 8)
    save(tmp_path / "in" / "deep" / "c.png", 16, 24)
    return tmp_path


def command(workdir, folder, *more):
    given = [f"--in={folder / 'in'}", f"--out={folder / 'out'}"]
    return main.main(["--mode=translate", f"--workdir={workdir}", *given, *more])


def test_names_and_sizes_are_kept(workdir, folder, capsys):
    assert command(workdir, folder) == 0
    assert capsys.readouterr().out == "3 images\n"
    made = {str(p.relative_to(folder / "out")) for p in (folder / "out").rglob("*.*")}
    assert made == {"b.png", "deep/a.png", "deep/c.png"}
    gan = jaxgan.load(workdir)
    for name, source in (("deep/c.png", "deep/c.png"), ("deep/a.png", "deep/a.bmp")):
        found = np.asarray(Image.open(folder / "out" / name))
        given = np.asarray(Image.open(folder / "in" / source), np.float32) / 127.5 - 1
        alone = gan.translate(given[None, :, :, None])[0, :, :, 0]
        np.testing.assert_allclose(found, (alone + 1) * 127.5, atol=1)


def test_one_file(workdir, folder):
    given = [f"--in={folder / 'in' / 'b.png'}", f"--out={folder / 'out'}"]
    assert main.main(["--mode=translate", f"--workdir={workdir}", *given]) == 0
    assert [p.name for p in (folder / "out").iterdir()] == ["b.png"]


def test_an_image_that_cannot_be_read_is_left_out_if_asked(workdir, folder, capsys, caplog):
    (folder / "in" / "bad.png").write_text("no image")
    assert command(workdir, folder) == 2
    assert "bad.png: cannot identify" in (told := capsys.readouterr().err)
    assert "--bad_images=skip" in told
    assert told.count("\n") == 1
    assert not (folder / "out").exists()
    assert command(workdir, folder, "--bad_images=skip") == 0
    assert capsys.readouterr().out == "3 images, 1 left out\n"
    assert "bad.png" in caplog.text


def colour(folder):
    save(folder / "in" / "d.png", 8, 8, 3)


def odd(folder):
    save(folder / "in" / "d.png", 7, 9)


def there(folder):
    (folder / "out" / "deep").mkdir(parents=True)
    (folder / "out" / "deep" / "c.png").write_text("mine")


def twice(folder):
    save(folder / "in" / "b.bmp", 8, 8)


def nothing(folder):
    for path in list((folder / "in").rglob("*.*")):
        path.unlink()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (colour, "d.png is in colour; of images the model takes grey ones"),
        (odd, "sides are multiples of 8, not [1, 7, 9, 1]"),
        (there, "c.png is there already; nothing was written"),
        (twice, "would both become"),
        (nothing, "no images in the folder"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written_over(workdir, folder, capsys, wrong, told):
    wrong(folder)
    before = sorted((folder / "out").rglob("*.png"))
    assert command(workdir, folder) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    if wrong is not odd:  # which is seen when its turn comes
        assert sorted((folder / "out").rglob("*.png")) == before


def test_flags_that_are_missing_are_named(workdir, folder, capsys):
    for flags, told in (
        ([f"--workdir={workdir}", "--out=x"], "--in=FOLDER is missing"),
        ([f"--workdir={workdir}", f"--in={folder / 'in'}"], "--out=FOLDER is missing"),
        ([f"--in={folder / 'in'}", "--out=x"], "--workdir=DIR or --weights=FILE is missing"),
        ([f"--workdir={workdir}", f"--in={folder / 'no'}", "--out=x"], "there is no file or"),
    ):
        assert main.main(["--mode=translate", *flags]) == 2
        assert told in capsys.readouterr().err
    assert main.main(["--mode=sample", f"--workdir={workdir}"]) == 2
    assert "makes images of images: --mode=translate" in capsys.readouterr().err


def test_a_model_that_translates_nothing_says_so(workdir):
    gan = jaxgan.load(workdir)
    with pytest.raises(errors.UserError, match="images must be"):
        gan.translate(np.zeros((2, 8, 8, 3)))
    with pytest.raises(errors.UserError, match="made under 'image'"):
        gan.sample(jax.random.key(0), 2)


def test_the_domain_extractor_is_refused():
    config = str(EXPERIMENTS / "pix2pix_digits.py")
    flags = [f"--config={config}", "--smoke", "--dry_run", "--config.evaluation.extractor=domain"]
    assert main.main(flags) == 2
