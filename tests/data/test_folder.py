import logging
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unicodedata

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd
from jaxgan.data import folder, image_files, listing


@pytest.fixture(params=["in memory", "lazy"])
def either(request, monkeypatch):
    """Run a test with the images decoded at opening, and with them decoded when read."""
    if request.param == "lazy":
        monkeypatch.setattr(image_files, "IN_MEMORY", 0)
    return request.param


def split_folder(tmp_path, draw):
    """Two splits of classes a, b, c, of which test has no b; returns the pixels by path."""
    names = ["train/a/1.png", "train/b/1.PNG", "train/b/2.png", "train/c/9.webp", "test/c/1.png"]
    names += ["test/a/0.bmp"]
    options = {"lossless": True}
    return {
        name: draw(tmp_path / name, seed=i, **(options if name.endswith("webp") else {}))
        for i, name in enumerate(names)
    }


def test_content_splits_and_labels(tmp_path, config, draw, either):
    pixels = split_folder(tmp_path, draw)
    data = config("folder", data_dir=str(tmp_path))
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert train.spec == jd.describe(data)
    assert train.spec[:4] == ((8, 8, 3), 3, 4, ("a", "b", "c"))
    assert test.spec == jd.describe(data, "test")
    assert test.spec[:4] == ((8, 8, 3), 3, 2, ("a", "b", "c"))
    arrays = jd.whole(train)
    names = ["train/a/1.png", "train/b/1.PNG", "train/b/2.png", "train/c/9.webp"]
    np.testing.assert_array_equal(arrays["image"], [pixels[name] for name in names])
    assert arrays["label"].tolist() == [0, 1, 1, 2]
    assert arrays["label"].dtype == np.int32
    # c is class 2 in test too, although test has no b.
    assert jd.whole(test)["label"].tolist() == [0, 2]
    some = train.read(np.array([3, 0]))
    np.testing.assert_array_equal(some["image"], [pixels[names[3]], pixels[names[0]]])
    assert some["label"].tolist() == [2, 0]
    assert train.labels(np.array([3, 0])).tolist() == [2, 0]
    assert train.labels(np.arange(4)).dtype == np.int32


def test_a_flat_folder_is_split_by_name(tmp_path, config, draw):
    for i in range(120):
        draw(tmp_path / f"{i}.png", (4, 4, 1), seed=i)
    data = config("folder", data_dir=str(tmp_path))
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert len(train) + len(test) == 120
    assert 4 <= len(test) <= 22
    assert train.shape == (4, 4, 1)
    assert train.num_classes == 0
    assert set(train.read(np.arange(1))) == {"image"}
    both = [bytes(image) for source in (train, test) for image in jd.whole(source)["image"]]
    assert len(set(both)) == 120
    # An image keeps its split whatever else is there.
    before = {bytes(image) for image in jd.whole(test)["image"]}
    for i in range(60):
        (tmp_path / f"{i}.png").unlink()
    assert {bytes(i) for i in jd.whole(jd.open_source(data, "test"))["image"]} <= before


def test_the_split_of_a_name_is_fixed():
    tests = [i for i in range(40) if folder.is_test(pathlib.PurePosixPath(f"{i}.png"))]
    assert tests == [1, 20, 21]


def test_class_folders_without_splits(tmp_path, config, draw):
    for i in range(60):
        draw(tmp_path / f"{'cat' if i % 2 else 'ant'}/{i}.png", (4, 4, 3), seed=i)
    source = jd.open_source(config("folder", data_dir=str(tmp_path)))
    assert source.num_classes == 2
    labels = jd.whole(source)["label"]
    count = sum(
        not folder.is_test(path.relative_to(tmp_path)) for path in tmp_path.glob("ant/*.png")
    )
    assert (labels == 0).sum() == count


@pytest.mark.parametrize("extra", ["loose.png", None])
def test_no_labels_with_a_loose_image_or_a_single_folder(tmp_path, config, draw, extra):
    names = [f"{'b' if extra else 'a'}/{i}.png" for i in range(30)] + ["a/x.png"]
    for i, name in enumerate([*names, *([extra] if extra else [])]):
        draw(tmp_path / name, seed=i)
    assert jd.open_source(config("folder", data_dir=str(tmp_path))).num_classes == 0


def test_a_class_called_train_is_no_split(tmp_path, config, draw):
    for i in range(30):
        draw(tmp_path / f"{'train' if i % 2 else 'ship'}/{i}.png", seed=i)
    assert jd.describe(config("folder", data_dir=str(tmp_path))).num_classes == 2


def test_other_files_and_hidden_ones_are_passed_over(tmp_path, config, draw):
    draw(tmp_path / "train/x.png")
    draw(tmp_path / "train/.cache/y.png")
    (tmp_path / "train/._x.png").write_bytes(b"a resource fork")
    (tmp_path / "train/readme.txt").write_text("words")
    assert len(jd.open_source(config("folder", data_dir=str(tmp_path)))) == 1


def test_size_and_channels(tmp_path, config, draw, either):
    draw(tmp_path / "train/a.png", (8, 12, 3))
    draw(tmp_path / "train/b.png", (20, 10, 1))
    data = config("folder", data_dir=str(tmp_path), image_size=6, channels=1)
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.spec[:4] == ((6, 6, 1), 0, 2, ())
    assert source.labels is None
    assert source.read(np.arange(2))["image"].shape == (2, 6, 6, 1)


@pytest.mark.parametrize(
    ("other", "cure"), [((8, 9, 3), "data.image_size"), ((8, 8, 1), "data.channels")]
)
def test_images_that_differ_are_named(tmp_path, config, draw, refused_by_both, other, cure):
    draw(tmp_path / "train/a.png")
    draw(tmp_path / "train/b.png")
    draw(tmp_path / "train/odd.png", other)
    message = refused_by_both(config("folder", data_dir=str(tmp_path)))
    assert "odd.png" in message
    assert cure in message


def broken_folder(tmp_path, draw):
    """Three good images, one cut short, and one that is none."""
    pixels = [draw(tmp_path / f"train/{i}.png", (32, 32, 3), seed=i) for i in range(3)]
    draw(tmp_path / "train/cut.png", (32, 32, 3))
    content = (tmp_path / "train/cut.png").read_bytes()
    (tmp_path / "train/cut.png").write_bytes(content[: len(content) // 2])
    return pixels


def test_a_damaged_image_is_an_error_that_names_it(tmp_path, config, draw, refused):
    broken_folder(tmp_path, draw)
    message = refused(jd.open_source, config("folder", data_dir=str(tmp_path)))
    assert "cut.png" in message
    assert "bad_images" in message


def test_a_damaged_image_read_lazily_is_named(tmp_path, config, draw, refused, monkeypatch):
    monkeypatch.setattr(image_files, "IN_MEMORY", 0)
    broken_folder(tmp_path, draw)
    source = jd.open_source(config("folder", data_dir=str(tmp_path)))
    assert "cut.png" in refused(jd.whole, source)


def test_damaged_images_are_left_out_with_a_warning(tmp_path, config, draw, either, caplog):
    pixels = broken_folder(tmp_path, draw)
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    with caplog.at_level(logging.WARNING):
        source = jd.open_source(data)
    np.testing.assert_array_equal(jd.whole(source)["image"], pixels)
    assert len(source) == 3
    assert "cut.png" in caplog.text
    assert "none.png" in caplog.text
    assert "left out 2 of the 5 images" in caplog.text
    assert jd.describe(data).shape == (32, 32, 3)


def test_labels_stay_with_their_images_when_one_is_left_out(tmp_path, config, draw, either):
    for i, name in enumerate("abc"):
        draw(tmp_path / f"train/{name}/x.png", seed=i)
    (tmp_path / "train/b/x.png").write_bytes(b"not an image")
    source = jd.open_source(config("folder", data_dir=str(tmp_path), bad_images="skip"))
    assert jd.whole(source)["label"].tolist() == [0, 2]
    assert source.num_classes == 3


def test_a_header_that_is_none_is_refused_by_both(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "train/a.png")
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    assert "none.png" in refused_by_both(config("folder", data_dir=str(tmp_path)))


def test_nothing_but_damaged_images(tmp_path, config, refused_by_both):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    assert "none.png" in refused_by_both(data)


def test_missing_and_empty_folders(tmp_path, config, draw, refused_by_both):
    missing = str(tmp_path / "missing")
    assert missing in refused_by_both(config("folder", data_dir=missing))
    assert "no images" in refused_by_both(config("folder", data_dir=str(tmp_path)))
    draw(tmp_path / "x.png")
    assert "no folder" in refused_by_both(config("folder", data_dir=str(tmp_path / "x.png")))
    assert "data.data_dir" in refused_by_both(config("folder"))


def test_unknown_and_empty_splits(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "0.png")
    assert "train, test" in refused_by_both(config("folder", data_dir=str(tmp_path), split="val"))
    empty = "train" if folder.is_test(pathlib.PurePosixPath("0.png")) else "test"
    data = config("folder", data_dir=str(tmp_path), split=empty)
    assert f"the {empty} split" in refused_by_both(data)
    (tmp_path / "0.png").unlink()
    draw(tmp_path / "train/0.png")
    draw(tmp_path / "val/0.png")
    data = config("folder", data_dir=str(tmp_path), split="test")
    assert "train, val" in refused_by_both(data)


def test_an_unknown_choice_for_bad_images(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "0.png")
    data = config("folder", data_dir=str(tmp_path), bad_images="skp")
    assert "'skip'" in refused_by_both(data)


def test_describe_looks_at_some_headers_only(tmp_path, config, monkeypatch):
    Image.new("L", (4, 4)).save(tmp_path / "0.png")
    for i in range(1, 3000):
        shutil.copyfile(tmp_path / "0.png", tmp_path / f"{i}.png")
    looked = []
    header = image_files.images.header
    monkeypatch.setattr(
        image_files.images, "header", lambda path: looked.append(path) or header(path)
    )
    spec = jd.describe(config("folder", data_dir=str(tmp_path)))
    assert len(looked) <= image_files.GLANCE
    assert 2600 < spec.size < 2800


def test_each_bad_image_is_named_up_to_ten(tmp_path, config, draw, caplog):
    draw(tmp_path / "train/good.png")
    for i in range(25):
        (tmp_path / f"train/bad{i}.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    for _ in range(3):  # a run opens its splits again
        jd.open_source(data)
    named = [r for r in caplog.messages if "it is left out" in r]
    assert len(named) == len(set(named)) == 10
    assert [r for r in caplog.messages if "left out 25 of the 26 images" in r] == [
        f"left out 25 of the 26 images in {tmp_path}: the 10 named and 15 more"
    ]


def copied(tmp_path, form, names, draw):
    """A folder whose files have names in a Unicode form: classes, and images of their own."""
    root = tmp_path / form
    for i, name in enumerate(names):
        draw(root / unicodedata.normalize(form, name), (2, 2, 1), seed=i)
    return root


def test_the_unicode_form_of_names_changes_nothing(tmp_path, config, draw):
    words = ["école", "zoo", "ängel", "öl", "e", "été", "ết"]
    names = [f"{word}/{other}{i}.png" for word in words for other in words for i in range(5)]
    opened = {}
    for form in ("NFC", "NFD"):
        data = config("folder", data_dir=str(copied(tmp_path, form, names, draw)))
        opened[form] = [jd.open_source(data), jd.open_source(data, "test")]
    for one, other in zip(opened["NFC"], opened["NFD"], strict=True):
        assert one.spec == other.spec
        assert one.classes == tuple(sorted(words))
        for key, value in jd.whole(one).items():
            np.testing.assert_array_equal(value, jd.whole(other)[key])


@pytest.mark.skipif(sys.platform == "darwin", reason="there all names are UTF-8")
def test_names_that_are_no_text(tmp_path, config, draw):
    for i in range(40):
        draw(pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/%d.png" % i)), seed=i)
        draw(tmp_path / f"other/{i}.png", seed=i)
    data = config("folder", data_dir=str(tmp_path))
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.classes == ("caf\\xe9", "other")
    assert "".join(source.classes).encode()  # fit for a file
    assert set(jd.whole(source)["label"]) == {0, 1}


def test_the_encoding_of_the_locale_changes_nothing(monkeypatch):
    name = "é.png"
    monkeypatch.setattr(os, "fsencode", lambda text: text.encode("latin-1"))
    assert listing.spelled(name.encode().decode("latin-1")) == name


def test_the_digest_tells_what_is_stored(tmp_path, config, draw):
    for i in range(5):
        draw(tmp_path / f"a/train/{i}.bmp", seed=i)
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)

    def digest(name):
        data = config("folder", data_dir=str(tmp_path / name))
        assert jd.open_source(data).digest == jd.describe(data).digest
        return jd.describe(data).digest

    before = digest("a")
    assert digest("b") == before != ""
    draw(tmp_path / "b/train/3.bmp", seed=9)  # of the same name and size
    assert digest("b") != before
    shutil.copyfile(tmp_path / "a/train/3.bmp", tmp_path / "b/train/3.bmp")
    assert digest("b") == before
    (tmp_path / "b/train/3.bmp").rename(tmp_path / "b/train/x.bmp")
    assert digest("b") != before


def test_ids_are_those_of_the_stored_files(tmp_path, config, draw, either):
    for i in range(6):
        draw(tmp_path / f"{'train' if i < 4 else 'test'}/{i}.png", seed=i)
    os.link(tmp_path / "train/0.png", tmp_path / "test/hard.png")
    (tmp_path / "test/soft.png").symlink_to("../train/1.png")
    (tmp_path / "val").symlink_to("test")
    (tmp_path / "train/3.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    train, test, val = (jd.open_source(data, s).ids() for s in ("train", "test", "val"))
    assert train.dtype == np.int64
    assert [len(set(ids)) for ids in (train, test, val)] == [3, 4, 4]
    np.testing.assert_array_equal(test, val)  # 4.png, 5.png, hard.png, soft.png
    assert test[2:].tolist() == train[:2].tolist()
    assert not set(test[:2]) & set(train)


def test_a_tree_is_walked_once(tmp_path, config, draw, monkeypatch):
    draw(tmp_path / "train/x.png")
    walks, find = [], listing.find
    monkeypatch.setattr(listing, "find", lambda *a: walks.append(1) or find(*a))
    jd.open_source(config("folder", data_dir=str(tmp_path)))
    jd.describe(config("folder", data_dir=str(tmp_path)))
    assert len(walks) == 2


def test_many_classes_cost_no_more_than_few(tmp_path, monkeypatch):
    def seconds(classes):
        names = [("train", f"{i % classes:05}", f"{i}.png") for i in range(20_000)]
        files = [
            listing.File(name, "/".join(name), False, 1, (1, i)) for i, name in enumerate(names)
        ]
        tree = listing.Listing([listing.Folder((), "", False, None, files, [])], [], [])
        monkeypatch.setattr(listing, "find", lambda *_: tree)
        start = time.process_time()
        chosen = folder._list(tmp_path, "train")
        assert len(chosen.classes) == classes
        return time.process_time() - start

    few = min(seconds(2) for _ in range(3))
    assert seconds(10_000) < 20 * few  # a search for each file would take hundreds of times as long


def test_after_the_first_bad_image_no_more_are_read(tmp_path, config, monkeypatch, refused):
    for i in range(300):
        (tmp_path / f"{i:03}.png").write_bytes(b"not an image")
    read, header = [], image_files.images.header

    def slow(path):
        read.append(path)
        time.sleep(0.02)
        return header(path)

    monkeypatch.setattr(image_files.images, "header", slow)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert "000.png" in refused(jd.open_source, config("folder", data_dir=str(tmp_path)))
    assert len(read) < 150
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


REFUSED = """
import gc, sys, threading, types
from jaxgan import data
from jaxgan.base.errors import UserError

gc.disable()
def refuse():
    try:
        data.open_source(types.SimpleNamespace(name="folder", data_dir=sys.argv[1]))
    except UserError as error:
        here = error  # a cycle, from this frame to the error's traceback and back
for _ in range(3):
    refuse()
starts = threading._maintain_shutdown_locks
threading._maintain_shutdown_locks = lambda: (gc.collect(), starts())
threads = [threading.Thread(target=print) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
"""


@pytest.mark.skipif(
    not hasattr(threading, "_maintain_shutdown_locks"), reason="threads start without that lock"
)
def test_a_refused_folder_leaves_nothing_that_can_lock(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(b"not an image")
    command = [sys.executable, "-c", REFUSED, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
