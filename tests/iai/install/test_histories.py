"""Where the hosts keep their transcripts."""

from pathlib import Path

from iai.install.histories import Histories, directories, measure


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_transcripts_of_all_hosts_are_found_including_archived_ones(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert measure(environment) == Histories(0, 0)
    write(tmp_path / ".claude" / "projects" / "-p" / "a.jsonl", "12345")
    write(tmp_path / ".claude" / "settings.jsonl", "no transcript")
    write(tmp_path / ".codex" / "sessions" / "2026" / "01" / "02" / "rollout-a.jsonl", "12")
    write(tmp_path / ".codex" / "archived_sessions" / "rollout-b.jsonl", "3")
    assert measure(environment) == Histories(3, 8)


def test_the_hosts_own_variables_move_their_directories(tmp_path: Path) -> None:
    write(tmp_path / "c" / "projects" / "a.jsonl", "1")
    write(tmp_path / "x" / "sessions" / "rollout-a.jsonl", "2")
    write(tmp_path / ".claude" / "projects" / "old.jsonl", "12345")
    environment = {
        "HOME": str(tmp_path),
        "CLAUDE_CONFIG_DIR": str(tmp_path / "c"),
        "CODEX_HOME": str(tmp_path / "x"),
    }
    assert directories(environment) == (tmp_path / "c" / "projects", tmp_path / "x" / "sessions")
    assert measure(environment) == Histories(2, 2)
