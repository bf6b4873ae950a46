"""What may import what. A dozen lines that keep the house in order."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# These decide; they hold no socket, open no file, read no clock and start nothing.
PURE = [
    "iai/messages.py", "iai/wire.py", "iai/errors.py", "iai/behaviour.py", "iai/supervision.py",
    "iai/hosts/json_text.py", "iai/hosts/hooks.py", "iai/sleep.py", "iai/index/corrections.py",
    "iai/lifecycle.py", "iai/revisions.py", "iai/pace.py", "iai/injected.py", "iai/ids.py",
    "iai/record.py", "iai/freshness/compose.py", "iai/freshness/material.py",
    "iai/freshness/decide.py", "iai/freshness/budget.py", "iai/freshness/skips.py",
    "iai/freshness/cues.py",
    "iai/recall/fusion.py", "iai/recall/weights.py", "iai/recall/when.py", "iai/recall/who.py",
    "iai/recall/supersession.py",
    "iai/hosts/turn.py", "iai/hosts/claude.py", "iai/hosts/codex.py",
    "iai/embedders/embedder.py", "iai/recall/filters.py", "iai/mcp/forms.py",
    "iai/mcp/tools.py", "iai/mcp/snippets.py",
]  # fmt: skip
IO = {
    "zmq",
    "lmdb",
    "faiss",
    "tantivy",
    "socket",
    "subprocess",
    "threading",
    "time",
    "multiprocessing",
}
ENGINES = {"lmdb", "faiss", "tantivy", "igraph"}

MODULES = [path for top in ("iai", "actors") for path in sorted((ROOT / top).rglob("*.py"))]


def imports_of(path: Path) -> set[str]:
    """Return the dotted names of all that a module imports, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def tops(path: Path) -> set[str]:
    return {name.split(".", 1)[0] for name in imports_of(path)}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_do_no_io(name: str) -> None:
    assert not tops(ROOT / name) & IO


@pytest.mark.parametrize("path", sorted((ROOT / "iai").rglob("*.py")), ids=lambda p: p.stem)
def test_the_library_does_not_know_the_processes(path: Path) -> None:
    assert "actors" not in tops(path)


@pytest.mark.parametrize("path", sorted((ROOT / "actors").glob("*.py")), ids=lambda p: p.stem)
def test_actors_do_not_know_each_other(path: Path) -> None:
    known = {name for name in imports_of(path) if name.startswith("actors.")}
    allowed = {"__main__": "actors.supervisor", "supervisor": "actors.runtime"}.get(path.stem)
    assert all(allowed is not None and name.startswith(allowed) for name in known)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_store_and_index_know_the_engines(path: Path) -> None:
    if path.parent.name not in ("store", "index"):
        assert not tops(path) & ENGINES


def test_only_the_server_knows_the_mcp_sdk() -> None:
    assert [path.stem for path in MODULES if tops(path) & {"mcp", "mcp_types", "anyio"}] == [
        "server"
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "actors").glob("*.py")), ids=lambda p: p.stem)
def test_behaviours_look_at_no_clock(path: Path) -> None:
    if path.stem not in ("runtime", "supervisor"):
        assert not tops(path) & {"time", "datetime", "zmq", "socket"}
        assert "clock.read" not in path.read_text()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_reads_the_environment_when_it_is_imported(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If):
            assert not re.search(r"os\.(environ|getenv)", ast.unparse(node))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
