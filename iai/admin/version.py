"""What a bug report should say about an iai: version, commit, Python, platform and libraries."""

import json
import platform
from importlib import metadata
from pathlib import Path

import iai
from iai.process.build import build
from iai.store import records

DISTRIBUTION = "iai-memory"  # as pip knows it
ENGINES = ("pyzmq", "msgpack", "msgspec", "lmdb", "numpy", "faiss-cpu", "tantivy")
_SHORT = 12  # digits of a commit


def lines() -> list[str]:
    """Return the lines of `iai --version`."""
    commit = _of_install() or _of_checkout(Path(iai.__file__).parents[1])
    engines = ", ".join(f"{name} {_version(name)}" for name in ENGINES)
    return [
        f"iai {build()}" + (f" ({commit[:_SHORT]})" if commit else ""),
        f"Python {platform.python_version()}, {platform.platform()}",
        engines,
        f"store schema {records.SCHEMA}",
    ]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is missing"


def _of_install() -> str:
    """Return the commit that pip installed from, if it was one (PEP 610)."""
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}"
        return str(json.loads(text).get("vcs_info", {}).get("commit_id", ""))
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return ""


def _of_checkout(root: Path) -> str:
    """Return the commit of a checkout, or "". See gitrepository-layout(5)."""
    try:
        git = root / ".git"
        if git.is_file():  # a worktree: the file names its directory
            git = root / git.read_text().removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        shared = git / "commondir"
        common = git / shared.read_text().strip() if shared.exists() else git
        ref = head.removeprefix("ref: ")
        if (common / ref).exists():
            return (common / ref).read_text().strip()
        packed = (common / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), "")
    except OSError:
        return ""
