"""Every code block of the README and of ``docs/`` runs, and what they list is all there is.

A page runs in a temporary folder with a copy of ``experiments/``, from top to bottom, in an
interpreter in which warnings are errors and JAX is imported once: there run its ``python`` blocks,
which share their names, and ``bash`` blocks of nothing but our command line; each other one is a
script of its own, under ``bash -euo pipefail``. The pages share the interpreter, too, and what
their runs trace and compile of one method. Blocks of another language are only shown. A comment
right before a block changes this:

    <!-- file: NAME -->        the block is written to the file NAME
    <!-- not run: REASON -->   the block is only shown

Two things are not as a reader has them. Every training command gets ``--smoke``. And of a command
that makes a virtual environment, the last part alone is run, or nothing where that is the tests:
``.ci/run`` runs it whole.
"""

import dataclasses
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TIMEOUT = 600
COMMENT = re.compile(r"<!--\s*(not run|file):\s*(.+?)\s*-->\s*$")
# Around a table that a command writes, `benchmarks.on_paper` for one.
MARKER = re.compile(r"<!-- (?:begin|end): on paper, \S+ -->")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# Stands for `python`, on the path.
PYTHON = """#!/bin/sh
case "$*" in
  *--smoke*) ;;
  *jaxgan.main*--config=*) set -- "$@" --smoke ;;
esac
exec {python} "$@"
"""


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block: its language, its text, the line it begins at, and the comment before it."""

    language: str
    text: str
    line: int
    comment: str
    argument: str


def blocks(page):
    """The code blocks of a page, in order."""
    found, before = [], None
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        if token.type == "fence":
            html = before.content if before is not None and before.type == "html_block" else ""
            comment, argument = match.groups() if (match := COMMENT.search(html)) else ("", "")
            line = token.map[0] + 2
            found.append(Block(token.info.strip(), token.content, line, comment, argument))
        before = token
    return found


def runnable(script):
    """What is run of a bash block, see above."""
    *before, last = script.strip().split(" && ")
    if not any("-m venv" in part for part in before):
        return script
    return "" if "-m pytest" in last else last


OURS = (["python", "-m", "jaxgan.main"], [".venv/bin/python", "-m", "jaxgan.main"])


def command_lines(script):
    """The arguments of our command, line by line; ``None`` where the script does anything else."""
    lines = [shlex.split(line) for line in script.splitlines()]
    plain = all(line[:3] in OURS for line in lines) and not re.search(r"[$&|;<>#\\]", script)
    return [line[3:] for line in lines] if plain else None


def run_here(page, lines):
    """Runs command lines in this interpreter; those that train, with ``--smoke``."""
    from jaxgan import main

    for line in lines:
        train = any(part.startswith("--config=") for part in line) and "--smoke" not in line
        code = main.main([*line, *["--smoke"] * train])
        assert code == 0, f"{page.name}: {line}: exit code {code}"


def run_page(page):
    """Runs the blocks of a page in the present folder; the first that fails ends it."""
    names = {"__name__": "__page__"}
    for block in blocks(page):
        if block.comment == "file":
            Path(block.argument).write_text(block.text)
        elif block.comment == "not run":
            continue
        elif block.language == "python":
            # Empty lines before it, so that a traceback gives the line of the page.
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, str(page), "exec"), names)
        elif block.language == "bash" and (lines := command_lines(runnable(block.text))):
            run_here(page, lines)
        elif block.language == "bash" and (script := runnable(block.text)):
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script])
            assert done.returncode == 0, f"{page.name}, line {block.line}: {done.returncode}"


def run_pages(pages):
    """Runs each page in the folder of its name, and writes there what went wrong in it."""
    home = Path.cwd()
    for page in map(Path, pages):
        os.chdir(home / page.stem)
        trace = ""
        try:
            run_page(page)
        except (Exception, SystemExit):
            trace = traceback.format_exc()
        Path("outcome").write_text(trace)
        for name, module in list(sys.modules.items()):  # the next page has its own of that name
            if str(getattr(module, "__file__", "")).startswith(str(home)):
                del sys.modules[name]
        importlib.invalidate_caches()


def install_python(folder):
    """Puts the stand-in for ``python`` into a folder."""
    folder.mkdir(parents=True)
    script = folder / "python"
    script.write_text(PYTHON.format(python=shlex.quote(sys.executable)))
    script.chmod(0o755)


def runs(block):
    return block.language in ("bash", "python") and block.comment != "not run"


WITH_CODE = [page for page in PAGES if any(map(runs, blocks(page)))]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, compilation_cache):
    """Our ``python`` on the path, and one compilation cache for all pages."""
    home, cache = tmp_path_factory.mktemp("docs"), compilation_cache
    install_python(home / "bin")
    return {
        **os.environ,
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "JAX_PLATFORMS": "cpu",
        # Half of the time to compile; these runs are of seconds.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "XDG_CACHE_HOME": str(cache),
    }


@pytest.fixture(scope="module")
def outcomes(request, environment, tmp_path_factory):
    """A folder with the outcomes of the pages that are asked for, and what they printed."""
    home = tmp_path_factory.mktemp("pages")
    items = request.session.items
    asked = [item.callspec.params["page"] for item in items if "outcomes" in item.fixturenames]
    for page in asked:
        shutil.copytree(ROOT / "experiments", home / page.stem / "experiments")
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, *map(str, asked)],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    return home, done.stdout[-5000:]


# What they run is run by other tests: of `parallel`, of the laws, and of the command line.
LATE = ("devices", "encoders", "evaluation", "run_folder", "translation", "vae")


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if p.stem in LATE else ()) for p in WITH_CODE],
    ids=lambda page: page.stem,
)
def test_code_blocks_run(page, outcomes):
    home, printed = outcomes
    outcome = home / page.stem / "outcome"
    assert outcome.exists(), printed
    assert not outcome.read_text(), f"{printed}\n{outcome.read_text()}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_are_marked_as_they_should_be(page):
    for block in blocks(page):
        known = ("bash", "python", "text", "json", "{toctree}", "{eval-rst}")
        assert block.language.split()[0] in known, f"line {block.line}: {block.language!r}"
    comments = re.findall("<!--.*?-->", MARKER.sub("", page.read_text()), re.DOTALL)
    used = [block for block in blocks(page) if block.comment]
    assert len(used) == len(comments), "a comment is misspelt, or has no block right below it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readme_installs_by_two_commands():
    train, test = [b.text.strip() for b in blocks(README) if "-m venv" in b.text]
    for command, extra in ((train, "."), (test, ".[dev]")):
        make, install, _ = map(shlex.split, command.split(" && "))
        assert make == ["python3", "-m", "venv", ".venv"]
        assert install == [".venv/bin/pip", "install", "-q", "-e", extra]
    assert train.endswith("--config=experiments/dcgan_digits.py --workdir=runs/dcgan_digits")
    assert test.endswith(" && .venv/bin/python -m pytest")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"tf", "tpu", "dev"} <= set(project["optional-dependencies"])


def test_continuous_integration_runs_the_readme_s_test_command():
    extract = re.search(r"^command=\$\((.+)\)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    found = subprocess.check_output(["bash", "-c", extract[1]], cwd=ROOT, text=True)
    assert found in [block.text for block in blocks(README)]
    assert found.strip().endswith("-m pytest")


def test_the_config_page_lists_every_field_and_flag():
    from jaxgan import config
    from jaxgan.run.flags import parser

    page = (ROOT / "docs" / "config.md").read_text()
    for field, value in config.flatten(config.default()):
        assert f"| `{field}` | `{value!r}` |" in page
    assert set(re.findall(r"^\| `([a-z_.]+)\*?` \| ", section(page, "Safe"), re.M)) == {
        *config.SAFE
    }
    flags = {f for action in parser()._actions for f in action.option_strings}
    listed = re.findall(r"^\| `(--\w+)[=`]", section(page, "The flags"), re.M)
    assert set(listed) == flags - {"-h", "--help"}


def section(page, title):
    """The part of a page under a heading that begins with ``title``."""
    return re.split("^## ", page.split(f"\n## {title}")[1], flags=re.M)[0]


def test_the_run_page_lists_every_file_and_exit_code():
    from jaxgan import train
    from jaxgan.base import errors, preemption
    from jaxgan.run import run_folder

    page = (ROOT / "docs" / "run_folder.md").read_text()
    names = (run_folder.CONFIG, run_folder.METRICS, run_folder.LOCK, run_folder.CHECKPOINTS)
    for name in (*names, run_folder.SAMPLES, run_folder.EVALUATION, run_folder.DAMAGED):
        assert re.search(rf"^\| `{re.escape(name)}", page, re.M), name
    ours = {errors.DEFECT, errors.BAD_INPUT, errors.LOST}
    codes = {train.FINISHED, train.DIVERGED, preemption.EXIT_CODE} | ours
    assert set(map(int, re.findall(r"^\| (\d+) \|", page, re.M))) == codes


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    from tests import sharing

    sys.path[0] = ""
    with sharing.shared({}):
        run_pages(sys.argv[1:])
