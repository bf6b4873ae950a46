"""What wakes an actor's loop besides messages."""

from pathlib import Path

from iai.process.wakeups import WakeupPipe


def test_a_file_at_the_path_of_the_pipe_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ingest.bell"
    path.write_text("no pipe")
    for _ in range(2):  # an existing pipe is used again
        pipe = WakeupPipe(path)
        assert path.is_fifo()
        assert path.stat().st_mode & 0o777 == 0o600
        assert not pipe.drain()
        pipe.close()
