"""What Codex did: commands, patches, plans and questions, with what came of them."""

import json
from typing import Any

import pytest

from iai.hosts.turn import Turn
from iai.model.action import Action, Step
from tests.iai.hosts.test_codex_said import event, line, meta, read

PATCH = """*** Begin Patch
*** Update File: a.py
@@
 x
-y
+z
+w
*** Add File: b.py
+one
*** Delete File: c.py
*** Update File: d.py
*** Move to: e.py
@@
-q
+r
*** End Patch"""


def call(name: str, arguments: object, at: str = "10:00:01") -> dict[str, Any]:
    return line(at, "response_item", type="function_call", name=name, call_id="c",
                arguments=json.dumps(arguments))  # fmt: skip


def output(text: Any, at: str = "10:00:02") -> dict[str, Any]:
    return line(at, "response_item", type="function_call_output", call_id="c", output=text)


def done(*lines: dict[str, Any]) -> list[Action]:
    _, found = read(meta("10:00:00", "s"), *lines)
    return [item for item in found if isinstance(item, Action)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("exec_command", {"cmd": "make all"}),
        ("shell", {"command": ["bash", "-lc", "make all"]}),
        ("shell", {"command": ["make", "all"]}),
        ("shell_command", {"command": "make all"}),
    ],
)
def test_a_command_is_the_line_that_was_run(name: str, arguments: dict[str, Any]) -> None:
    (action,) = done(call(name, arguments), output("fine"))
    assert (action.kind, action.text, action.status) == ("command", "make all", "ok")
    assert action.key == "codex:s:c"


@pytest.mark.parametrize(
    "end",
    [
        event("10:00:02", "exec_command_end", call_id="c", exit_code=2, aggregated_output="a\nbad",
              duration={"secs": 1, "nanos": 500_000_000}),
        output("Exit code: 2\nWall time: 1.5 seconds\nOutput:\na\nbad"),
        output("Chunk ID: 1\nWall time: 1.5 seconds\nProcess exited with code 2\nOutput:\na\nbad"),
        output("Exit code: 2\r\nWall time: 1.5 seconds\r\nOutput:\r\na\r\nbad"),
        output('{\n"metadata": {"exit_code": 2, "duration_seconds": 1.5},\n"output": "a\\nbad"\n}'),
        event("10:00:02", "exec_command_end", call_id="c", exit_code="2", stdout="a\nbad",
              duration={"secs": 1, "nanos": 500_000_000}),
        output(json.dumps({"output": "a\nbad", "metadata": {"exit_code": 2,
                                                            "duration_seconds": 1.5}})),
    ],
)  # fmt: skip
def test_a_failure_is_read_from_each_form_of_an_end(end: dict[str, Any]) -> None:
    (action,) = done(call("exec_command", {"cmd": "make"}), end)
    assert (action.status, action.exit_code, action.seconds) == ("failed", 2, 1.5)
    assert action.output == "a\nbad"


def test_an_end_that_is_told_twice_counts_once() -> None:
    end = event("10:00:02", "exec_command_end", call_id="c", exit_code=0, aggregated_output="ok")
    assert len(done(call("exec_command", {"cmd": "make"}), end, output("ok"))) == 1


def test_a_refusal_and_an_interruption_are_told_apart() -> None:
    made = call("exec_command", {"cmd": "make"})
    assert done(made, output("exec command rejected by user"))[0].status == "refused"
    assert done(made, output("aborted by user after 3s"))[0].status == "interrupted"
    assert done(made, event("10:00:03", "turn_aborted"))[0].status == "interrupted"


@pytest.mark.parametrize(
    "why",
    [
        "rejected by configuration", "automatic approval review denied the action",
        "This action was rejected due to unacceptable risk.\nReason: it deletes the berths",
    ],
)  # fmt: skip
def test_a_call_that_nobody_but_a_rule_refused_is_refused_without_words(why: str) -> None:
    (action,) = done(call("exec_command", {"cmd": "make"}), output(why))
    assert (action.kind, action.status) == ("command", "refused")


def test_a_command_that_prints_the_words_of_a_refusal_has_run() -> None:
    printed = "Exit code: 0\nWall time: 0.1 seconds\nOutput:\na.py: exec command rejected by user"
    (action,) = done(call("exec_command", {"cmd": "grep -rn rejected ."}), output(printed))
    assert action.status == "ok"


def test_a_command_in_a_directory_of_its_own_changes_files_there() -> None:
    ran = output("Exit code: 0\nOutput:\n")
    given = {"cmd": "rm a.py && sed -i s/a/b/ b.py", "workdir": "/w/quay"}
    assert [(one.kind, one.path or one.text) for one in done(call("exec_command", given), ran)] == [
        ("command", given["cmd"]), ("edit", "/w/quay/b.py"), ("delete", "/w/quay/a.py"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        line("10:00:01", "response_item", type="custom_tool_call", name="apply_patch", call_id="c",
             input=PATCH),
        call("shell", {"command": ["apply_patch", PATCH]}),
        call("exec_command", {"cmd": f"apply_patch <<'EOF'\n{PATCH}\nEOF"}),
        call("exec_command", {"cmd": f"applypatch <<'EOF'\n{PATCH}\nEOF"}),
        call("apply_patch", {"input": PATCH}),
        call("exec_command", {"cmd": f"set -e\napply_patch <<'EOF'\n{PATCH}\nEOF\necho"}),
        call("exec_command", {"cmd": f"bash -lc \"apply_patch <<'EOF'\n{PATCH}\nEOF\""}),
    ],
)  # fmt: skip
def test_a_patch_is_an_action_for_each_file(made: dict[str, Any]) -> None:
    end = event("10:00:02", "patch_apply_end", call_id="c", success=True, stdout="Success")
    assert [(a.kind, a.path, a.to, a.added, a.removed, a.status) for a in done(made, end)] == [
        ("edit", "a.py", "", 2, 1, "ok"), ("write", "b.py", "", 1, 0, "ok"),
        ("delete", "c.py", "", 0, 0, "ok"), ("move", "d.py", "e.py", 1, 1, "ok"),
    ]  # fmt: skip


def test_the_paths_of_a_patch_are_below_the_directory_that_it_is_applied_in() -> None:
    given = {"cmd": f"cd quay && apply_patch <<'EOF'\n{PATCH}\nEOF"}
    made = done(call("exec_command", given), output("Success"))
    assert [(a.path, a.to) for a in made][2:] == [("quay/c.py", ""), ("quay/d.py", "quay/e.py")]


def test_a_plan_comes_with_the_state_of_each_step() -> None:
    plan = [{"step": "a", "status": "completed"}, {"step": "b", "status": "pending"}]
    (action,) = done(call("update_plan", {"plan": plan}), output("Plan updated"))
    assert (action.kind, action.steps) == ("todo", (Step("a", "completed"), Step("b", "pending")))


def test_an_answer_is_kept_with_its_question() -> None:
    questions = [{"id": "port", "question": "Which port?", "header": "Port"}]
    answers = json.dumps({"answers": {"port": {"answers": ["8443", "user_note: no TLS yet"]}}})
    _, found = read(
        meta("10:00:00", "s"), call("request_user_input", {"questions": questions}), output(answers)
    )
    (turn,) = (item for item in found if isinstance(item, Turn))
    assert (turn.role, turn.kind) == ("user", "answer")
    assert turn.text == "Which port? \u2192 8443, no TLS yet"


def test_a_sub_agents_actions_count_for_the_session_that_sent_it() -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "lead"}}}
    context, found = read(
        meta("10:00:00", "s", source=source), call("exec_command", {"cmd": "ls"}), output("a")
    )
    (action,) = (item for item in found if isinstance(item, Action))
    assert (context.session, action.sub_agent) == ("lead", True)


def test_a_search_of_the_web_has_no_output_to_wait_for() -> None:
    search = line("10:00:01", "response_item", type="web_search_call",
                  action={"type": "search", "query": "lmdb map full"})  # fmt: skip
    (action,) = done(search)
    assert (action.kind, action.text) == ("web", "lmdb map full")


def test_answers_may_be_listed() -> None:
    questions = [{"id": "port", "question": "Which port?"}]
    answers = json.dumps({"answers": [{"id": "port", "answer": "8443"}]})
    _, found = read(
        meta("10:00:00", "s"), call("request_user_input", {"questions": questions}), output(answers)
    )
    assert [item.text for item in found if isinstance(item, Turn)] == ["Which port? \u2192 8443"]


@pytest.mark.parametrize(
    "told",
    [
        "apply_patch verification failed: Failed to find context", "failed in sandbox: denied",
        "command timed out after 10000 milliseconds",
    ],
)  # fmt: skip
def test_a_failure_that_is_told_without_an_exit_status_is_one(told: str) -> None:
    (action,) = done(call("exec_command", {"cmd": "make"}), output(told))
    assert (action.status, action.exit_code) == ("failed", None)


def test_arguments_may_be_an_object() -> None:
    made = line("10:00:01", "response_item", type="function_call", name="exec_command", call_id="c",
                arguments={"cmd": "make"})  # fmt: skip
    assert [action.text for action in done(made, output("fine"))] == ["make"]


def test_paths_of_windows_have_slashes() -> None:
    argv = ["powershell.exe", "-Command", "Remove-Item .\\old.py"]
    patch = "*** Begin Patch\n*** Delete File: C:\\quay\\a.py\n*** End Patch"
    lines = [
        call("shell", {"command": argv, "workdir": "C:\\quay\\sub"}), output("Exit code: 0"),
        call("apply_patch", {"input": patch}), output("ok"),
    ]  # fmt: skip
    began = meta("10:00:00", "s")
    began["payload"]["cwd"] = "C:\\quay"
    context, found = read(began, *lines)
    paths = [one.path for one in found if isinstance(one, Action) and one.kind == "delete"]
    assert (context.cwd, paths) == ("C:/quay", ["C:/quay/sub/./old.py", "C:/quay/a.py"])


def of_both(command: str, end: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = done(call("exec_command", {"cmd": command}), end)
    return [(one.kind, one.path or one.text, one.status) for one in found]


HERE = "*** Begin Patch\n*** Update File: berth.py\n@@\n-a\n+pytest\n*** End Patch"
APPLIED = "Success. Updated the following files:\nM berth.py\n"


@pytest.mark.parametrize(
    "command",
    [
        f"apply_patch <<'EOF'\n{HERE}\nEOF\npytest -q",
        f"cd quay && apply_patch <<'EOF' && pytest -q\n{HERE}\nEOF",
        f"bash -lc \"apply_patch <<'EOF'\n{HERE}\nEOF\npytest -q\"",
    ],
)
def test_a_line_that_patches_and_tests_is_both(command: str) -> None:
    found = of_both(command, output(f"Exit code: 0\nOutput:\n{APPLIED}3 passed in 0.1s"))
    assert [(kind, status) for kind, _, status in found] == [
        ("edit", "ok"), ("command", "ok"), ("test", "ok"),
    ]  # fmt: skip
    assert "EOF" not in found[1][1]
    assert "pytest -q" in found[1][1]
    assert "+pytest" not in found[1][1]


def test_a_patch_stays_where_the_tests_behind_it_fail() -> None:
    command = f"apply_patch <<'EOF'\n{HERE}\nEOF\npytest -q"
    failed = of_both(command, output(f"Exit code: 1\nOutput:\n{APPLIED}1 failed in 0.1s"))
    assert [(kind, status) for kind, _, status in failed] == [
        ("edit", "ok"), ("command", "failed"), ("test", "failed"),
    ]  # fmt: skip
    (edit, *_) = of_both(command, output("Exit code: 1\nOutput:\nerror: no such file"))
    assert edit == ("edit", "berth.py", "failed")


def test_a_line_with_a_patch_is_given_up_with_it() -> None:
    command = f"apply_patch <<'EOF'\n{HERE}\nEOF\npytest -q"
    found = of_both(command, event("10:00:03", "turn_aborted"))
    assert [(kind, status) for kind, _, status in found] == [
        ("edit", "interrupted"), ("command", "interrupted"),
    ]  # fmt: skip


@pytest.mark.parametrize("before", ["sed -i s/a/b/ berth.py &&", "sed -i s/a/b/ berth.py\n"])
def test_a_file_edited_before_tests_that_fail_is_edited(before: str) -> None:
    end = output("Exit code: 1\nOutput:\n1 failed, 2 passed in 0.1s")
    found = of_both(f"{before} pytest -q && sed -i s/a/b/ log.md", end)
    assert found[2:] == [("edit", "berth.py", "ok")]
    never_ran = output("Exit code: 2\nOutput:\nsed: can't read berth.py")
    assert [kind for kind, _, _ in of_both(f"{before} pytest -q", never_ran)][2:] == []
