"""What may import what: the order of the rooms, and which of them are pure."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The rooms of iai/, the lowest first. Each may import those before it in this list, and none after
# it. So there is no circle.
ROOMS = [
    "errors",
    "redaction",
    "model",
    "protocol",
    "lifecycle",
    "hosts",
    "payload",
    "freshness",
    "config",
    "process",
    "encryption",
    "team",
    "store",
    "replication",
    "projects",
    "ingest",
    "embedders",
    "index",
    "recall",
    "session_start",
    "install",
    "admin",
    "mcp",
    "ui",
    "cli",
]
# The rooms that only compute. Neither they nor anything they import holds a socket, opens a file,
# reads a clock or starts a thread or a process.
PURE = ["errors", "redaction", "model", "protocol", "lifecycle", "hosts", "payload", "freshness"]
IO = {
    "asyncio",
    "faiss",
    "fcntl",
    "lmdb",
    "mmap",
    "multiprocessing",
    "os",
    "psutil",
    "select",
    "shutil",
    "socket",
    "subprocess",
    "tantivy",
    "tempfile",
    "threading",
    "time",
    "zmq",
}
ENGINES = {"lmdb", "faiss", "tantivy", "igraph"}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in ("iai", "actors")
    for path in sorted((ROOT / top).rglob("*.py"))
}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports_of(module: str) -> frozenset[str]:
    """Return the dotted names that a module imports, anywhere in its code."""
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def reached_from(module: str) -> dict[str, str]:
    """Map each foreign package imported, through any chain of our modules, to its importer."""
    found: dict[str, str] = {}
    left, done = [module], {module}
    while left:
        here = left.pop()
        for name in imports_of(here):
            if name in MODULES and name not in done:
                done.add(name)
                left.append(name)
            elif name not in MODULES:
                found.setdefault(name.split(".", 1)[0], here)
    return found


def tops(module: str) -> set[str]:
    return {name.split(".", 1)[0] for name in imports_of(module)}


def room(module: str) -> str:
    """Return the room of a module of iai; "" for `iai` and `iai.__main__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def _docstring(module: str) -> str:
    return ast.get_docstring(tree(module)) or ""


def modules_of(top: str) -> list[str]:
    return [name for name in MODULES if name.split(".", 1)[0] == top]


def test_every_room_is_in_the_list() -> None:
    assert {room(module) for module in modules_of("iai")} - {""} == set(ROOMS)


def test_no_room_imports_a_later_one() -> None:
    place = {"": len(ROOMS), **{room: number for number, room in enumerate(ROOMS)}}
    assert [
        (module, name)
        for module in modules_of("iai")
        for name in imports_of(module)
        if name in MODULES and room(name) and place[room(name)] > place[room(module)]
    ] == []


def io_reached_from(modules: Iterable[str]) -> dict[str, dict[str, str]]:
    """Map each of these modules that does I/O, through any chain of imports, to what does it."""
    found = {module: reached_from(module) for module in modules}
    io = {m: {name: by for name, by in names.items() if name in IO} for m, names in found.items()}
    return {module: names for module, names in io.items() if names}


def test_pure_rooms_do_no_io_through_any_import() -> None:
    assert io_reached_from(m for m in modules_of("iai") if room(m) in PURE) == {}


def test_what_decides_about_a_team_does_no_io_through_any_import() -> None:
    """The room is not pure, for its file, its server and the network."""
    said = [m for m in modules_of("iai") if room(m) == "team" and "No I/O." in _docstring(m)]
    assert len(said) >= 8
    assert io_reached_from(said) == {}


def test_the_rooms_that_say_that_they_are_pure_are_those_in_the_list() -> None:
    said = [one for one in ROOMS if _docstring(f"iai.{one}").endswith("Pure.")]
    assert said == PURE


def test_the_library_does_not_import_the_processes() -> None:
    assert [module for module in modules_of("iai") if "actors" in tops(module)] == []


def test_actors_do_not_import_each_other() -> None:
    starts = {
        "actors.__main__": ("actors.supervisor",),
        "actors.supervisor": ("actors.template", "actors.runtime"),
        "actors.template": ("actors.runtime",),
    }
    assert [
        (module, name)
        for module in modules_of("actors")
        for name in imports_of(module)
        if name.startswith("actors.") and not name.startswith(starts.get(module, ()))
    ] == []


def test_only_store_and_index_import_the_engines() -> None:
    others = [module for module in MODULES if room(module) not in ("store", "index")]
    assert [module for module in others if tops(module) & ENGINES] == []


@pytest.mark.parametrize(
    "module", ["actors.ingest", "actors.lifecycle", "actors.cache_writer", "actors.replicator"]
)
def test_actors_that_compute_nothing_load_no_numpy(module: str) -> None:
    assert "numpy" not in reached_from(module), "it would take as long as all else they load"


def test_one_package_imports_the_client_of_the_teams_server_and_only_when_it_runs() -> None:
    """Without a team nothing of it is loaded: see also `tests/actors/test_access.py`."""
    package = "iai.team.jetstream"
    outside = [module for module in MODULES if not module.startswith(package)]
    assert not [module for module in outside if "nats" in tops(module)]
    users = {m for m in outside if any(name.startswith(package) for name in imports_of(m))}
    assert users == {"actors.replicator"}
    statements = tree("actors.replicator").body
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    assert not any("jetstream" in ast.unparse(one) for one in imports)


def test_only_the_server_imports_the_mcp_sdk() -> None:
    assert [module for module in MODULES if tops(module) & {"mcp", "mcp_types", "anyio"}] == [
        "iai.mcp.server"
    ]


def test_nothing_imports_the_page_but_its_command_when_it_runs() -> None:
    others = [module for module in MODULES if room(module) != "ui"]
    assert [m for m in others if any(n.startswith("iai.ui") for n in imports_of(m))] == []
    assert '"iai.ui.server"' in MODULES["iai.cli.ui"].read_text()


def test_only_the_page_serves_a_network_and_only_its_server_listens() -> None:
    """No process of the group has any of this: see also `tests/actors/test_access.py`."""
    libraries = {"starlette", "jinja2", "markupsafe", "uvicorn"}
    assert {room(module) for module in MODULES if tops(module) & libraries} == {"ui"}
    named = [m for m, path in MODULES.items() if re.search(r"AF_INET|uvicorn", path.read_text())]
    assert named == ["iai.cli.ui", "iai.ui.server"]
    assert "socket" not in imports_of("iai.cli.ui")


def test_behaviours_read_no_clock() -> None:
    drivers = {"actors.runtime", "actors.supervisor", "actors.template"}
    behaviours = [module for module in modules_of("actors") if module not in drivers]
    assert [m for m in behaviours if tops(m) & {"time", "datetime", "zmq", "socket"}] == []
    assert [m for m in behaviours if "system_clock" in MODULES[m].read_text()] == []


def test_no_module_reads_the_environment_when_it_is_imported() -> None:
    assert [
        module
        for module, path in MODULES.items()
        if re.search(r"os\.(environ|getenv)", path.read_text())
        for node in tree(module).body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)
        and re.search(r"os\.(environ|getenv)", ast.unparse(node))
    ] == []


def test_every_module_has_a_docstring() -> None:
    assert [module for module in MODULES if not _docstring(module)] == []
