"""Folders of aligned pairs: every layout gives the same rows, and what is no pair is told."""

import os

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd
from jaxgan.data import image_files, pairs

NAMES = [*(f"train/{i}.png" for i in range(5)), *(f"test/{i}.png" for i in range(5, 8))]


def pixels(name, side, shape=(6, 4, 3)):
    """Other ones for every pair and side."""
    seed = [int(name.split("/")[1].split(".")[0]), "AB".index(side)]
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)


# Where the sides A and B of a pair are stored, in the layouts that are published.
LAYOUTS = {
    "A/train": lambda split, side, file: f"{side}/{split}/{file}",
    "train/A": lambda split, side, file: f"{split}/{side}/{file}",
    "trainA": lambda split, side, file: f"{split}{side}/{file}",
    "names": lambda split, side, file: f"{split}/{ {'A': 'edges', 'B': 'photos'}[side] }/{file}",
}


def write(root, layout, names=NAMES):
    for name in names:
        split, file = name.split("/")
        if layout == "halves":
            save(root / name, np.concatenate([pixels(name, "A"), pixels(name, "B")], axis=1))
            continue
        for side in "AB":
            save(root / LAYOUTS[layout](split, side, file), pixels(name, side))


@pytest.fixture(params=["in memory", "lazy"])
def either(request, monkeypatch):
    if request.param == "lazy":
        monkeypatch.setattr(image_files, "IN_MEMORY", 0)


@pytest.mark.parametrize("layout", [*LAYOUTS, "halves"])
@pytest.mark.parametrize("direction", pairs.DIRECTIONS)
def test_every_layout_gives_the_same_pairs(tmp_path, config, either, layout, direction, caplog):
    write(tmp_path, layout)
    data = config("pairs", data_dir=str(tmp_path), direction=direction)
    for split in ("train", "test"):
        (source,) = jd.open_sources(data, split).values()
        assert source.spec == jd.describe(data, split)
        assert source.spec[:4] == ((6, 4, 3), 0, len(source), ())
        assert (source.target, source.targets) == ((6, 4, 3), 0)
        rows = jd.whole(source)
        names = [name for name in NAMES if name.startswith(split)]
        for entry, side in zip(("image", "target"), direction.split("to"), strict=True):
            np.testing.assert_array_equal(rows[entry], [pixels(name, side) for name in names])
        some = source.read(np.array([2, 0]))
        np.testing.assert_array_equal(some["target"], rows["target"][[2, 0]])
        assert set(some) == {"image", "target"}
    assert len(jd.shared(jd.open_source(data, "train"), jd.open_source(data, "test"))) == 0
    assert not caplog.messages


@pytest.mark.parametrize("layout", ["A", "halves"])
def test_without_splits_a_pairs_name_decides(tmp_path, config, layout):
    names = [f"train/{i}.png" for i in range(60)]
    for name in names:
        file = name.split("/")[1]
        if layout == "halves":
            save(tmp_path / file, np.concatenate([pixels(name, "A"), pixels(name, "B")], axis=1))
        for side in "AB" if layout == "A" else ():
            save(tmp_path / side / file, pixels(name, side))
    data = config("pairs", data_dir=str(tmp_path))
    train, test = (jd.open_source(data, split) for split in ("train", "test"))
    assert len(train) + len(test) == 60
    assert 1 <= len(test) <= 15
    sides = {pixels(name, "A").tobytes(): pixels(name, "B").tobytes() for name in names}
    for source in (train, test):
        rows = jd.whole(source)
        for image, target in zip(rows["image"], rows["target"], strict=True):
            assert sides[image.tobytes()] == target.tobytes()
    # The other direction has the same splits.
    back = jd.open_source(config("pairs", data_dir=str(tmp_path), direction="BtoA"), "test")
    np.testing.assert_array_equal(jd.whole(back)["target"], jd.whole(test)["image"])


def test_sizes_and_channels_are_each_sides_own_and_made_equal_where_asked(tmp_path, config):
    for i in range(3):
        save(tmp_path / f"train/A/{i}.png", pixels(f"t/{i}", "A", (8, 8, 1)))
        save(tmp_path / f"train/B/{i}.png", pixels(f"t/{i}", "B", (4, 4, 3)))
    data = config("pairs", data_dir=str(tmp_path))
    assert (jd.open_source(data).shape, jd.describe(data).target) == ((8, 8, 1), (4, 4, 3))
    source = jd.open_source(config("pairs", data_dir=str(tmp_path), image_size=2, channels=3))
    assert source.shape == source.target == (2, 2, 3)


def test_a_suffix_may_differ_where_no_other_file_has_the_name(tmp_path, config):
    for side, names in (("A", ("1.jpg", "2.png", "3.png", "3.bmp")), ("B", ("1.png", "2.png"))):
        for name in names:
            save(tmp_path / "train" / side / name, np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "train/B/3.webp", np.zeros((4, 4, 3), np.uint8))
    assert jd.describe(config("pairs", data_dir=str(tmp_path))).size == 2


def test_what_is_in_no_pair_is_left_out_and_told_once(tmp_path, config, caplog):
    write(tmp_path, "train/A")
    for name in ("train/A/x.png", "test/B/y.png", "train/z.png", "preview.png"):
        save(tmp_path / name, np.zeros((6, 4, 3), np.uint8))
    data = config("pairs", data_dir=str(tmp_path))
    assert [jd.open_source(data, split).size for split in ("train", "test")] == [5, 3]
    told = [line for line in caplog.messages if "in no pair" in line]
    assert len(told) == 1
    assert "left out 4 of the 20 images" in told[0]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_bad_image_takes_its_pair_with_it(tmp_path, config, refused, caplog, monkeypatch, lazy):
    if lazy:
        monkeypatch.setattr(image_files, "IN_MEMORY", 0)
    write(tmp_path, "train/A")
    stored = tmp_path / "train/B/1.png"
    stored.write_bytes(stored.read_bytes()[:-40])
    data = config("pairs", data_dir=str(tmp_path), bad_images="skip")
    rows = jd.whole(jd.open_source(data))
    for entry, side in (("image", "A"), ("target", "B")):
        kept = [pixels(f"train/{i}.png", side) for i in (0, 2, 3, 4)]
        np.testing.assert_array_equal(rows[entry], kept)
    assert any("left out 1 of the 5 pairs" in line for line in caplog.messages)
    data.bad_images = "error"
    if not lazy:
        assert "1.png" in refused(jd.open_source, data)


def test_halves_of_an_odd_width_are_refused(tmp_path, config, refused_by_both):
    save(tmp_path / "train/1.png", np.zeros((4, 7, 3), np.uint8))
    message = refused_by_both(config("pairs", data_dir=str(tmp_path)))
    assert "1.png is 7 pixels wide" in message


def test_an_image_turned_upright_is_cut_as_it_is_seen(tmp_path, config):
    image = Image.fromarray(pixels("t/0.", "A", (8, 4, 3)))
    exif = image.getexif()
    exif[0x0112] = 6  # turn to the right
    (tmp_path / "train").mkdir()
    image.save(tmp_path / "train/1.png", exif=exif)
    rows = jd.whole(jd.open_source(config("pairs", data_dir=str(tmp_path))))
    turned = np.rot90(np.asarray(image), -1)
    np.testing.assert_array_equal(rows["image"][0], turned[:, :4])
    np.testing.assert_array_equal(rows["target"][0], turned[:, 4:])


def test_what_is_not_pairs_is_one_line(tmp_path, config, refused_by_both):
    folder = config("pairs", data_dir=str(tmp_path / "x"))
    assert "no folder" in refused_by_both(folder)
    assert "needs data.data_dir" in refused_by_both(config("pairs"))
    (tmp_path / "x").mkdir()
    assert "no images" in refused_by_both(folder)
    save(tmp_path / "x/A/1.png", np.zeros((4, 4, 3), np.uint8))
    assert "a side 'A' alone" in refused_by_both(folder)
    save(tmp_path / "x/B/2.png", np.zeros((4, 4, 3), np.uint8))
    assert "no image of one has a partner" in refused_by_both(folder)
    write(tmp_path / "y", "trainA")
    data = config("pairs", data_dir=str(tmp_path / "y"))
    assert "no split 'val'; it has: train, test" in refused_by_both(data, "val")
    data.direction = "BtoC"
    assert "did you mean 'BtoA'" in refused_by_both(data)


def test_a_direction_of_what_has_none_is_refused(config, refused_by_both):
    message = refused_by_both(config("digits", direction="BtoA"))
    assert "data.direction='BtoA' is of 'pairs' alone" in message


@pytest.mark.parametrize("side", "AB")
def test_the_digest_covers_both_sides(tmp_path, config, side):
    names = [f"train/{i}.png" for i in range(450)]
    image = np.zeros((2, 2, 1), np.uint8)
    for name in names:
        for each in "AB":
            save(tmp_path / each / name, image)
    data = config("pairs", data_dir=str(tmp_path))
    before = jd.describe(data).digest
    changed = tmp_path / side / names[0]
    stored = bytearray(changed.read_bytes())
    stored[-1] ^= 1  # of the same length
    changed.write_bytes(stored)
    assert jd.describe(data).digest != before


@pytest.mark.data
def test_emoji_pairs(tmp_path, config):
    folder = os.path.join(os.environ.get("JAXGAN_TEST_DATA", ""), "emoji_pairs")
    if not os.path.isdir(folder):
        pytest.skip("no emoji_pairs in JAXGAN_TEST_DATA")
    with Image.open(os.path.join(folder, "pairs_0.webp")) as image:
        sheet = np.asarray(image.convert("RGB"))
    tiles = [sheet[y : y + 64, x : x + 128] for y in (0, 64) for x in range(0, 2560, 128)]
    for i, tile in enumerate(tiles):
        save(tmp_path / f"train/{i:02}.png", tile)
    rows = jd.whole(jd.open_source(config("pairs", data_dir=str(tmp_path))))
    np.testing.assert_array_equal(rows["image"], [tile[:, :64] for tile in tiles])
    np.testing.assert_array_equal(rows["target"], [tile[:, 64:] for tile in tiles])
