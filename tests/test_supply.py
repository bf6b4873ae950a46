"""What is installed: locked by hash, each for a reason, and nothing that speaks HTTP."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# No server of HTTP either, but in the process of `iai ui`: `iai mcp` speaks on standard input and
# output.
HTTP = {"http.client", "http.server", "urllib.request", "urllib3", "requests", "httpx", "httpx2",
        "aiohttp", "huggingface_hub", "uvicorn"}  # fmt: skip
LOADED = """
import importlib, json, pathlib, sys
modules = [
    ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    for top in ("iai", "actors") for path in sorted(pathlib.Path(top).rglob("*.py"))
    if path.name not in ("__main__.py", "server.py", "freshness_plot.py") and "ui" not in path.parts
]
for module in modules:
    importlib.import_module(module)
from iai.embedders.static import bundled
bundled()
json.dump([len(modules), sorted(sys.modules)], sys.stdout)
"""


def locked() -> dict[str, str]:
    """Return each package in the lock file with its hashes."""
    blocks = re.split(r"^(?=[a-z])", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    return {match[0]: block for block in blocks if (match := re.match(r"[a-z][a-z0-9-]*", block))}


def project() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return read


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9_-]+", one) for one in requirements)
    return {match[0].lower().replace("_", "-") for match in found if match} - {"iai-memory"}


def test_every_package_that_the_tests_need_is_locked_with_hashes() -> None:
    extras = project()["optional-dependencies"]
    asked = project()["dependencies"] + extras["dev"] + extras["mcp"] + extras["minilm"]
    asked += extras["ui"] + extras["team"]
    assert names(asked) - locked().keys() == set()  # else run tools/lock
    for name, block in locked().items():
        assert "--hash=sha256:" in block, name
        assert re.match(r"[a-z][a-z0-9-]*==\d", block), name


def test_what_is_left_out_is_not_locked() -> None:
    left_out = names((ROOT / "tools" / "left-out.txt").read_text().splitlines())
    assert left_out >= {"huggingface-hub", "requests"}
    assert left_out & locked().keys() == set()


def test_the_lock_names_no_machine_and_no_other_index() -> None:
    assert re.findall(r"https?://|file:|--index|--find-links|@ ", "".join(locked().values())) == []


def test_every_dependency_says_what_it_is_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [") + 1
    asked = lines[start : lines.index("]", start)]
    assert len(asked) > 10
    assert [one for one in asked if one.startswith('    "') and not re.search('", +# ', one)] == []


def test_no_process_loads_anything_that_speaks_http() -> None:
    """But for `iai mcp`, whose SDK loads a client of HTTP and does not use it, and `iai ui`.

    What draws a plot is left out: the package for that is not installed here.
    """
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, loaded = json.loads(done.stdout)
    assert count > 150
    assert HTTP & set(loaded) == set()
