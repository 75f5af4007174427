import os

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.data import folder, image_files, listing


@pytest.fixture
def two_classes(tmp_path, draw):
    """A folder of the classes a and b with 30 images each, no two alike."""
    root = tmp_path / "set"
    for i in range(60):
        draw(root / f"{'ab'[i % 2]}/{i}.png", (4, 4, 1), seed=i)
    return root


def images_of(root, config):
    """The images of both splits, as bytes, and the names of the classes."""
    data = config("folder", data_dir=str(root), bad_images="skip")
    sources = [jd.open_source(data, split) for split in ("train", "test")]
    train, test = ([bytes(i) for i in jd.whole(source)["image"]] for source in sources)
    return train, test, sources[0].classes


# Where a link lies in the folder of two classes, and where it leads.
LOOPS = {
    "to itself": {"self": "."},
    "up": {"a/up": ".."},
    "further up": {"a/up": "../.."},
    "into each other": {"a/x": "../b", "b/y": "../a"},
    "a class by another name": {"c": "a"},
    "a class by an earlier name": {"A": "b"},
    "a part of a class": {"a/more": "../b"},
    "a split by name": {"test": "."},
    "a chain": {"c": "d", "d": "e", "e": "a"},
    "by its whole path": {"self": "ROOT"},
}


@pytest.mark.parametrize("links", LOOPS.values(), ids=LOOPS)
def test_each_real_folder_is_read_once(two_classes, config, caplog, links):
    before = images_of(two_classes, config)
    for name, target in links.items():
        (two_classes / name).symlink_to(target.replace("ROOT", str(two_classes)))
    assert images_of(two_classes, config) == before
    (line,) = caplog.messages
    assert f"passed over {len(links)} folder" in line
    assert all(name in line for name in links)


def test_many_folders_that_lead_into_each_other(tmp_path, config, draw):
    for i in range(12):
        draw(tmp_path / f"{i:02}/{i}.png", seed=i)
        for j in range(12):
            (tmp_path / f"{i:02}/to{j}").symlink_to(f"../{j:02}")
    assert len(listing.find(tmp_path, folder.SPLITS).files) == 12


def test_a_loop_changes_no_explicit_splits(tmp_path, config, draw, caplog):
    for i in range(6):
        draw(tmp_path / f"{'train' if i < 4 else 'test'}/{'ab'[i % 2]}/{i}.png", seed=i)
    before = images_of(tmp_path, config)
    (tmp_path / "all").symlink_to("train")
    (tmp_path / "again").symlink_to("test/a")
    (tmp_path / "train/a/up").symlink_to("..")
    (tmp_path / "test/up").symlink_to("../..")
    assert images_of(tmp_path, config) == before
    assert len(caplog.messages) == 1


def test_a_split_may_be_another_by_link(tmp_path, config, draw, caplog):
    for i in range(5):
        draw(tmp_path / f"{'train' if i < 3 else 'val'}/{i}.png", seed=i)
    (tmp_path / "test").symlink_to("val")
    train, test, _ = images_of(tmp_path, config)
    assert (len(train), len(test)) == (3, 2)
    (line,) = caplog.messages
    assert "2 of them are in two splits" in line


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_of_several_names_is_in_one_split(two_classes, config, caplog, link):
    before = images_of(two_classes, config)
    for i in range(60):
        link(two_classes / f"{'ab'[i % 2]}/{i}.png", two_classes / f"b/again{i}.png")
    train, test, classes = images_of(two_classes, config)
    assert len(train) + len(test) == 120
    assert not set(train) & set(test)
    assert classes == ("a", "b")
    (line,) = caplog.messages
    assert "60 of the 120 images" in line
    if link is os.symlink:  # the file itself stays where it was
        assert (set(train), set(test)) == (set(before[0]), set(before[1]))


@pytest.mark.parametrize("level", ["the folder", "classes", "files"])
def test_a_folder_of_links_is_as_what_they_lead_to(two_classes, tmp_path, config, caplog, level):
    before = images_of(two_classes, config)
    view = tmp_path / "view"
    if level == "the folder":
        view.symlink_to(two_classes)
    for name in "ab" if level == "classes" else "":
        view.mkdir(exist_ok=True)
        (view / name).symlink_to(two_classes / name)
    for path in two_classes.glob("*/*.png") if level == "files" else ():
        (view / path.parent.name).mkdir(exist_ok=True, parents=True)
        (view / path.parent.name / path.name).symlink_to(path)
    assert images_of(view, config) == before
    assert not caplog.messages


def test_links_that_lead_nowhere(two_classes, config, refused, caplog):
    (two_classes / "gone").symlink_to("nowhere")
    (two_classes / "itself").symlink_to("itself")
    before = images_of(two_classes, config)
    assert [m for m in caplog.messages if "2 leading nowhere" in m]
    (two_classes / "a/gone.png").symlink_to("nowhere")
    (two_classes / "a/itself.png").symlink_to("itself.png")
    data = config("folder", data_dir=str(two_classes))
    messages = [refused(jd.open_source, data, split) for split in ("train", "test")]
    assert any("gone.png" in m or "itself.png" in m for m in messages)
    assert images_of(two_classes, config) == before


def test_a_folder_that_cannot_be_listed_is_told(two_classes, config, caplog, monkeypatch):
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    spec = jd.describe(config("folder", data_dir=str(two_classes)))
    assert 20 < spec.size <= 30
    assert spec.classes == ()
    assert caplog.messages == [f"cannot list 1 folder of {two_classes}: b"]


def test_the_order_is_that_of_the_parts(tmp_path, draw):
    names = ["b/1.png", "a-b/1.png", "a/1.png", "a.b/1.png", "a/b/1.png", "a1.png", "A/1.png"]
    for name in names:
        draw(tmp_path / name)
    found = [file.path for file in listing.find(tmp_path, ()).files]
    assert found == sorted(names, key=lambda name: name.split("/"))


def test_where_a_file_system_has_no_inodes_nothing_is_the_same(tmp_path, draw, monkeypatch):
    for i in range(3):
        draw(tmp_path / f"{i}/{i}.png")
    monkeypatch.setattr(listing, "_identity", lambda stat: None)
    tree = listing.once(listing.find(tmp_path, folder.SPLITS))
    assert (
        len(folder.find_homes(tree.files))
        == len({id(f) for f in folder.find_homes(tree.files)})
        == 3
    )
    assert len(np.unique(image_files.ids(tree.files))) == 3
