"""What Claude Code's agents did: one action for each call that says something."""

from typing import Any

import pytest

from iai.hosts import claude
from iai.hosts.turn import Skip, Turn
from iai.model.action import Action, Step
from iai.model.context import CALLS, Context
from tests.iai.hosts.claude_lines import actions, answer, call, items, line, prompt, result


def done(name: str, given: dict[str, Any], content: Any = "ok", **fields: Any) -> Action:
    """Return what a call comes to."""
    return actions(answer(1, call("t", name, **given)), result(2, "t", content, **fields))[0]


def test_an_edit_is_counted_by_its_patch() -> None:
    patch = [{"lines": [" a", "-b", "+c", "+d"]}, {"lines": ["+e"]}]
    action = done(
        "Edit", {"file_path": "/p/a.py", "old_string": "b", "new_string": "c"},
        toolUseResult={"filePath": "/p/real.py", "structuredPatch": patch},
    )  # fmt: skip
    assert (action.kind, action.status, action.path) == ("edit", "ok", "/p/real.py")
    assert (action.added, action.removed) == (3, 1)
    assert action.key == "claude:s1:t"
    assert action.at % (60 * 10**9) == 10**9


def test_an_edit_without_its_patch_is_counted_by_what_was_asked() -> None:
    given = {"file_path": "/p/a.py", "old_string": "a\nb\nz", "new_string": "a\nc\nd\nz"}
    action = done("Edit", given)
    assert (action.added, action.removed) == (2, 1)


def test_what_failed_or_was_refused_changed_no_line() -> None:
    given = {"file_path": "/p/a.py", "old_string": "a", "new_string": "b"}
    failed = done("Edit", given, "<tool_use_error>File does not exist.</tool_use_error>",
                  is_error=True)  # fmt: skip
    assert (failed.status, failed.output, failed.added) == ("failed", "File does not exist.", 0)
    refused = done("Edit", given, "The user doesn't want to proceed", is_error=True)
    assert (refused.status, refused.output, refused.removed) == ("refused", "", 0)


def test_the_content_of_a_file_stands_in_no_action() -> None:
    words = "what is in the file"
    written = done("Write", {"file_path": "/p/a", "content": f"{words}\n{words}"},
                   toolUseResult={"type": "create", "content": words})  # fmt: skip
    assert (written.kind, written.added) == ("write", 2)
    read = done("Read", {"file_path": "/p/a"}, words, toolUseResult={"file": {"content": words}})
    edited = done("Edit", {"file_path": "/p/a", "old_string": words, "new_string": words})
    assert all(words not in repr(action) for action in (written, read, edited))


def test_a_command_that_failed_keeps_its_status_and_its_last_lines() -> None:
    printed = "Exit code 3\n" + "\n".join(f"line {n}" for n in range(100))
    action = done("Bash", {"command": "make lint"}, printed, is_error=True)
    assert (action.kind, action.text, action.status) == ("command", "make lint", "failed")
    assert action.exit_code == 3
    assert action.output.endswith("line 99")
    assert "line 9\n" not in action.output
    assert done("Bash", {"command": "make"}, "fine").output == ""


def test_how_a_call_ended_is_told() -> None:
    given = {"command": "make"}
    stopped = done("Bash", given, toolUseResult={"stdout": "", "interrupted": True})
    assert stopped.status == "interrupted"
    assert done("Bash", given, toolUseResult={"backgroundTaskId": "b1"}).status == ""
    denied = done("Bash", given, "Permission to use Bash has been denied.", is_error=True)
    assert denied.status == "refused"
    assert (
        done("WebFetch", {"url": "https://h/x"}, toolUseResult={"durationMs": 1500}).seconds == 1.5
    )


def test_how_a_call_ended_is_told_by_flags_of_any_type() -> None:
    made = answer(1, call("t", "Bash", command="make"))
    failed = result(2, "t", "Exit code 2\nbad")
    failed["message"]["content"][0]["is_error"] = "true"
    assert [a.status for a in actions(made, failed)] == ["failed"]
    for said, status in ((0, "ok"), ("false", "ok"), ("true", "interrupted")):
        (done,) = actions(made, result(2, "t", toolUseResult={"interrupted": said}))
        assert done.status == status


def test_a_call_without_its_result_is_interrupted_by_the_next_request() -> None:
    found = items(answer(1, call("t", "Bash", command="make")), prompt(5, "stop"))
    action, turn = found[-2:]
    assert isinstance(action, Action)
    assert action.status == "interrupted"
    assert isinstance(turn, Turn)


def test_a_result_that_comes_after_its_call_was_given_up_adds_nothing() -> None:
    found = actions(answer(1, call("t", "Bash", command="x")), prompt(5, "y"), result(6, "t"))
    assert [action.status for action in found] == ["interrupted"]


def test_calls_and_results_are_joined_by_their_ids_in_any_order() -> None:
    both = answer(1, call("a", "Read", file_path="/1"), call("b", "Read", file_path="/2"))
    found = actions(both, result(2, "b"), result(3, "a"), result(4, "a"), result(5, "unknown"))
    assert [action.path for action in found] == ["/2", "/1"]


def test_no_more_calls_wait_than_the_context_holds() -> None:
    calls = [call(f"t{n}", "Read", file_path=f"/{n}") for n in range(CALLS + 5)]
    context, gone = claude.parse(answer(1, *calls), Context())
    assert len(context.calls) == CALLS
    assert [action.path for action in gone if isinstance(action, Action)] == [
        f"/{n}" for n in range(5)
    ]


def test_a_call_is_interrupted_as_soon_as_the_host_says_so() -> None:
    asked = answer(1, "I run it.", call("t", "Bash", command="make"))
    for notice in ("[Request interrupted by user for tool use]", "[Request interrupted by user]"):
        for content in (notice, [{"type": "text", "text": notice}]):
            (action,) = actions(asked, prompt(2, content))
            assert action.status == "interrupted"
    assert actions(asked, prompt(2, "<bash-input>ls</bash-input>")) == []


def test_an_interruption_while_no_call_waits_is_one_all_the_same() -> None:
    (stopped,) = actions(
        prompt(1, "mend it"),
        answer(2, "First the gate."),
        prompt(3, "[Request interrupted by user]"),
    )
    assert (stopped.name, stopped.status) == ("Interrupt", "interrupted")


def test_what_was_waited_for_at_the_end_is_interrupted() -> None:
    context, _ = claude.parse(answer(1, call("t", "Bash", command="make")), Context())
    context, (action,) = claude.finish(context)
    assert isinstance(action, Action)
    assert action.status == "interrupted"
    assert context.calls == ()


def test_a_to_do_list_comes_with_the_state_of_each_step() -> None:
    todos = [{"content": "a", "status": "completed"}, {"content": "b", "status": "in_progress"}]
    action = done("TodoWrite", {"todos": todos}, toolUseResult={"newTodos": todos})
    assert action.steps == (Step("a", "completed"), Step("b", "in_progress"))


def test_a_to_do_list_told_in_pieces_comes_whole() -> None:
    found = actions(
        answer(1, call("c1", "TaskCreate", subject="a", description="x")),
        result(2, "c1", toolUseResult={"task": {"id": "1", "subject": "a"}}),
        answer(3, call("c2", "TaskCreate", subject="b", description="x")),
        result(4, "c2", toolUseResult={"task": {"id": "2", "subject": "b"}}),
        answer(5, call("u1", "TaskUpdate", taskId="1", status="completed")),
        result(6, "u1", toolUseResult={"success": True, "taskId": "1"}),
        answer(7, call("u2", "TaskUpdate", taskId="2", status="deleted")),
        result(8, "u2", toolUseResult={"success": True}),
    )
    assert [action.steps for action in found] == [
        (Step("a", "pending"),),
        (Step("a", "pending"), Step("b", "pending")),
        (Step("a", "completed"), Step("b", "pending")),
        (Step("a", "completed"),),
    ]


def test_a_plan_that_was_refused_names_its_steps() -> None:
    plan = "# Move the cache\n\n1. write the copier\n2. switch over\n"
    action = done("ExitPlanMode", {"plan": plan}, "The user doesn't want to go on.", is_error=True)
    assert (action.kind, action.status, action.text) == ("plan", "refused", "Move the cache")
    assert action.steps == (Step("write the copier"), Step("switch over"))


def test_other_tools_are_known_by_name() -> None:
    assert done("Grep", {"pattern": "def x", "path": "/p"}).text == "def x"
    agent = done("Task", {"description": "look", "prompt": "p"}, toolUseResult={
        "totalDurationMs": 2_000})  # fmt: skip
    assert (agent.kind, agent.text, agent.seconds) == ("agent", "look", 2.0)
    other = done("mcp__files__open", {"name": "x"})
    assert (other.kind, other.name, other.text) == ("tool", "mcp__files__open", "x")


def test_our_own_tools_and_those_that_do_nothing_leave_no_action() -> None:
    for name in ("mcp__iai__memory_recall", "mcp__plugin_iai_iai__memory_recall", "TaskOutput"):
        assert actions(answer(1, call("t", name, query="x")), result(2, "t")) == []


def test_a_sub_agents_actions_count_for_its_session_and_its_words_for_nobody() -> None:
    context = claude.begin("/h/.claude/projects/p/s9/subagents/agent-a1.jsonl")
    assert (context.session, context.sub_agent) == ("s9", True)
    lines = (prompt(1, "look into it"), answer(2, "I look.", call("t", "Read", file_path="/a")),
             result(3, "t"))  # fmt: skip
    found = items(*lines, context=context)
    assert not any(isinstance(item, Turn) for item in found)
    (action,) = (item for item in found if isinstance(item, Action))
    assert (action.key, action.sub_agent) == ("claude:s9:t", True)
    assert claude.begin("/h/.claude/projects/p/s9.jsonl") == Context()


def test_a_sub_agents_file_of_an_older_version_is_known_by_its_name() -> None:
    context = claude.begin("/h/.claude/projects/p/agent-a1b2c3d4.jsonl")
    found = items(prompt(1, "look"), answer(2, "I look."), context=context)
    assert found == [Skip.SIDECHAIN, Skip.SIDECHAIN]
    assert claude.parse(prompt(1, "look"), context)[0].session == "s1"


def test_a_sub_agents_lines_inside_the_sessions_file_count_alike() -> None:
    inner_call = answer(2, call("t", "Read", file_path="/a"))
    inner_result = result(3, "t")
    aside = [{**one, "isSidechain": True} for one in (inner_call, inner_result)]
    told = [
        line("progress", 4, data={"type": "agent_progress", "message": one})
        for one in (inner_call, inner_result)
    ]
    for lines in (aside, told):
        (action,) = actions(*lines)
        assert (action.path, action.sub_agent) == ("/a", True)


def test_a_pull_request_is_one_however_often_it_is_told() -> None:
    url = "https://github.com/o/r/pull/57"
    made = actions(answer(1, call("t", "Bash", command="gh pr create --title 'Fix it'")),
                   result(2, "t", f"{url}\n"))[1]  # fmt: skip
    told = actions(line("pr-link", 3, prNumber=57, prUrl=url, prRepository="o/r"))[0]
    assert (made.kind, made.number, made.text) == ("pull-request", 57, "Fix it")
    assert (told.number, told.key) == (57, made.key)


def test_a_call_of_a_bad_shape_costs_the_action_and_not_the_turn() -> None:
    bad = [{"type": "tool_use"}, {"type": "tool_use", "id": 5, "name": [], "input": "x"}, 7, None]
    found = items(answer(1, "Here it is.", *bad))
    assert [item.text for item in found if isinstance(item, Turn)] == ["Here it is."]


def test_what_a_call_was_given_may_be_json_in_a_string() -> None:
    given = '{"file_path": "/p/a.py", "old_string": "a", "new_string": "b\\nc"}'
    made = {"type": "tool_use", "id": "t", "name": "Edit", "input": given}
    (done,) = actions(answer(1, made), result(2, "t"))
    assert (done.path, done.added, done.removed) == ("/p/a.py", 2, 1)


def test_a_call_that_the_server_answers_has_its_result_in_the_same_message() -> None:
    search = {
        "type": "server_tool_use",
        "id": "s",
        "name": "web_search",
        "input": {"query": "lmdb"},
    }
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    (done,) = actions(answer(1, search, found, "Found it."))
    assert (done.kind, done.text, done.status) == ("web", "lmdb", "ok")


def test_an_exit_status_may_be_told_beside_the_result_only() -> None:
    made = answer(1, call("t", "Bash", command="make"))
    (done,) = actions(
        made, result(2, "t", "bad", is_error=True, toolUseResult="Error: Exit code 2\nbad")
    )
    assert (done.status, done.exit_code, done.output) == ("failed", 2, "bad")


@pytest.mark.parametrize(
    ("given", "kind", "lines"),
    [
        ({"command": "str_replace", "old_str": "a", "new_str": "b\nc"}, "edit", (2, 1)),
        ({"command": "create", "file_text": "a\nb\n"}, "write", (2, 0)),
        ({"command": "insert", "insert_line": 3, "insert_text": "q\nr"}, "edit", (2, 0)),
        ({"command": "view"}, "read", (0, 0)),
    ],
)
def test_the_editor_of_the_api_edits_as_the_hosts_own_tools(
    given: dict[str, Any], kind: str, lines: tuple[int, int]
) -> None:
    used = call("t", "str_replace_based_edit_tool", path="/p/a.py", **given)
    (done,) = actions(answer(1, used), result(2, "t"))
    assert (done.kind, done.path, (done.added, done.removed)) == (kind, "/p/a.py", lines)


def test_a_file_written_over_counts_the_lines_that_differ() -> None:
    over = {"type": "update", "filePath": "/p/a", "content": "a\nb\nc\n", "structuredPatch": [],
            "originalFile": "a\nx\n"}  # fmt: skip
    wrote = answer(1, call("t", "Write", file_path="/p/a", content="a\nb\nc\n"))
    (done,) = actions(wrote, result(2, "t", toolUseResult=over))
    assert (done.added, done.removed) == (2, 1)
    same = over | {"originalFile": over["content"]}
    (done,) = actions(wrote, result(2, "t", toolUseResult=same))
    assert (done.added, done.removed) == (0, 0)


@pytest.mark.parametrize(("mode", "added"), [("insert", 2), ("delete", 0), ("replace", 0)])
def test_a_cell_that_is_put_into_a_notebook_adds_its_lines(mode: str, added: int) -> None:
    used = call("t", "NotebookEdit", notebook_path="/p/a.ipynb", new_source="x\ny", edit_mode=mode)
    (done,) = actions(answer(1, used), result(2, "t"))
    assert (done.kind, done.path, done.added) == ("edit", "/p/a.ipynb", added)


def test_an_item_of_a_list_is_known_by_the_number_that_only_the_text_has() -> None:
    made = answer(1, call("a", "TaskCreate", subject="one"), call("b", "TaskCreate", subject="two"))
    told = [result(2, "a", "Task #7 created successfully: one"),
            result(3, "b", "Task #9 created successfully: two")]  # fmt: skip
    moved = answer(4, call("c", "TaskUpdate", taskId=9, status="completed"))
    *_, last = actions(made, *told, moved, result(5, "c"))
    assert [(step.text, step.state) for step in last.steps] == [
        ("one", "pending"), ("two", "completed"),
    ]  # fmt: skip
