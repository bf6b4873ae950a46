"""Where the hosts keep what was said."""

from pathlib import Path

from iai.install.histories import Histories, look, places


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_histories_of_all_hosts_are_found_archived_ones_too(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert look(environment) == Histories(0, 0)
    write(tmp_path / ".claude" / "projects" / "-p" / "a.jsonl", "12345")
    write(tmp_path / ".claude" / "settings.jsonl", "no transcript")
    write(tmp_path / ".codex" / "sessions" / "2026" / "01" / "02" / "rollout-a.jsonl", "12")
    write(tmp_path / ".codex" / "archived_sessions" / "rollout-b.jsonl", "3")
    assert look(environment) == Histories(3, 8)


def test_a_host_that_was_told_to_live_elsewhere_is_looked_for_there(tmp_path: Path) -> None:
    write(tmp_path / "c" / "projects" / "a.jsonl", "1")
    write(tmp_path / "x" / "sessions" / "rollout-a.jsonl", "2")
    write(tmp_path / ".claude" / "projects" / "old.jsonl", "12345")
    environment = {
        "HOME": str(tmp_path),
        "CLAUDE_CONFIG_DIR": str(tmp_path / "c"),
        "CODEX_HOME": str(tmp_path / "x"),
    }
    assert places(environment) == (tmp_path / "c" / "projects", tmp_path / "x" / "sessions")
    assert look(environment) == Histories(2, 2)
