import hashlib
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from jaxgan.extractors import inception_weights as lib

PARTS = {"beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}


def torchvision_names():
    """Torchvision's name of each convolution by TensorFlow's, block by block."""

    def series(tower, branch, count):
        yield f"{tower}/conv", f"{branch}_1"
        for i in range(1, count):
            yield f"{tower}/conv_{i}", f"{branch}_{i + 1}"

    large = [
        ("conv", "branch1x1"),
        *series("tower", "branch5x5", 2),
        *series("tower_1", "branch3x3dbl", 3),
        ("tower_2/conv", "branch_pool"),
    ]
    middle = [
        ("conv", "branch1x1"),
        *series("tower", "branch7x7", 3),
        *series("tower_1", "branch7x7dbl", 5),
        ("tower_2/conv", "branch_pool"),
    ]
    small = [
        ("conv", "branch1x1"),
        ("tower_conv", "branch3x3_1"),
        ("tower_mixed_conv", "branch3x3_2a"),
        ("tower_mixed_conv_1", "branch3x3_2b"),
        ("tower_1_conv", "branch3x3dbl_1"),
        ("tower_1_conv_1", "branch3x3dbl_2"),
        ("tower_1_mixed_conv", "branch3x3dbl_3a"),
        ("tower_1_mixed_conv_1", "branch3x3dbl_3b"),
        ("tower_2_conv", "branch_pool"),
    ]
    down = [("conv", "branch3x3"), *series("tower", "branch3x3dbl", 3)]
    last_down = [*series("tower", "branch3x3", 2), *series("tower_1", "branch7x7x3", 4)]
    blocks = [large] * 3 + [down] + [middle] * 4 + [last_down] + [small] * 2
    names = {"conv": "Conv2d_1a_3x3", "conv_1": "Conv2d_2a_3x3", "conv_2": "Conv2d_2b_3x3"}
    names |= {"conv_3": "Conv2d_3b_1x1", "conv_4": "Conv2d_4a_3x3"}
    letters = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"]
    for i, (block, letter) in enumerate(zip(blocks, letters, strict=True)):
        mixed = f"mixed_{i}" if i else "mixed"
        names |= {f"{mixed}/{ours}": f"Mixed_{letter}.{theirs}" for ours, theirs in block}
    assert len(names) == len(set(names.values())) == 94
    return names


def small_arrays(seed=0):
    """Every array of the network with a classifier, but small."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name in torchvision_names():
        arrays[f"{name}/weight"] = rng.normal(size=(2, 3, 1, 2)).astype(np.float32)
        for part in PARTS:
            arrays[f"{name}/{part}"] = rng.normal(size=2).astype(np.float32)
    arrays["output/weight"] = rng.normal(size=(3, 2)).astype(np.float32)
    arrays["output/bias"] = rng.normal(size=3).astype(np.float32)
    return arrays


def state_dict(arrays):
    """The arrays as pytorch-fid's file has them: batch norm with a gamma of 1 and a counter."""
    state = torch.nn.Module().state_dict()  # with the metadata that torch hangs on it
    for ours, theirs in torchvision_names().items():
        state[f"{theirs}.conv.weight"] = torch.from_numpy(arrays[f"{ours}/weight"])
        state[f"{theirs}.bn.weight"] = torch.ones(len(arrays[f"{ours}/weight"]))
        state[f"{theirs}.bn.num_batches_tracked"] = torch.tensor(0)
        for part, name in PARTS.items():
            state[f"{theirs}.{name}"] = torch.from_numpy(arrays[f"{ours}/{part}"])
    if "output/weight" in arrays:
        state["fc.weight"] = torch.from_numpy(arrays["output/weight"])
        state["fc.bias"] = torch.from_numpy(arrays["output/bias"])
    return state


class Node(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stride = [1, 2]
        self.name = "node"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def torch_script(arrays):
    """The arrays in a tree of scripted modules, as in the file of StyleGAN's repositories."""
    root = Node()
    for name, array in arrays.items():
        *place, leaf = name.split("/")
        if place[0] != "output":
            place.insert(0, "layers")
        node = root
        for part in place:
            if not hasattr(node, part):
                node.add_module(part, Node())
            node = getattr(node, part)
        if leaf in ("mean", "var"):
            node.register_buffer(leaf, torch.from_numpy(array))
        else:
            node.register_parameter(leaf, torch.nn.Parameter(torch.from_numpy(array)))
    return torch.jit.script(root)


def write(form, arrays, path):
    if form == "npz":
        np.savez(path, **arrays)
    elif form == "torch_script":
        torch_script(arrays).save(path)
    else:
        zipped = form == "state_dict"
        torch.save(state_dict(arrays), path, _use_new_zipfile_serialization=zipped)
    return path


FORMS = ["npz", "state_dict", "legacy_state_dict", "torch_script"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {form: write(form, small_arrays(), folder / f"{form}.npz") for form in FORMS}


# torch.jit is on its way out, but the file is what it is.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_arrays(files, form):
    found, digest = lib.read(files[form])
    arrays = small_arrays()
    gammas = {name: found.pop(name) for name in list(found) if name.endswith("/gamma")}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)
    assert len(gammas) == (94 if "state_dict" in form else 0)
    assert all((gamma == 1).all() for gamma in gammas.values())
    assert digest == hashlib.sha256(files[form].read_bytes()).hexdigest()


def test_views_of_a_shared_storage_are_read_as_torch_reads_them(tmp_path):
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "transposed": base.T,
        "inner": base[1:3, 1:5:2],
        "scalar": base[2, 2],
        "spread": base[0, :2].expand(3, 2),
        "half": base.half(),
        "long": base.long(),
    }
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pt"
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        found, _ = lib.read(path)
        assert found.keys() == state.keys()
        for name, tensor in state.items():
            np.testing.assert_array_equal(found[name], tensor.numpy())
            assert found[name].dtype == tensor.numpy().dtype


def test_the_digest_is_compared(files):
    digest = hashlib.sha256(files["npz"].read_bytes()).hexdigest()
    assert lib.read(files["npz"], digest=digest.upper())[1] == digest
    with pytest.raises(ValueError, match=f"npz.npz has the SHA-256 {digest}, not {'0' * 64}"):
        lib.read(files["npz"], digest="0" * 64)


class Evil:
    """Leaves a folder where its pickle is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_runs_nothing(tmp_path, zipped):
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save({"x": Evil(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"evil.pth is no weights file: .*names \w+.mkdir"):
        lib.read(path)
    assert not trace.exists()


def test_a_tensor_stays_within_its_storage(tmp_path):
    whole, cut = tmp_path / "whole.pt", tmp_path / "cut.pt"
    torch.save({"x": torch.ones(8)}, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(cut, "w") as target:
        for name in source.namelist():
            short = -4 if name.endswith("data/0") else None
            target.writestr(name, source.read(name)[:short])
    with pytest.raises(ValueError, match=r"cut.pt is no weights file: .*x reaches outside"):
        lib.read(cut)


def objects():
    stream = io.BytesIO()
    np.savez(stream, x=np.array([{}], object))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no weights",
        b"\x89PNG\r\n\x1a\n" * 9,
        pickle.dumps({"x": 1}),
        b"PK\x05\x06",
        objects(),
    ],
    ids=["empty", "text", "picture", "pickle", "torn", "objects"],
)
def test_other_files_are_refused_in_a_line(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights.npz is no weights file: .") as refused:
        lib.read(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_torn_file_is_refused(files, tmp_path, form):
    path = tmp_path / "torn"
    path.write_bytes(files[form].read_bytes()[:-20_000])
    with pytest.raises(ValueError, match="torn is no weights file: "):
        lib.read(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"there is no weights file .*nowhere.npz"):
        lib.read(tmp_path / "nowhere.npz")


SHAPES = {"a/weight": (2, 3), "a/beta": (2,), "a/gamma": (2,), "output/weight": (4, 2)}


def sound(**changes):
    arrays = {"a/weight": np.ones((2, 3), np.float32), "a/beta": np.ones(2, np.float32)}
    return {name: array for name, array in (arrays | changes).items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        (sound(**{"a/beta": None}), r"w.npz has no array a/beta, which should be \[2\]"),
        (sound(b=np.ones((1, 2))), r"w.npz has an array b \[1, 2\], which the network has not"),
        (sound(**{"a/weight": np.ones((3, 2))}), r"a/weight is \[3, 2\], and should be \[2, 3\]"),
        (sound(**{"a/gamma": np.ones(())}), r"a/gamma is \[\], and should be \[2\]"),
        (sound(**{"a/beta": np.array([1, np.nan])}), "a/beta has values that are not finite"),
        (sound(**{"a/beta": np.array([1, 2])}), "a/beta has values that are not finite"),
    ],
)
def test_unsound_arrays_are_named(arrays, problem):
    with pytest.raises(ValueError, match=problem):
        lib.check(arrays, SHAPES, "w.npz")


def test_gammas_and_the_classifier_may_be_absent():
    lib.check(sound(), SHAPES, "w.npz")
    lib.check(sound(**{"a/gamma": np.ones(2), "output/weight": np.ones((4, 2))}), SHAPES, "w.npz")
