"""The settings that a user keeps in the store, and `iai config`."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from iai.admin import config_edits
from iai.config import config_file
from iai.config.settings import Source, from_environment, resolve
from iai.errors import BadUsage, StoreError
from tests.shell import Shell

REFRESH = "IAI_MCP_SESSION_CACHE_REFRESH_MIN_SEC"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_the_environment_goes_before_the_file_and_that_before_the_default(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("refresh_min_s = 30\ntick_s = 2.5\n")
    environment = {"IAI_MCP_STORE": str(tmp_path), REFRESH: "10"}
    settings, warnings = config_file.load(environment)
    assert (settings.refresh_min_s, settings.tick_s, settings.ledger_days) == (10.0, 2.5, 30)
    assert warnings == []
    file, _ = config_file.read(tmp_path / "config.toml")
    sources = {one.name: one.source for one in resolve(environment, file)[0]}
    assert (sources["refresh_min_s"], sources["tick_s"], sources["ledger_days"]) == (
        Source.ENVIRONMENT, Source.FILE, Source.DEFAULT,
    )  # fmt: skip


@pytest.mark.parametrize("value", ["true", '"soon"', "-1", "nan", "[1]", "{a = 1}", "1979-05-27"])
def test_a_bad_value_in_the_file_means_the_default_and_one_warning(
    tmp_path: Path, value: str
) -> None:
    (tmp_path / "config.toml").write_text(f"refresh_min_s = {value}\ntick_s = 7\n")
    settings, (warning,) = config_file.load({"IAI_MCP_STORE": str(tmp_path)})
    assert (settings.refresh_min_s, settings.tick_s) == (60.0, 7.0)
    assert "config.toml: refresh_min_s=" in warning
    assert "using 60" in warning


def test_a_bad_value_in_the_environment_leaves_that_of_the_file() -> None:
    settings, (warning,) = from_environment({REFRESH: "soon"}, {"refresh_min_s": 30})
    assert settings.refresh_min_s == 30.0
    assert "using 30" in warning


@pytest.mark.parametrize("name", ["refresh_min", "store"])
def test_a_name_that_is_no_setting_is_said(name: str) -> None:
    _, (warning,) = from_environment({}, {name: 1})
    assert repr(name) in warning


@pytest.mark.parametrize("data", [b"refresh_min_s = = 1", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_said_and_not_used(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    found, (warning,) = config_file.read(path)
    assert found == {}
    assert str(path) in warning


def test_what_a_user_wrote_around_it_stays(path: Path) -> None:
    (path.parent / "run").mkdir()
    path.write_text("# mine\ntick_s = 2 # often\n\n# last\nledger_days = 7\n")
    config_edits.put(path, "tick_s", "3")
    config_edits.put(path, "refresh_min_s", "0.5")
    assert config_edits.drop(path, "ledger_days")
    text = path.read_text()
    assert text.startswith("# mine\ntick_s = 3 # often\n\n# last\n")
    assert tomllib.loads(text) == {"tick_s": 3, "refresh_min_s": 0.5}
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("tick", "1", "unknown setting 'tick'"),
        ("tick_s", "soon", "is not a number"),
        ("tick_s", "0", "at least 0.05"),
        ("backups", "1.5", "is not a whole number"),
        ("elsewhere", "0.5", "is not a whole number"),
        ("file_history", "2", "is not a number up to 1"),
        ("store", "/s", "IAI_MCP_STORE"),
    ],
)
def test_what_cannot_be_is_not_written(path: Path, name: str, value: str, why: str) -> None:
    with pytest.raises(BadUsage, match=why):
        config_edits.put(path, name, value)
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"= what",
        b"[t]\nx = 1\nx = 1\n",
        b"\xff",
        b"a.b = 1\na = 2\n",
        b"x = " + b"[" * 3_000,
        b"x = 1\x0b",
    ],
)
def test_a_file_that_is_no_toml_is_not_written_over(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(StoreError, match="fix or delete it"):
        config_edits.put(path, "tick_s", "1")
    assert path.read_bytes() == text


def test_the_command_sets_shows_and_forgets(shell: Shell) -> None:
    g = shell
    assert g.iai("config", "get", "tick_s").stdout == "5\n"
    assert "tick_s is 2 seconds (config.toml)" in g.iai("config", "set", "tick_s", "2").stdout
    listed = json.loads(g.iai("config", "--json").stdout)
    assert (listed["tick_s"]["value"], listed["tick_s"]["source"]) == (2.0, "config.toml")
    assert "tick_s " in g.iai("config").stdout
    g.environment["IAI_MCP_TICK_SEC"] = "9"
    said = g.iai("config", "set", "tick_s", "3").stdout
    assert "tick_s is 9 seconds (environment)\nIAI_MCP_TICK_SEC is set in the environment" in said
    del g.environment["IAI_MCP_TICK_SEC"]
    assert g.json("config", "unset", "tick_s")["source"] == "default"
    for words in (("get",), ("set", "tick_s"), ("list", "tick_s"), ("get", "nothing")):
        assert g.iai("config", *words).returncode == 2


def test_a_pipe_in_place_of_the_file_is_reported_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    values, (warning,) = config_file.read(tmp_path / "config.toml")
    assert values == {}
    assert "is not a file" in warning


def test_a_file_nested_too_deep_is_ignored_with_a_warning(path: Path) -> None:
    path.write_bytes(b"x = " + b"[" * 3_000)
    values, (warning,) = config_file.read(path)
    assert values == {}
    assert "cannot be read" in warning


def test_a_file_out_of_reach_is_reported_and_ignored() -> None:
    """Every command looks for it first: in a store of root's, each ended with a traceback."""
    path = Path("/" + "x" * 300) / "config.toml"  # whether it is there cannot be told
    values, [warning] = config_file.read(path)
    assert (values, "cannot be read" in warning) == ({}, True)
