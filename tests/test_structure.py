"""The shape of the package: imports point down, methods stand alone, the library is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "jaxgan"

# Rooms: each row imports only rows below it, and within a row no room imports another.
ROWS = [
    ("main",),
    ("train",),
    ("sweep", "latent"),
    ("run",),
    ("evaluation",),
    ("weights",),
    ("config",),
    ("methods",),
    ("adversarial",),
    ("extractors",),
    ("networks", "data", "learning", "watch"),
    ("regularizers", "augment"),
    ("nn", "losses"),
    ("base",),
]
ROW = {room: i for i, row in enumerate(ROWS) for room in row}


def imports(path):
    """The jaxgan modules that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("jaxgan."))
        elif isinstance(node, ast.ImportFrom) and node.module == "jaxgan":
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jaxgan."):
            yield node.module.split(".")[1]


def modules():
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_is_in_a_room():
    assert {room(p) for p in modules()} == set(ROW)


def test_tests_lie_in_the_rooms_that_they_test():
    """At the top: of the two files at the top, and what is true of the whole."""
    tests = Path(__file__).parent
    rooms = {p.parent.relative_to(tests).parts[:1] for p in tests.rglob("test_*.py")} - {()}
    assert {name for (name,) in rooms} <= set(ROW)
    whole = {"bad_input", "docs", "launch", "laws", "old_runs", "on_paper", "strict", "structure"}
    assert {p.stem.removeprefix("test_") for p in tests.glob("test_*.py")} == {
        *whole,
        *(p.stem for p in PACKAGE.glob("[a-z]*.py")),
    }


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = room(path)
    for other in imports(path):
        if other != own:
            assert ROW[other] > ROW[own], f"{own} imports {other}"


def test_no_method_imports_another():
    for path in (PACKAGE / "methods").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("jaxgan.methods"), path


# What is imported in turn in one process, and what no module so far may have loaded.
HEAVY = "optax orbax tensorflow_datasets tensorflow grain sklearn torch"
LOADED = (
    ("jaxgan.base.preemption", f"jax flax numpy {HEAVY}"),
    ("jaxgan.sweep", f"jax flax {HEAVY}"),
    *((f"jaxgan.{n}", f"flax {HEAVY}") for n in ("losses", "regularizers", "augment", "weights")),
    ("jaxgan.nn", HEAVY),
    ("jaxgan.train", "tensorflow tensorflow_datasets sklearn torch"),
)


def test_what_an_import_loads():
    code = f"""
import importlib, sys
for module, absent in {LOADED}:
    importlib.import_module(module)
    found = [name for name in absent.split() if name in sys.modules]
    assert not found, (module, found)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_stay_one_room():
    for path in modules():
        lines = len(path.read_text().splitlines())
        assert lines <= 300, f"{path.relative_to(PACKAGE)} has {lines} lines: is it still one room?"


SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:")


def strayed_lines(tree):
    """The lines in sections of docstrings that neither begin an entry (at 2) nor go on (at 4)."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        depths = ()
        for line in filter(None, (text or "").splitlines()):
            depth = len(line) - len(line.lstrip())
            if not depth:
                depths = (2,) if line in SECTIONS else ()
            elif depths:
                if depth not in depths:
                    yield line
                depths = (2, 4)


@pytest.mark.parametrize(
    ("lines", "strayed"),
    [
        (("Args:", "  x: a number", "    of some size.", "  y: another."), 0),
        (("Args:", "    x: a number."), 1),
        (("Args:", "  x: a number", "      of some size."), 1),
        (("Args:", "    x: a number", "        of some size."), 2),
        (("Raises:", "   ValueError: always."), 1),
        (("Text:", "      as it likes."), 0),
    ],
)
def test_what_strays(lines, strayed):
    body = "\n".join(f" {line}" for line in ("It does.", "", *lines))
    tree = ast.parse(f'def f():\n """{body}\n """')
    assert len(list(strayed_lines(tree))) == strayed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sections_of_docstrings_are_indented_alike(path):
    assert list(strayed_lines(ast.parse(path.read_text()))) == []


def holding_generators(tree):
    """The generator functions that stop at a yield inside of a `with` or a `try ... finally`."""

    def inside(node):
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield from inside(child)

    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if any("contextmanager" in ast.unparse(d) for d in function.decorator_list):
            continue
        for block in inside(function):
            holds = isinstance(block, ast.With | ast.AsyncWith) or getattr(block, "finalbody", [])
            if holds and any(isinstance(n, ast.Yield | ast.YieldFrom) for n in inside(block)):
                yield function.name


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ("with pool: yield from pool.map(f, a)", True),
        ("for x in a:\n  with open(x) as file:\n   yield file", True),
        ("try:\n  yield 1\n finally: pool.shutdown()", True),
        ("with pool: rows = list(pool.map(f, a))\n yield from rows", False),
        ("with pool:\n  def g(): yield 1\n  return list(g())", False),
        ("try:\n  yield 1\n except KeyError: pass", False),
    ],
)
def test_what_holds(body, holds):
    assert list(holding_generators(ast.parse(f"def f():\n {body}"))) == ["f"] * holds


def test_no_generator_holds_a_resource():
    # Given up, it is closed by the garbage collector, in whatever thread that runs: joining a pool
    # there has stopped a process for good.
    holding = {p: list(holding_generators(ast.parse(p.read_text()))) for p in modules()}
    assert {p: names for p, names in holding.items() if names} == {}
