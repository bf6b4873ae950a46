"""What a person said to Claude Code in other places than a prompt, and what nobody said."""

from typing import Any

import pytest

from iai.hosts import claude, claude_texts
from iai.hosts.turn import Rewound, Skip, Turn
from iai.model.action import Action
from iai.model.context import QUEUED_TEXT, Context
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

REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected."
NOTE = "\n\nNote: The user's next message may contain"
ASKED = [{"question": "Which port?", "header": "Port", "options": []}]


def attached(second: int, text: Any, kind: str = "human", mode: str = "prompt") -> dict[str, Any]:
    attachment = {"type": "queued_command", "prompt": text, "commandMode": mode,
                  "origin": {"kind": kind}}  # fmt: skip
    return line("attachment", second, attachment=attachment)


def test_a_prompt_handed_over_in_mid_turn_is_a_turn_with_the_time_it_was_typed() -> None:
    found = items(queue(5, "enqueue", "use the lock"), result(6, "t"), queue(9, "remove"))
    (turn,) = [item for item in found if isinstance(item, Turn)]
    assert (turn.kind, turn.text) == ("queued", "use the lock")
    assert turn.created_at % (60 * 10**9) == 5 * 10**9


def test_a_queued_prompt_is_one_turn_in_whichever_forms_it_comes() -> None:
    typed, removed = queue(5, "enqueue", "use the lock"), queue(6, "remove")
    once = [("queued", "use the lock")]
    assert turns(typed, removed, attached(7, "use the lock")) == once
    assert turns(typed, attached(7, "use the lock")) == once
    assert turns(attached(7, "use the lock")) == once
    assert turns(attached(7, [{"type": "text", "text": "use the lock"}])) == once
    assert turns(typed, queue(6, "dequeue"), prompt(7, "use the lock")) == [
        ("user", "use the lock")
    ]


def test_a_prompt_that_comes_again_as_a_message_keeps_the_key_of_the_message() -> None:
    found = items(queue(5, "enqueue", "go on"), queue(6, "dequeue"), prompt(7, "go on"))
    assert [item.key for item in found if isinstance(item, Turn)] == ["claude:u7"]


def test_queued_prompts_may_come_again_joined_in_one_message() -> None:
    queued = [queue(5, "enqueue", "first"), queue(6, "enqueue", "second")]
    assert turns(*queued, prompt(7, "first\nsecond")) == [("user", "first\nsecond")]


def test_a_prompt_said_again_later_is_a_second_turn() -> None:
    mid_turn = [queue(5, "enqueue", "stop"), queue(6, "remove")]
    assert turns(*mid_turn, prompt(9, "stop")) == [("queued", "stop"), ("user", "stop")]


def test_the_same_words_queued_twice_are_two_turns_in_whichever_forms_they_come() -> None:
    typed = [queue(5, "enqueue", "go on"), queue(6, "enqueue", "go on")]
    handed = [queue(7, "remove"), queue(8, "remove")]
    attached_too = [attached(9, "go on"), attached(10, "go on")]
    assert turns(*typed, *handed, *attached_too) == [("queued", "go on")] * 2


def test_a_queued_prompt_is_known_without_the_editors_frame_and_with_other_line_ends() -> None:
    frame = "<ide_selection>line 4</ide_selection>"
    framed = attached(7, [{"type": "text", "text": f"{frame}\nnach dem Hafen benennen"}])
    assert turns(queue(5, "enqueue", "nach dem Hafen benennen"), framed) == [
        ("queued", "nach dem Hafen benennen")
    ]
    again = prompt(7, "first  \r\nsecond\r\n")
    assert len(turns(queue(5, "enqueue", "first\nsecond"), again)) == 1


def test_a_shell_command_typed_meanwhile_is_no_prompt() -> None:
    assert turns(queue(5, "enqueue", "!ls"), prompt(9, "next")) == [("user", "next")]


def test_a_queued_prompt_without_a_trace_is_a_turn_at_the_next_request_or_at_the_end() -> None:
    typed = queue(5, "enqueue", "use the lock")
    assert turns(typed, prompt(9, "next")) == [("queued", "use the lock"), ("user", "next")]
    context, _ = claude.parse(typed, Context())
    (turn,) = claude.finish(context)[1]
    assert isinstance(turn, Turn)
    assert turn.text == "use the lock"


def test_a_prompt_taken_back_into_the_editor_was_not_said() -> None:
    assert turns(queue(5, "enqueue", "never mind"), queue(6, "popAll"), prompt(9, "next")) == [
        ("user", "next")
    ]


def test_what_the_host_puts_into_the_queue_is_no_turn_and_does_not_stand_for_one() -> None:
    note = "<task-notification>\n<task-id>b1</task-id>\n</task-notification>"
    found = turns(
        queue(1, "enqueue", note),
        queue(2, "enqueue", "use the lock"),
        queue(3, "remove"),
        queue(4, "remove"),
        attached(5, note, kind="task-notification", mode="task-notification"),
    )
    assert found == [("queued", "use the lock")]


def test_a_slash_command_waits_for_the_end_of_the_turn() -> None:
    queued = [queue(1, "enqueue", "/exit"), queue(2, "enqueue", "and the docs"), queue(3, "remove")]
    assert turns(*queued, prompt(9, "<command-name>/exit</command-name>")) == [
        ("queued", "and the docs")
    ]


def test_a_path_typed_meanwhile_is_a_prompt_and_no_command() -> None:
    text = "/srv/quay.log is empty, why?"
    assert turns(queue(1, "enqueue", text), queue(2, "remove")) == [("queued", text)]


def test_words_with_a_command_that_never_ran_are_kept_at_the_end() -> None:
    context, _ = claude.parse(queue(1, "enqueue", "/review only the parser"), Context())
    (turn,) = claude.finish(context)[1]
    assert isinstance(turn, Turn)
    assert (turn.kind, turn.text) == ("command", "only the parser")


def test_a_queued_prompt_is_known_with_its_letters_taken_apart() -> None:
    typed = queue(1, "enqueue", "f\u00fcr den Hafen")
    again = prompt(2, "fu\u0308r den Hafen")
    assert len(turns(typed, again)) == 1


def test_a_queued_text_too_long_to_wait_is_one_turn_all_the_same() -> None:
    long = "x" * (QUEUED_TEXT + 1)
    assert turns(queue(1, "enqueue", long), queue(2, "dequeue"), prompt(3, long)) == [
        ("queued", long)
    ]


@pytest.mark.parametrize(
    "words",
    [
        "To tell you how to proceed, the user said:\nno new flag",
        "The user provided the following reason for the rejection: no new flag",
        f"To tell you how to proceed, the user said:\nno new flag{NOTE} a correction.",
        "Permission for this tool use was denied. The user said:\nno new flag",
        "the user said:\nno new flag\n<system-reminder>\nbe nice\n</system-reminder>",
    ],
)
def test_words_with_a_refusal_are_a_turn_of_the_users(words: str) -> None:
    asked = answer(1, call("t", "Edit", file_path="/p/a.py", old_string="a", new_string="b"))
    text = words if words.startswith("Permission") else f"{REFUSED} {words}"
    refused = result(2, "t", text, is_error=True, toolUseResult="User rejected")
    assert turns(asked, refused) == [("refusal", "no new flag")]


def test_words_with_a_refusal_may_be_told_beside_the_result_only() -> None:
    asked = answer(1, call("t", "Edit", file_path="/p/a.py", old_string="a", new_string="b"))
    told = "Error: " + REFUSED.replace("'", "\u2019") + " the user said:\nno new flag"
    refused = result(2, "t", REFUSED, is_error=True, toolUseResult=told)
    assert turns(asked, refused) == [("refusal", "no new flag")]


def test_a_refusal_without_words_and_a_failure_that_quotes_one_say_nothing() -> None:
    asked = answer(1, call("t", "Bash", command="cat log"))
    wordless = result(2, "t", f"{REFUSED} STOP what you are doing", is_error=True)
    quoting = result(2, "t", "Exit code 1\nlog: the user said:\nhello", is_error=True)
    assert turns(asked, wordless) == []
    assert turns(asked, quoting) == []


def test_words_with_a_refusal_are_the_users_whatever_agent_they_were_said_to() -> None:
    asked = answer(1, call("t", "Bash", command="rm x"), isSidechain=True, agentId="a")
    refused = result(2, "t", f"{REFUSED} the user said:\nkeep x", isSidechain=True, agentId="a")
    assert turns(asked, refused) == [("refusal", "keep x")]  # nor does the flag matter


def test_an_answer_is_kept_with_its_question() -> None:
    asked = answer(1, call("q", "AskUserQuestion", questions=ASKED))
    beside = {"questions": ASKED, "answers": {"Which port?": "8443", "Which host?": ["a", "b"]},
              "annotations": {"Which port?": {"notes": "the proxy holds 443"}}}  # fmt: skip
    assert turns(asked, result(2, "q", toolUseResult=beside)) == [
        ("answer", "Which port? \u2192 8443 (the proxy holds 443)\nWhich host? \u2192 a, b")
    ]


def test_an_answer_is_read_from_the_result_where_nothing_stands_beside_it() -> None:
    asked = answer(1, call("q", "AskUserQuestion", questions=ASKED))
    told = 'User has answered your questions: "Which port?"="8443". You can now continue.'
    assert turns(asked, result(2, "q", told)) == [("answer", "Which port? \u2192 8443")]


@pytest.mark.parametrize(
    "answers",
    [
        {"Which port?": {"label": "8443"}}, {"Which port?": 8443}, ["8443"], {},
        [{"question": "Which port?", "answer": "8443"}],
    ],
)  # fmt: skip
def test_an_answer_is_read_in_whatever_shape_it_stands_beside_the_result(answers: object) -> None:
    asked = answer(1, call("q", "AskUserQuestion", questions=ASKED))
    told = 'User has answered your questions: "Which port?"="8443". You can now continue.'
    beside = {"questions": ASKED, "answers": answers}
    kept = [("answer", "Which port? \u2192 8443")]
    assert turns(asked, result(2, "q", told, toolUseResult=beside)) == kept
    assert turns(result(2, "q", told)) == kept, "asked in a part of the file that is gone"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ('answered: "Which port?"="the "new" one,\nnot 80". You can now continue with them',
         'Which port? \u2192 the "new" one,\nnot 80'),
        ('answered: "Which port?"="8443" selected preview:\n+--+ user notes: a proxy. You can now',
         "Which port? \u2192 8443 (a proxy)"),
        ('answered: "Which port?"=(no option selected) notes: egal, was da ist. Read the answers',
         "Which port? \u2192 - (egal, was da ist)"),
        ('answered: "Which port?"="8443", "Is "tls" on?"="yes". Read the answers carefully - they',
         'Which port? \u2192 8443\nIs "tls" on? \u2192 yes'),
        ("The user did not answer the questions.", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_however_the_result_words_it(told: str, kept: str | None) -> None:
    questions = [*ASKED, {"question": 'Is "tls" on?'}]
    asked = answer(1, call("q", "AskUserQuestion", questions=questions))
    assert turns(asked, result(2, "q", told)) == ([("answer", kept)] if kept else [])


def test_of_questions_put_back_only_what_was_answered_is_kept() -> None:
    asked = answer(1, call("q", "AskUserQuestion", questions=ASKED))
    told = (
        f"{REFUSED} To tell you how to proceed, the user said:\nThe user wants to clarify these"
        ' questions.\n\nQuestions asked:\n- "Which port?"\n  Answer: 8443\n  User notes: for now'
        '\n- "Why?"\n  (No answer provided)'
    )
    assert turns(asked, result(2, "q", told, is_error=True)) == [
        ("answer", "Which port? \u2192 8443 (for now)")
    ]


def test_a_plan_is_a_turn_of_the_assistants_and_its_fate_an_action() -> None:
    plan = "# Move the cache\n1. write the copier\n2. switch over"
    asked = answer(1, "Here is the plan.", call("p", "ExitPlanMode", plan=plan))
    assert turns(asked) == [("plan", plan), ("assistant", "Here is the plan.")]
    assert turns(
        answer(1, call("p", "ExitPlanMode")), result(2, "p", toolUseResult={"plan": plan})
    ) == [("plan", plan)]


def test_a_plan_that_the_user_edited_is_kept_as_edited_and_one_turned_down_is_refused() -> None:
    asked = answer(1, call("p", "ExitPlanMode", plan="# Move\n1. copy"))
    edited = {"plan": "# Move\n1. copy\n2. keep the old one", "planWasEdited": True}
    found = turns(asked, result(2, "p", "User has approved your plan.", toolUseResult=edited))
    assert found == [("plan", "# Move\n1. copy"), ("plan", edited["plan"])]
    told = "The agent proposed a plan that was rejected by the user. Rejected plan:\n# Move"
    (plan, fate) = items(asked, result(2, "p", told, is_error=True))
    assert isinstance(plan, Turn)
    assert isinstance(fate, Action)
    assert fate.status == "refused"


def test_a_plan_given_as_the_request_is_told_as_one() -> None:
    assert turns(prompt(1, "Implement the following plan:\n\n# P", planContent="# P")) == [
        ("plan", "Implement the following plan:\n\n# P")
    ]


def test_of_older_versions_such_a_plan_is_known_by_the_hosts_note_below_it() -> None:
    note = "If you need specific details from before exiting plan mode (like code), read /t"
    plan = "Implement the following plan:\n\n# P"
    assert turns(prompt(1, f"{plan}\n\n{note}")) == [("plan", f"{plan}\n\n{note}")]
    assert turns(prompt(1, plan)) == [("user", plan)], "somebody may have typed it"
    assert turns(prompt(1, f"Look at this:\n\n{note}")) == [("user", f"Look at this:\n\n{note}")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
@pytest.mark.parametrize("spaces", ["\n", "\r\n            ", ""])
def test_the_arguments_of_a_slash_command_are_a_turn(spaces: str, order: tuple[int, ...]) -> None:
    tags = ("<command-message>review</command-message>", "<command-name>/review</command-name>",
            "<command-args>only the parser, please</command-args>")  # fmt: skip
    blocks = [{"type": "text", "text": tags[place]} for place in order]
    text = spaces.join(tags[place] for place in order)
    for said in (
        prompt(1, text),
        prompt(1, blocks),
        line("system", 1, subtype="local_command", content=text),
        line("system", 1, subtype="local_command", content=blocks),
    ):
        assert turns(said) == [("command", "only the parser, please")]
        assert [done.text for done in actions(said)] == ["/review"]


def test_a_slash_command_is_an_action_unless_it_is_one_of_the_hosts() -> None:
    def typed(name: str, arguments: str) -> str:
        return (
            f"<command-message>x</command-message>\n<command-name>/{name}</command-name>\n"
            f"<command-args>{arguments}</command-args>"
        )

    new = line("system", 1, subtype="local_command", content=typed("apply", "now"))
    for said in (prompt(1, typed("apply", "staging")), prompt(1, typed("apply", "")), new):
        (done,) = actions(said)
        assert (done.kind, done.name, done.text) == ("skill", "command", "/apply")
    assert actions(prompt(1, typed("model", "opus")), prompt(2, "why /apply?")) == []


def test_a_command_alone_as_it_was_typed_says_nothing() -> None:
    for text in ("/clear", " /pier:survey ", "!ls -la", "(no content)"):
        assert claude_texts.typed(text).text == ""
    for text in ("/survey the north quay", "/srv/quay.log is empty", "ls -la shows nothing"):
        assert claude_texts.typed(text).text == text


def test_a_note_to_remember_is_a_turn() -> None:
    note = "<user-memory-input>tabs in the Makefile</user-memory-input>"
    assert turns(prompt(1, note)) == [("command", "tabs in the Makefile")]


def test_a_message_that_quotes_a_command_is_a_prompt() -> None:
    text = "Why does it print\n<command-args>x</command-args>\nhere?"
    assert turns(prompt(1, text)) == [("user", text)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<ide_opened_file>The user opened /p/a.py</ide_opened_file>", Skip.EDITOR),
        ("<ide_selection>The user selected lines 1 to 2</ide_selection>", Skip.EDITOR),
        ("<task-notification>\n<status>done</status>\n</task-notification>", Skip.NOTICE),
        ("<task-notification>a</task-notification>\nFull transcript available at: /t", Skip.NOTICE),
        ('<teammate-message teammate_id="lead">go</teammate-message>', Skip.NOTICE),
        ("<agent-message>done</agent-message>", Skip.NOTICE),
        ("Another Claude session sent a message:\nhi", Skip.NOTICE),
        ("Caveat: The messages below were generated", Skip.META),
        ("Stop hook feedback:\n- [lint]: failed", Skip.HOOK),
        ("PreToolUse hook blocking error from command: no", Skip.HOOK),
        ("PostToolUse:Edit hook additional context: x", Skip.HOOK),
        ("Operation stopped by hook: not now", Skip.HOOK),
        ("This session is being continued from a previous conversation that", Skip.SUMMARY),
        ("Base directory for this skill: /s", Skip.META),
        ("[Request interrupted by user]", Skip.COMMAND),
        ("[Image: source: /tmp/a.png]", Skip.PLACEHOLDER),
        ("(no content)", Skip.PLACEHOLDER),
        ("[No content]", Skip.PLACEHOLDER),
        ("(empty message)", Skip.PLACEHOLDER),
        ("[Image #1] [Image #2]", Skip.PLACEHOLDER),
        ("This session is being continued from another machine.", Skip.SUMMARY),
        ("PermissionRequest hook feedback:\nno", Skip.HOOK),
        ("Stop hook prevented continuation: not yet", Skip.HOOK),
        ("A session-scoped Stop hook is now active with condition: green", Skip.HOOK),
        ("Goal set: green", Skip.COMMAND),
        ("Goal cleared", Skip.COMMAND),
        ("Stop [./check.sh] failed: lint", Skip.HOOK),
        ("SessionStart [load.sh --all] failed with non-blocking status code: 1", Skip.HOOK),
        ("Stop hook feedback:\r\n- [lint]: failed", Skip.HOOK),
        ("\ufeff\u200b<system-reminder>x</system-reminder>", Skip.EMPTY),
        ("Unknown slash command: quay", Skip.COMMAND),
        ("<local-command-stdout>Set model to", Skip.COMMAND),
        ("<task-notification>\n<task-id>b1</task-id>", Skip.NOTICE),
        ("Continue from where you left off.", Skip.PLACEHOLDER),
        ("<tick>10:03</tick>", Skip.NOTICE),
        ("SessionStart:startup hook success: loaded", Skip.HOOK),
        ("SubagentStop:reviewer hook feedback:\nno", Skip.HOOK),
        ('<mcp-resource-update server="s" uri="u">x</mcp-resource-update>', Skip.NOTICE),
        ("<github-webhook-activity>x</github-webhook-activity>", Skip.NOTICE),
    ],
)
def test_what_nobody_said_is_left_out(text: str, why: Skip) -> None:
    assert items(prompt(1, text)) == [why]
    assert items(prompt(1, [{"type": "text", "text": text}])) == [why]
    beside = [{"type": "text", "text": text}, {"type": "text", "text": "and why?"}]
    assert turns(prompt(1, beside)) == [("user", "and why?")]


@pytest.mark.parametrize("content", ["why?", ["why?"], {"type": "text", "text": "why?"}])
def test_a_message_may_be_one_text_or_one_block(content: object) -> None:
    assert turns(prompt(1, content)) == [("user", "why?")]
    assert turns(line("user", 1, message="why?")) == [("user", "why?")]


@pytest.mark.parametrize(
    "text",
    [
        "Stop hooks from running twice",
        "SessionStart: why is it slow?",
        "Setup fails",
        "Setup [dev] failed on my machine, why?",
        "Stop [x] from failing",
        "Unknown skill: what does that mean?",
        "Continue from where you left off, without the docs",
        "<local-command-stdout> is in my export, why?",
        "[Request interrupted by user] is in my export, why?",
        "This session is being continued from yesterday, where were we?",
        "Base directory for this skill is wrong in the docs",
    ],
)
def test_a_person_may_begin_as_the_host_does(text: str) -> None:
    assert turns(prompt(1, text)) == [("user", text)]


OPENED = "<ide_opened_file>The user opened the file /p/a.py in the IDE.</ide_opened_file>"
CHOSEN = "<ide_selection>The user selected the lines 1 to 2:\nx = 1\n</ide_selection>"


@pytest.mark.parametrize("block", [OPENED, CHOSEN, f"{OPENED} {CHOSEN}"])
def test_what_an_editor_adds_is_cut_out_of_a_line_of_somebodys(block: str) -> None:
    for text in (
        f"{block}why?",
        f"why?{block}",
        f"why? {block}",
        f"{block} why?",
        f"why?\r\n{block}",
    ):
        assert turns(prompt(1, text)) == [("user", "why?")]
    assert turns(prompt(1, f"look {block} and say why")) == [("user", "look and say why")]
    assert turns(prompt(1, f"why?{'<system-reminder>'}\nx\n</system-reminder>")) == [
        ("user", "why?")
    ]
    for quoted in (
        f"what is this?\n```\n{block}\n```",
        f"`{OPENED}`, why?",
        "what is <ide_selection>x</ide_selection> for?",
    ):
        assert turns(prompt(1, quoted)) == [("user", quoted)]


def test_what_the_host_says_was_typed_is_not_judged_by_its_first_words() -> None:
    text = "Goal set: ship the quay on Friday"
    for field in ({"promptSource": "typed"}, {"origin": {"kind": "human"}}):
        assert turns(prompt(1, text, **field)) == [("user", text)]
        assert turns(prompt(1, f"{OPENED}\n{text}", **field)) == [("user", text)]
    assert turns(prompt(1, text)) == []


def test_words_beside_a_hosts_element_are_kept_whole() -> None:
    for text in (
        "<ide_selection>line 4</ide_selection>\nwhy?",
        "why?\n<system-reminder>be nice</system-reminder>",
        "[Request interrupted by user]\nwhy?",
    ):
        assert [text.strip() for _, text in turns(prompt(1, text))] == ["why?"]


def test_an_element_without_its_end_or_inside_a_sentence_is_somebodys_words() -> None:
    for text in (
        "<task-notification> shows twice, why?",
        "drop <system-reminder>this</system-reminder> from it",
        "why is this sent?\n```\n<system-reminder>\nx\n</system-reminder>\n```",
    ):
        assert turns(prompt(1, text)) == [("user", text)]


@pytest.mark.parametrize("flag", [{"isMeta": True}, {"isCompactSummary": True},
                                  {"isVisibleInTranscriptOnly": True},
                                  {"origin": {"kind": "task-notification"}}])  # fmt: skip
def test_what_the_host_says_of_a_line_counts_before_its_words(flag: dict[str, Any]) -> None:
    assert turns(prompt(1, "looks like a prompt", **flag)) == []
    assert turns(prompt(1, "is a prompt", origin={"kind": "human"})) == [("user", "is a prompt")]


@pytest.mark.parametrize("no", [False, None, 0, "", "false", "False", "0", "no", [], {}])
def test_a_flag_of_any_type_that_says_no_costs_no_words(no: object) -> None:
    flags = (
        "isMeta",
        "isSidechain",
        "isCompactSummary",
        "isVisibleInTranscriptOnly",
        "isSynthetic",
    )
    said = [prompt(1, "a", **dict.fromkeys(flags, no)), answer(2, "b", isApiErrorMessage=no)]
    assert turns(*said) == [("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize("yes", [True, 1, "true", "True", " yes "])
def test_a_flag_of_any_type_that_says_yes_counts(yes: object) -> None:
    for flag in ("isMeta", "isSidechain", "isCompactSummary"):
        assert turns(prompt(1, "a", **{flag: yes})) == []
    for origin in ("task-notification", {"type": "task-notification"}):
        assert turns(prompt(1, "a", origin=origin)) == []
    assert turns(prompt(1, "a", origin="human")) == [("user", "a")]


def test_thoughts_of_which_only_the_end_is_marked_are_not_the_answer() -> None:
    assert turns(answer(1, "hm, so\n</think>\n\nIt is 4.")) == [("assistant", "It is 4.")]
    assert turns(answer(1, "<thinking>\nhm")) == []
    quoted = "The tag `</think>` ends a thought."
    assert turns(answer(1, quoted)) == [("assistant", quoted)]


def test_thoughts_inside_a_text_are_not_the_answer() -> None:
    assert turns(answer(1, "<thinking>\nhm\n</thinking>\n\nIt is 4.")) == [
        ("assistant", "It is 4.")
    ]


def test_markup_that_no_rule_knows_is_kept_and_named() -> None:
    (turn,) = items(prompt(1, "<new-thing id='1'>x</new-thing>\nwhy?"))
    assert isinstance(turn, Turn)
    assert (turn.markup, turn.text) == ("new-thing", "<new-thing id='1'>x</new-thing>\nwhy?")


def test_a_prompt_that_takes_the_place_of_another_rewinds_to_it() -> None:
    found = items(
        prompt(1, "a", parentUuid=None),
        answer(2, "done", parentUuid="u1"),
        prompt(3, "b", parentUuid="u2"),
        answer(4, "done", parentUuid="u3"),
        prompt(5, "c", parentUuid="u4"),
        prompt(6, "instead of b", parentUuid="u2"),
    )
    assert [i for i in found if isinstance(i, Rewound)] == [Rewound(("claude:u3", "claude:u5"))]


def test_a_rewind_to_the_first_prompt_is_seen_where_lines_name_parents() -> None:
    found = items(
        prompt(1, "a", parentUuid=None),
        prompt(3, "b", parentUuid="u1"),
        prompt(5, "instead of a", parentUuid=None),
    )
    assert [i for i in found if isinstance(i, Rewound)] == [Rewound(("claude:u1", "claude:u3"))]


def test_no_rewind_is_seen_where_none_is_proved() -> None:
    found = items(
        prompt(1, "a", parentUuid=None),
        prompt(2, "b", parentUuid=None),
        answer(3, "done", parentUuid="u2"),
        prompt(4, "c", parentUuid="u3"),
        prompt(4, "c", parentUuid="u3"),  # read again
    )
    assert not [i for i in found if isinstance(i, Rewound)]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        (1_795_168_800_000, 1_795_168_800),
        (1_795_168_800, 1_795_168_800),
        ("1795168800000", 1_795_168_800),
        ("1795168800.0", 1_795_168_800),
        (1_795_168_800_000_000, 1_795_168_800),
        (1_795_168_800_000_000_000, 1_795_168_800),
        (" 2026-11-20t10:00:00z", 1_795_168_800),
    ],
)
def test_a_time_is_iso_or_a_number_of_seconds_or_any_part_of_one(
    stamp: object, seconds: int
) -> None:
    (turn,) = items({**prompt(1, "x"), "timestamp": stamp})
    assert isinstance(turn, Turn)
    assert turn.created_at == seconds * 10**9


def test_a_line_without_a_time_takes_that_of_its_neighbour_and_keeps_its_key() -> None:
    first, second = items(prompt(1, "x"), {**prompt(2, "y"), "timestamp": "yesterday"})
    assert isinstance(first, Turn)
    assert isinstance(second, Turn)
    assert second.created_at == first.created_at
    assert second.key == "claude:u2"


def test_what_a_fork_copies_has_the_key_of_the_first() -> None:
    copied = prompt(1, "x", forkedFrom={"sessionId": "s0", "messageUuid": "u0"})
    context, (turn,) = claude.parse(copied, Context())
    assert isinstance(turn, Turn)
    assert turn.key == "claude:u0"
    assert context.forked_from == "s0"


def test_a_session_has_its_branch_and_the_best_of_its_titles() -> None:
    context = Context()
    for one in (
        line("summary", 1, summary="first"), line("summary", 2, summary="of another"),
        line("ai-title", 3, aiTitle="better"), line("custom-title", 4, customTitle="mine"),
        line("ai-title", 5, aiTitle="worse"), prompt(6, "x", gitBranch="fix/quay"),
    ):  # fmt: skip
        context, _ = claude.parse(one, context)
    assert (context.title, context.branch) == ("mine", "fix/quay")


def test_a_session_that_a_program_started_is_known() -> None:
    for field in (
        {"entrypoint": "sdk-cli"}, {"entrypoint": "SDK-CLI"}, {"promptSource": "sdk"},
        {"promptSource": "scheduled"},
        {"entrypoint": "claude-code-github-action"}, {"entrypoint": "mcp"},
    ):  # fmt: skip
        context, _ = claude.parse(prompt(1, "x", **field), Context())
        assert context.unattended
    context, _ = claude.parse(prompt(1, "x", entrypoint="cli", promptSource="typed"), Context())
    assert not context.unattended


NAMED = "<command-message>{0}</command-message>\n<command-name>/{0}</command-name>"


@pytest.mark.parametrize("name", ["commit", "quay:tide-check", "init", "review"])
def test_a_slash_command_without_arguments_is_a_request(name: str) -> None:
    typed = prompt(5, NAMED.format(name))
    assert turns(typed, answer(6, "done")) == [("command", f"/{name}"), ("assistant", "done")]
    empty = prompt(5, f"{NAMED.format(name)}\n<command-args></command-args>")
    assert turns(empty) == [("command", f"/{name}")]
    own_line = line("system", 5, subtype="local_command", content=NAMED.format(name))
    assert turns(own_line) == [("command", f"/{name}")]


@pytest.mark.parametrize("name", ["model", "clear", "compact", "usage-credits", "branch"])
def test_a_slash_command_about_the_host_itself_is_no_request(name: str) -> None:
    assert turns(prompt(5, NAMED.format(name))) == []
    assert turns(line("system", 5, subtype="local_command", content=NAMED.format(name))) == []


def test_what_an_agent_does_for_a_slash_command_interrupts_what_waited_before() -> None:
    waiting = answer(4, call("t", "Bash", command="make"))
    found = actions(prompt(3, "build"), waiting, prompt(5, NAMED.format("commit")))
    assert [(done.kind, done.status) for done in found] == [
        ("skill", "ok"), ("command", "interrupted"),
    ]  # fmt: skip


@pytest.mark.parametrize("origin", ["peer", "task_notification", "auto_continuation", "system"])
def test_a_prompt_whose_turn_nobody_began_is_a_notice(origin: str) -> None:
    assert items(prompt(5, "tides are in", turnOrigin=origin)) == [Skip.NOTICE]


def test_a_prompt_whose_source_is_the_host_is_a_notice_unless_a_person_is_named() -> None:
    assert items(prompt(5, "tides are in", promptSource="system")) == [Skip.NOTICE]
    human = prompt(5, "tides are in", promptSource="system", origin={"kind": "human"})
    assert turns(human) == [("user", "tides are in")]
    for source in ("typed", "queued", "suggestion_accepted", "sdk"):
        assert turns(prompt(5, "go", promptSource=source, turnOrigin="human")) == [("user", "go")]


def test_a_result_in_a_message_of_the_hosts_ends_its_call_all_the_same() -> None:
    run = answer(4, call("t", "Bash", command="make"))
    for field in ({"isMeta": True}, {"origin": {"kind": "peer"}}):
        (done,) = actions(run, result(5, "t", "built", **field))
        assert done.status == "ok"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("user-rejected", "refused"), ("permission-rule", "refused"), ("cancelled", "interrupted"),
     ("interrupted", "interrupted"), ("of-a-later-version", "failed")],
)  # fmt: skip
def test_a_call_that_never_ran_is_known_by_the_kind_of_denial(kind: str, status: str) -> None:
    run = answer(4, call("t", "Bash", command="make"))
    (done,) = actions(run, result(5, "t", "denied", is_error=True, toolDenialKind=kind))
    assert done.status == status


@pytest.mark.parametrize("reason", ["cancelled", "user_removed", "withdrawn", "edited"])
def test_a_prompt_that_was_taken_out_of_the_queue_by_its_author_was_not_said(reason: str) -> None:
    gone = line("queue-operation", 6, operation="remove", content="use the lock", reason=reason)
    assert turns(queue(5, "enqueue", "use the lock"), gone, prompt(9, "go on")) == [
        ("user", "go on")
    ]
    given = line(
        "queue-operation", 6, operation="remove", content="use the lock", reason="absorbed_mid_turn"
    )
    assert turns(queue(5, "enqueue", "use the lock"), given) == [("queued", "use the lock")]


def test_a_note_without_a_choice_is_an_answer() -> None:
    beside = {"questions": ASKED, "answers": {}, "annotations": {"Which port?": {"notes": "ask"}}}
    asked = answer(4, call("q", "AskUserQuestion", questions=ASKED))
    assert turns(asked, result(5, "q", "answered", toolUseResult=beside)) == [
        ("answer", "Which port? \u2192 - (ask)")
    ]


def test_a_queued_prompt_is_known_by_what_is_around_a_pasted_text() -> None:
    typed = queue(5, "enqueue", "see [Pasted text #1 +2 lines] and mend it")
    assert turns(typed, queue(6, "dequeue"), prompt(7, "see a\nb\nc and mend it")) == [
        ("user", "see a\nb\nc and mend it")
    ]
