"""`iai import --explain`: what becomes of each line of a transcript."""

import importlib
import json
from argparse import ArgumentParser
from pathlib import Path

import pytest

from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.hosts.turn import Skip
from tests.iai.hosts.claude_lines import answer, call, prompt, result

COMMAND = importlib.import_module("iai.cli.import")


def test_every_reason_to_leave_out_a_line_is_put_into_words() -> None:
    assert set(Skip) < set(COMMAND.WHY)


def explain(*words: str) -> int:
    parser = ArgumentParser()
    COMMAND.configure(parser)
    settings = Settings(store=Path("/none"))
    returned: int = COMMAND.run(parser.parse_args(["--explain", *words]), settings)
    return returned


def test_each_line_is_explained_without_a_running_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.jsonl"
    lines = [prompt(1, "why?"), answer(2, call("t", "Bash", command="make")), result(3, "t")]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert explain(str(path)) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["0", "user", "why?"],
        [str(len(json.dumps(lines[0])) + 1), "skipped", "tool"],
        [str(sum(len(json.dumps(line)) + 1 for line in lines[:2])), "command", "make", "ok"],
    ]
    explain(str(path), "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["lines"][0] == {"offset": 0, "what": "user", "about": "why?"}


def test_a_file_that_cannot_be_read_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="cannot be read"):
        explain(str(tmp_path / "none.jsonl"))
