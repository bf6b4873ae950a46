"""Where the hosts keep their transcripts."""

from pathlib import Path

from iai.install.host_transcripts import Histories, directories, measure


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


def test_a_configuration_below_the_xdg_directory_is_found_too(tmp_path: Path) -> None:
    usual, xdg = tmp_path / ".claude" / "projects", tmp_path / ".config" / "claude" / "projects"
    write(usual / "-p" / "a.jsonl", "1")
    write(xdg / "-p" / "b.jsonl", "22")
    assert directories({"HOME": str(tmp_path)}) == (usual, xdg)
    moved = tmp_path / "x"
    (tmp_path / ".config").rename(moved)
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(moved)}
    assert directories(environment) == (usual, moved / "claude" / "projects")


def test_links_are_followed_and_what_several_lead_to_is_found_once(tmp_path: Path) -> None:
    write(tmp_path / "disk" / "projects" / "-p" / "a.jsonl", "1")
    write(tmp_path / "other" / "b.jsonl", "22")
    (tmp_path / "disk" / "projects" / "-q").symlink_to(tmp_path / "other")
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "projects").symlink_to(tmp_path / "disk" / "projects")
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "claude").symlink_to(tmp_path / "disk")
    assert measure({"HOME": str(tmp_path)}) == Histories(2, 3)


def test_several_directories_of_claude_code_are_all_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "projects" / f"{name}.jsonl", "1")
    several = f"{tmp_path}/a, {tmp_path}/b,{tmp_path}/none"
    environment = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": several}
    assert directories(environment) == (tmp_path / "a/projects", tmp_path / "b/projects")
