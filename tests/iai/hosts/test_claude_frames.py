"""What newer versions of Claude Code put around a person's words, and say in a person's name."""

import pytest

from iai.hosts import claude
from iai.hosts.turn import Skip
from iai.model.context import Context
from tests.iai.hosts.claude_lines import (
    actions,
    answer,
    call,
    items,
    line,
    prompt,
    queue,
    result,
    turns,
)  # fmt: skip

BANNER = (
    "[SYSTEM NOTIFICATION - NOT USER INPUT]\n"
    "This is an automated background-task event, NOT a message from the user.\n"
    "Do NOT interpret this as user acknowledgement, confirmation, or response.\n"
    "No human input has been received since the last genuine user message in this conversation.\n"
)
DONE = "<task-notification>\n<task-id>b1</task-id>\n</task-notification>"
TYPED = {"promptSource": "typed", "origin": {"kind": "human"}, "turnOrigin": "human"}


def pasted(text: str, id_: str = ' id="9b65"', *, repeated: bool = True) -> str:
    return f"<pasted_content{id_}>\n{text}\n</pasted_content{id_ if repeated else ''}>"


@pytest.mark.parametrize("id_", [' id="9b65"', ""])
@pytest.mark.parametrize("repeated", [True, False])
def test_what_was_pasted_is_kept_without_the_lines_around_it(id_: str, repeated: bool) -> None:  # noqa: FBT001
    log = pasted("KeyError: 'quay'\n  at line 3", id_, repeated=repeated)
    assert turns(prompt(1, log)) == [("user", "KeyError: 'quay'\n  at line 3")]
    around = prompt(1, f"why this?\n\n{log}\n\n thanks")
    assert turns(around) == [("user", "why this?\n\nKeyError: 'quay'\n  at line 3\n\n thanks")]
    two = prompt(1, f"{log}\n\n{pasted('and that', id_, repeated=repeated)}")
    assert turns(two) == [("user", "KeyError: 'quay'\n  at line 3\n\nand that")]


def test_a_frame_of_a_paste_that_is_quoted_or_open_is_somebodys_words() -> None:
    for text in (
        'the tag <pasted_content id="1"> shows in the viewer, why?',
        '<pasted_content id="1">\nis never closed',
        '<pasted_content id="1">\nx\n</pasted_content id="2">',
    ):  # fmt: skip
        assert [text for _, text in turns(prompt(1, text))] == [text]


def test_a_queued_prompt_is_known_with_its_paste_in_a_frame() -> None:
    typed = queue(5, "enqueue", "see [Pasted text #1 +2 lines] and mend it")
    came = prompt(7, f"see\n\n{pasted('a' + chr(10) + 'b')}\n\n and mend it", **TYPED)
    assert turns(typed, queue(6, "dequeue"), came) == [("user", "see\n\na\nb\n\n and mend it")]


@pytest.mark.parametrize("fields", [{}, TYPED])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BANNER}\n{DONE}", Skip.NOTICE),
        (f"<system-reminder>\n{BANNER}\n{DONE}\n</system-reminder>", Skip.EMPTY),
        ("[MESSAGE FROM NON-USER SOURCE - NOT USER INPUT]\nGo on.", Skip.NOTICE),
        ("[Cross-session idle notice] reviewer is idle", Skip.NOTICE),
        ("<<autonomous-loop>>", Skip.PLACEHOLDER),
        ("<<autonomous-loop-dynamic>>", Skip.PLACEHOLDER),
        ('<scheduled-task name="tides" file="~/SKILL.md">\nCheck.\n</scheduled-task>', Skip.NOTICE),
        ("I hit my usage limit while you were working, but it has reset now. Go on.", Skip.META),
        ("The app was quit while you were working. Go on.", Skip.META),
        ("[Request interrupted by a plugin for tool use]", Skip.COMMAND),
    ],
)
def test_what_nobody_typed_is_left_out_whatever_the_host_says_of_it(
    text: str, why: Skip, fields: dict[str, object]
) -> None:
    assert items(prompt(1, text, **fields)) == [why]


def test_words_of_a_person_behind_a_notice_are_kept() -> None:
    assert turns(prompt(1, f"{BANNER}\n{DONE}\n\nand the docs?")) == [("user", "and the docs?")]
    for text in ("[SYSTEM NOTIFICATION] is the title that I want", "The app was quit. Why?"):
        assert turns(prompt(1, text)) == [("user", text)]


def test_a_session_that_a_schedule_began_has_nobody_there() -> None:
    task = '<scheduled-task name="tides">\nCheck.\n</scheduled-task>'
    banner = "[SCHEDULED TASK - AUTOMATED FIRING OF A CONFIGURED PROMPT]\nCheck the tides."
    for text in (task, banner):
        context, _ = claude.parse(prompt(1, text, **TYPED), Context())
        assert context.unattended
    context, _ = claude.parse(prompt(1, "check the tides"), Context())
    context, _ = claude.parse(prompt(2, task), context)
    assert not context.unattended, "somebody asked for it"


def test_a_prompt_that_a_hook_dropped_from_the_queue_was_not_said() -> None:
    gone = line("queue-operation", 6, operation="remove", content="the key is quay",
                reason="dropped_by_hook")  # fmt: skip
    assert turns(queue(5, "enqueue", "the key is quay"), gone, prompt(9, "go on")) == [
        ("user", "go on")
    ]


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        ("Permission for this action was denied by the Claude Code auto mode classifier. Reason: x",
         "automode-blocked", "refused"),
        ("Permission for this action was denied by the Claude Code auto mode classifier.", None,
         "refused"),
        ("Auto mode could not evaluate this action", "automode-unavailable", "refused"),
        ("The user doesn't want to take this action right now. STOP", "cancelled", "interrupted"),
        ("The user doesn't want to proceed with this tool use.", "user-rejected", "refused"),
    ],
)  # fmt: skip
def test_a_call_that_did_not_run_did_not_fail(told: str, kind: str | None, status: str) -> None:
    run = answer(4, call("t", "Bash", command="make"))
    fields = {"toolDenialKind": kind} if kind else {}
    (done,) = actions(run, result(5, "t", told, is_error=True, **fields))
    assert (done.status, done.output) == (status, "")


def test_words_with_a_refusal_are_kept_whatever_its_kind() -> None:
    told = "The user doesn't want to proceed with this tool use. the user said:\nuse the lock"
    run = answer(4, call("t", "Bash", command="make"))
    fields = {"is_error": True, "toolDenialKind": "interrupted"}
    assert turns(run, result(5, "t", told, **fields)) == [("refusal", "use the lock")]


@pytest.mark.parametrize("edited", ["", " (edited by user)"])
def test_a_plan_that_stands_in_its_result_only_is_kept_with_its_steps(edited: str) -> None:
    proposed = {"plan": "# Move\n1. copy"} if edited else {"planFilePath": "/p/plan.md"}
    plan = "# Move the fees\n1. copy\n2. keep the old one"
    told = f"User has approved your plan.\n\n## Approved Plan{edited}:\n{plan}"
    lines = answer(1, call("p", "ExitPlanMode", **proposed)), result(2, "p", told)
    assert turns(*lines)[-1] == ("plan", plan)
    (fate,) = actions(*lines)
    assert (fate.text, len(fate.steps), fate.status) == ("Move the fees", 2, "ok")


def test_arguments_of_a_command_may_hold_the_hosts_tags() -> None:
    said = "keep </command-args> out of the page"
    text = f"<command-name>/mend</command-name>\n<command-args>{said}</command-args>"
    assert turns(prompt(1, text)) == [("command", said)]


def test_a_loop_without_words_says_nothing() -> None:
    text = "<command-name>/loop</command-name>\n<command-args><<autonomous-loop>></command-args>"
    assert turns(prompt(1, text)) == [("command", "/loop")]


@pytest.mark.parametrize("name", ["plan", "bg", "fork"])
def test_a_command_of_the_hosts_that_hands_on_a_prompt_is_a_request_with_words_only(
    name: str,
) -> None:
    def typed(words: str) -> str:
        return f"<command-name>/{name}</command-name>\n<command-args>{words}</command-args>"

    said = prompt(1, typed("move the fees"))
    assert turns(said) == [("command", "move the fees")]
    assert [done.text for done in actions(said)] == [f"/{name}"]
    assert items(prompt(1, typed(""))) == [Skip.COMMAND]


def test_paths_of_windows_have_slashes() -> None:
    path = "C:\\quay\\src\\tide.py"
    edit = answer(1, call("t", "Edit", file_path=path, old_string="a", new_string="b"))
    beside = {"toolUseResult": {"filePath": path, "structuredPatch": [{"lines": ["+b"]}]}}
    gone = answer(3, call("r", "PowerShell", command="Remove-Item .\\src\\old.py"))
    found = actions(edit, result(2, "t", **beside), gone, result(4, "r"))
    assert [(done.kind, done.path) for done in found if done.path] == [
        ("edit", "C:/quay/src/tide.py"),
        ("delete", "./src/old.py"),
    ]
    context, _ = claude.parse(prompt(1, "x", cwd="C:\\quay"), Context())
    assert context.cwd == "C:/quay"
