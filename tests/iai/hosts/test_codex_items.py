"""Items of Codex's: what newer versions write once a thing is done, and what scripts called."""

from typing import Any

import pytest

from iai.hosts.turn import Turn
from iai.model.action import Action, Step
from tests.iai.hosts.test_codex_said import event, line, message, meta, read

PATCH = (
    'const patch = "*** Begin Patch\\n*** Update File: a.ts\\n@@\\n-old\\n+new\\n*** End Patch";\n'
    "text(await tools.apply_patch(patch));"
)
CHANGES = {
    "/w/b.ts": {"type": "add", "content": "one\ntwo\n"},
    "/w/c.ts": {"type": "update", "unified_diff": "--- a\n+++ b\n@@ -1 +1,2 @@\n-x\n+y\n+z\n"},
    "/w/d.ts": {"type": "update", "unified_diff": "@@\n-q\n", "move_path": "/w/e.ts"},
    "/w/f.ts": {"type": "delete", "content": "gone\n"},
}


def script(code: str, id_: str = "s1", at: str = "10:00:01") -> dict[str, Any]:
    return line(at, "response_item", type="custom_tool_call", name="exec", call_id=id_, input=code)


def printed(*texts: str, id_: str = "s1", at: str = "10:00:03") -> dict[str, Any]:
    blocks = [{"type": "input_text", "text": text} for text in texts]
    return line(at, "response_item", type="custom_tool_call_output", call_id=id_, output=blocks)


def item(type_: str, /, at: str = "10:00:02", **fields: Any) -> dict[str, Any]:
    return event(at, "item_completed", item={"type": type_} | fields)


def ran(command: str, code: int | None = 0, id_: str = "exec-1", **more: Any) -> dict[str, Any]:
    argv = ["/bin/zsh", "-lc", command]
    return item("CommandExecution", id=id_, command=argv, exit_code=code, **more)


def done(*lines: dict[str, Any]) -> list[Action]:
    _, found = read(meta("10:00:00", "s"), *lines)
    return [one for one in found if isinstance(one, Action)]


COMPLETED = "Script completed\nWall time 0.3 seconds\nOutput:\n"


def test_a_command_of_a_script_is_told_by_its_item_once() -> None:
    (action,) = done(
        script('const r = await tools.exec_command({cmd:"make all"}); text(r.output)'),
        ran("make all", 2, aggregated_output="no rule", duration={"secs": 4, "nanos": 0}),
        printed(COMPLETED, "no rule"),
    )
    assert (action.kind, action.text, action.status) == ("command", "make all", "failed")
    assert (action.exit_code, action.seconds, action.output) == (2, 4.0, "no rule")


def test_a_command_that_a_script_puts_together_is_told_by_its_item() -> None:
    actions = done(
        script("await tools.exec_command({cmd: build()})"), ran("make all"), printed(COMPLETED)
    )
    assert [action.text for action in actions] == ["make all"]


def test_a_command_that_ends_after_its_script_is_told_once() -> None:
    actions = done(
        script('await tools.exec_command({cmd:"ls"})'),
        ran("ls"),
        printed(COMPLETED),
        script('await tools.exec_command({cmd:"make serve"})', "s2"),
        printed("Script running with cell ID 7\nOutput:\n", id_="s2"),
        ran("make serve", 0, "exec-2"),
    )
    assert [action.text for action in actions] == ["ls", "make serve"]


def test_without_items_the_calls_of_a_script_are_told() -> None:
    command, test, edit, plan = done(
        script('const r = await tools.exec_command({cmd:"pytest -q", workdir:"/w"}); text(r)'),
        printed(COMPLETED, '{"exit_code":1,"output":"1 failed, 2 passed in 0.1s","chunk_id":"9"}'),
        script(PATCH, "s2"),
        printed(COMPLETED, "{}", id_="s2"),
        script('tools.update_plan({plan:[{step:"Mend it",status:"pending"}]})', "s3"),
        printed(COMPLETED, "{}", id_="s3"),
    )
    assert (command.kind, command.text, command.exit_code) == ("command", "pytest -q", 1)
    assert (test.kind, test.passed, test.failed) == ("test", 2, 1)
    assert (edit.kind, edit.path, edit.added, edit.removed) == ("edit", "a.ts", 1, 1)
    assert (plan.kind, plan.steps) == ("todo", (Step("Mend it", "pending"),))


@pytest.mark.parametrize(
    ("output", "status"),
    [
        ((COMPLETED, "whatever r.output was"), ""),  # of the command it says nothing
        (("Script failed\nWall time 0.1 seconds\nOutput:\n", "boom"), "failed"),
        (("Script failed\nOutput:\n", "exec command rejected by user"), "refused"),
    ],
)
def test_a_script_says_how_it_ended_itself(output: tuple[str, ...], status: str) -> None:
    (action,) = done(script('await tools.exec_command({cmd:"make all"})'), printed(*output))
    assert (action.text, action.status) == ("make all", status)


def test_a_script_that_runs_on_is_told_once_somebody_waited_for_it() -> None:
    wait = line("10:00:04", "response_item", type="function_call", name="wait", call_id="w1",
                arguments='{"cell_id": "28"}')  # fmt: skip
    command, test = done(
        script('const r = await tools.exec_command({cmd:"npx jest"}); text(r.output)'),
        printed("Script running with cell ID 28\nWall time 10.0 seconds\nOutput:\n"),
        wait,
        printed(COMPLETED, "Tests:       2 failed, 3 passed, 5 total", id_="w1"),
    )
    assert (command.text, command.status) == ("npx jest", "")
    assert (test.passed, test.failed, test.status) == (3, 2, "failed")


def test_a_tool_of_that_name_that_takes_a_command_runs_that() -> None:
    (action,) = done(script('{"cmd": "make all"}'), printed("Exit code: 3\nOutput:\nno rule"))
    assert (action.kind, action.text, action.exit_code) == ("command", "make all", 3)


def test_results_that_are_printed_belong_to_the_commands_in_their_order() -> None:
    actions = done(
        script('text(await tools.shell({cmd:"a"})); text(await tools.shell({cmd:"b"}))'),
        printed(COMPLETED, '{"exit_code":0,"output":""}', '{"exit_code":3,"output":"no"}'),
    )  # fmt: skip
    assert [(action.text, action.exit_code) for action in actions] == [("a", 0), ("b", 3)]


@pytest.mark.parametrize("kind", ["item", "event"])
def test_what_a_patch_of_a_script_did_is_told_by_the_host_once(kind: str) -> None:
    told = (
        item("FileChange", id="exec-2", status="completed", changes=CHANGES)
        if kind == "item"
        else event("10:00:02", "patch_apply_end", call_id="exec-2", success=True, changes=CHANGES)
    )
    actions = done(script(PATCH), told, printed(COMPLETED, "{}"))
    assert [(a.kind, a.path, a.to, a.added, a.removed) for a in actions] == [
        ("write", "/w/b.ts", "", 2, 0),
        ("edit", "/w/c.ts", "", 2, 1),
        ("move", "/w/d.ts", "/w/e.ts", 0, 1),
        ("delete", "/w/f.ts", "", 0, 1),
    ]


def test_changes_of_the_older_form_are_read() -> None:
    changes = {"/w/a.ts": {"update": {"unified_diff": "@@\n-x\n+y\n", "move_path": None}}}
    (action,) = done(item("FileChange", id="exec-2", changes=changes))
    assert (action.kind, action.added, action.removed) == ("edit", 1, 1)


def test_a_patch_that_the_host_declined_changed_no_file() -> None:
    (action,) = done(item("FileChange", id="exec-2", status="declined", changes={
        "/w/a.ts": {"type": "add", "content": "x"}}))  # fmt: skip
    assert action.status == "refused"


def test_the_item_of_a_call_of_the_models_own_is_its_end() -> None:
    call = line("10:00:01", "response_item", type="function_call", name="exec_command",
                call_id="call_1", arguments='{"cmd":"make all"}')  # fmt: skip
    output = line("10:00:03", "response_item", type="function_call_output", call_id="call_1",
                  output="Output:\nfine")  # fmt: skip
    for lines in ((ran("make all", 2, "call_1"), output), (output, ran("make all", 2, "call_1"))):
        assert [action.key for action in done(call, *lines)] == ["codex:s:call_1"]


def test_other_things_that_scripts_do_are_told() -> None:
    actions = done(
        item("McpToolCall", id="exec-3", server="docs", tool="look", arguments={"query": "quay"},
             status="completed", result={"isError": True}),
        item("McpToolCall", id="exec-4", server="iai", tool="memory_recall", status="completed"),
        event("10:00:02", "mcp_tool_call_end", call_id="exec-5",
              invocation={"server": "docs", "tool": "get"}, result={"Ok": {"isError": False}}),
        item("Extension", id="exec-6", kind="web.search", query="tides", action={"type": "search"}),
        item("Extension", id="exec-7", kind="clock.sleep"),
        item("ImageView", id="exec-8", path="file:///w/a%20shot.png"),
    )  # fmt: skip
    assert [(a.kind, a.name, a.text or a.path, a.status) for a in actions] == [
        ("tool", "mcp__docs__look", "quay", "failed"),
        ("tool", "mcp__docs__get", "", "ok"),
        ("web", "web_search", "tides", "ok"),
        ("read", "view_image", "/w/a shot.png", "ok"),
    ]


def test_what_the_user_ran_is_nothing_that_the_agent_did() -> None:
    assert (
        done(ran("git push", source="user_shell"), ran("y", source="unified_exec_interaction"))
        == []
    )


def test_a_command_runs_in_the_directory_that_its_item_names() -> None:
    windows = ["powershell.exe", "-NoProfile", "-Command", "rm old.ts"]
    command, gone = done(
        item("CommandExecution", id="exec-1", command=windows, cwd="file:///C:/w/quay", exit_code=0)
    )
    assert (command.text, gone.kind, gone.path) == ("rm old.ts", "delete", "C:/w/quay/old.ts")


BAD: list[Any] = [
    None,
    "x",
    {"type": "FileChange"},
    {"type": "CommandExecution", "id": "exec-1"},
    {"type": "FileChange", "id": "exec-1", "changes": {"a": 1, "b": {}, "c": {"type": []}}},
    {"type": "McpToolCall", "id": "exec-1", "result": [], "arguments": 1},
    {"type": "UserMessage", "content": 3},
]


@pytest.mark.parametrize("bad", BAD)
def test_an_item_of_a_bad_shape_costs_no_turn(bad: object) -> None:
    prompt = message("10:00:03", "user", "go on")
    _, found = read(meta("10:00:00", "s"), event("10:00:02", "item_completed", item=bad), prompt)
    assert [one.text for one in found if isinstance(one, Turn)] == ["go on"]


def test_a_forks_copies_of_items_are_not_its_own() -> None:
    lines = [
        meta("10:00:00", "fork", forked_from_id="first"),
        meta("10:00:00", "first"),
        ran("make all") | {"timestamp": line("10:00:00", "x")["timestamp"]},
        ran("ls", 0, "exec-2"),
    ]
    _, found = read(*lines)
    assert [one.text for one in found if isinstance(one, Action)] == ["ls"]
