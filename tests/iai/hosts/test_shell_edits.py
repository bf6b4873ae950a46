"""Files that shell commands edit in place, or write with words that stand in the command."""

import pytest

from iai.hosts import shell
from iai.model.action import Action, Status


def changed(line: str, status: Status = "ok") -> list[tuple[str, str, int]]:
    base = Action(key="claude:s:t", kind="command", at=1, status=status, text=line)
    found = shell.also(base, shell.read(line), "")
    return [(one.kind, one.path, one.added) for one in found]


@pytest.mark.parametrize(
    "line",
    [
        "sed -i 's/a/b/' src/a.py", "sed -i.bak 's/a/b/' src/a.py", "sed -i '' 's/a/b/' src/a.py",
        "sed -E -i 's/a/b/' src/a.py", "sed -i -e 's/a/b/' -e 's/c/d/' src/a.py",
        "sed --in-place=.old 's/a/b/' src/a.py", "gsed -ri s/a/b/ src/a.py",
        "cd src && sed -i 's/a/b/' a.py", "perl -pi -e 's/a/b/' src/a.py",
        "perl -i -pe 's/a/b/' src/a.py", "ruby -i -pe 'x' src/a.py",
        "sed -i 's/a/b/' src/a.py && sed -i 's/c/d/' src/a.py",
    ],
)  # fmt: skip
def test_a_file_that_is_edited_in_place_is_an_edit(line: str) -> None:
    assert changed(line) == [("edit", "src/a.py", 0)]


def test_each_file_of_a_command_is_edited() -> None:
    assert changed("sed -i 's/a/b/' a.py b.py") == [("edit", "a.py", 0), ("edit", "b.py", 0)]


@pytest.mark.parametrize(
    "line",
    [
        "cat > a.md <<'EOF'\none\ntwo\nEOF", "cat <<EOF > a.md\none\ntwo\nEOF",
        "tee a.md <<'EOF' >/dev/null\none\ntwo\nEOF", "printf 'one\\ntwo\\n' > a.md",
        "echo -e 'one\\ntwo' >| 'a.md'",
    ],
)  # fmt: skip
def test_words_of_the_command_that_go_to_a_file_are_written_to_it(line: str) -> None:
    assert changed(line) == [("write", "a.md", 2)]


@pytest.mark.parametrize(
    "line", ["cat >> a.md <<'EOF'\none\nEOF", "echo one >> a.md", "tee -a a.md <<EOF\none\nEOF"]
)
def test_words_that_are_appended_are_an_edit(line: str) -> None:
    assert changed(line) == [("edit", "a.md", 1)]


@pytest.mark.parametrize(
    "line",
    [
        "sed -n '1,20p' a.py", "sed 's/a/b/' a.py", "sed -i 's/a/b/' *.py", "perl -ne 'print' a.py",
        "make > out.log 2>&1", "cat a > b", "echo done > /dev/null", "echo oops >&2",
        "cat <<'EOF'\nsed -i s/a/b/ a.py\nEOF", "echo 'sed -i s/a/b/ a.py'",
        "cd $SOMEWHERE && sed -i 's/a/b/' a.py", "python - <<'EOF'\nopen('a', 'w')\nEOF",
    ],
)  # fmt: skip
def test_what_may_be_another_file_or_none_is_left_out(line: str) -> None:
    assert changed(line) == []


def test_a_command_that_failed_has_edited_nothing_for_sure() -> None:
    assert changed("sed -i 's/a/b/' a.py", "failed") == []
