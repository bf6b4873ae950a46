"""What is said of each line of a transcript: what became of it, and of its time."""

import json
from pathlib import Path

from iai.ingest.explain import explain
from tests.iai.hosts.claude_lines import answer, prompt


def test_a_time_that_cannot_be_read_is_named_with_what_counts_in_its_place(tmp_path: Path) -> None:
    lines = [
        prompt(1, "one"), prompt(2, "two", timestamp="05/11/2026 10:00"), answer(3, "three"),
        prompt(4, "four", timestamp=None), prompt(5, "", timestamp="yesterday"),
    ]  # fmt: skip
    path = tmp_path / "s1.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [(outcome.what, outcome.about) for outcome in explain(str(path))] == [
        ("user", "one"),
        (
            "user",
            "two (dated by the lines around it: '05/11/2026 10:00' may be several times, or none)",
        ),
        ("assistant", "three"),
        ("user", "four"),
        ("skipped", "empty"),
    ]
