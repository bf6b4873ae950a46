"""`iai backup` and `iai restore` with age files, as a user calls them."""

from collections.abc import Callable
from pathlib import Path

from harness.group import Group

from tests.iai.admin.test_age import identity
from tests.iai.admin.test_backup import fill, texts

Make = Callable[..., Group]


def test_a_file_for_age_is_written_and_restored_with_its_key_or_passphrase(
    group: Make, in_process: Callable[[Group], Group], tmp_path: Path
) -> None:
    source, target = in_process(group()), in_process(group())
    source.layout.create()
    fill(source.layout, "one")
    mine, name = identity(tmp_path / "mine")
    phrase = tmp_path / "phrase"
    phrase.write_text("low water\n")
    phrase.chmod(0o600)
    file = str(tmp_path / "b.age")
    ways = {
        ("--age", name): ("--identity", str(mine)),
        ("--passphrase-file", str(phrase)): ("--passphrase-file", str(phrase)),
    }
    for written, opened in ways.items():
        made = source.iai("backup", file, *written)
        assert (made.returncode, "encrypted with age" in made.stdout) == (0, True), made.stderr
        assert b"text of one" not in Path(file).read_bytes()
        refused = target.iai("restore", file, "--replace")
        assert (refused.returncode == 0, "Traceback" in refused.stderr) == (False, False)
        done = target.iai("restore", file, "--replace", *opened)
        assert done.returncode == 0, done.stderr
        assert texts(target.layout) == ["text of one"]
    phrase.write_text("high water\n")
    refused = target.iai("restore", file, "--replace", "--passphrase-file", str(phrase))
    assert (refused.returncode, "does not open it" in refused.stderr) == (1, True)
    both = source.iai("backup", file, "--age", name, "--passphrase")
    assert (both.returncode, "not both" in both.stderr) == (2, True)
    assert "not encrypted" in source.iai("backup", str(tmp_path / "plain.tar.gz")).stdout
