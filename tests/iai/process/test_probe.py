"""What `iai probe` refuses to send, before it looks for a process."""

import pytest

from iai import cli
from iai.config.layout import Layout

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["5"], "'5' is not a JSON object"),
        (["null"], "'null' is not a JSON object"),
        (["[]"], "'[]' is not a JSON object"),
        (["{"], "'{' cannot be sent: Expecting"),
        (['{"n": 99999999999999999999}'], "cannot be sent: Integer value out of range"),
        (['{"text": "\\ud800"}'], "surrogates not allowed"),
        ([DEEP], "maximum recursion depth"),
        (["--bench", "-3"], "-3 is not above 0"),
        (["--timeout", "nan"], "nan is not above 0"),
        (["--timeout", "1e300", "--listen"], "1e300 is not above 0 and at most"),
        (["--seconds", "soon"], "invalid number value: 'soon'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_sent_is_bad_usage_in_one_line(
    words: list[str],
    says: str,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There was a traceback."""
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    with pytest.raises(SystemExit) as ended:
        cli.main(["probe", "ingest", "ping", *words])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.count("\n") == 1
