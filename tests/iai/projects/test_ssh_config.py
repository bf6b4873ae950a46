"""Aliases of hosts in the configuration of SSH."""

from pathlib import Path

import pytest

from iai.projects.ssh_config import host_name

CONFIG = """
# Host github-old
Include more/*.conf ~/.ssh/none
Host github-work github-home
    HostName github.com
Host *.lan !router.lan
    HostName %h.example.org
Match host forge
    HostName elsewhere.org
Host=forge
    hostname = "git.example.org"
"""


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("github-work", "github.com"),
        ("GitHub-Home", "github.com"),
        ("github-old", "github-old"),
        ("nas.lan", "nas.lan.example.org"),
        ("router.lan", "router.lan"),
        ("forge", "git.example.org"),
        ("included", "there.example.org"),
        ("unknown", "unknown"),
    ],
)
def test_an_alias_stands_for_the_host_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alias: str, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh" / "more").mkdir(parents=True)
    (tmp_path / ".ssh" / "config").write_text(CONFIG)
    more = tmp_path / ".ssh" / "more" / "a.conf"
    more.write_text("Host included\n HostName there.example.org\nInclude ../config\n")
    assert host_name(alias) == name


def test_without_a_configuration_every_name_is_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert host_name("github-work") == "github-work"
