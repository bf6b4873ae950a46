"""What was said to Codex, in rollouts of all ages, forks among them; and what nobody said."""

from typing import Any

import pytest

from iai.hosts import codex, registry
from iai.hosts.turn import Item, Rewound, Skip, Turn
from iai.model.context import Context

DAY = "2026-11-20T"
DIFF_COMMENTS = (
    "# Diff comments:\n\n## Comment 1\nFile: a.py\nSide: R\nComment:\nleaks the handle\n\n"
    "## Comment 2\nFile: b.py\nComment:\nand here\n"
)
PAGE_COMMENT = (
    "# Browser comments:\n\n## User Comment 1\nTarget: p\nComment:\nzu schmal\n\n"
    '<in-app-browser-context source="a">\nURL: x\n</in-app-browser-context>\n'
)
ANNOTATIONS = (
    '# Response annotations:\nEach.\n<response-annotations>\n[{"text": "a", "annotation": '
    '"only here"}, {"text": "b"}]\n</response-annotations>\n'
)


def line(at: str, type_: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"{DAY}{at}Z", "type": type_, "payload": payload}


def meta(at: str, session: str, began: str = "", **fields: Any) -> dict[str, Any]:
    began = f"{DAY}{began or at}Z"
    return line(at, "session_meta", id=session, timestamp=began, cwd="/p", **fields)


def message(at: str, role: str, *texts: str, **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return line(at, "response_item", type="message", role=role, content=content, **fields)


def event(at: str, type_: str, **fields: Any) -> dict[str, Any]:
    return line(at, "event_msg", type=type_, **fields)


def read(*lines: dict[str, Any]) -> tuple[Context, list[Item]]:
    context, found = Context(), list[Item]()
    for one in lines:
        context, new = codex.parse(one, context)
        found += new
    return context, found


def turns(*lines: dict[str, Any]) -> list[Turn]:
    return [item for item in read(*lines)[1] if isinstance(item, Turn)]


def test_of_a_wrapped_request_only_the_request_is_kept() -> None:
    for heading in ("# Context from my IDE setup:", "# Files mentioned by the user:"):
        text = f"{heading}\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nfix the login\n"
        (turn,) = turns(message("10:00:00", "user", text))
        assert turn.text == "fix the login"
    plain = "How do I write\n## My request for Codex:\nin a README?"
    assert turns(message("10:00:00", "user", plain))[0].text == plain


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("# Context from my IDE setup:\n\n## Active file: a.md\n", ""),
        ("# In app browser:\n- Current URL: http://127.0.0.1\n", ""),
        ("# Selected text:\n\n## Selection 1\nquay\n", ""),
        ("## Prior conversation with Codex:\nold words\n", ""),
        (DIFF_COMMENTS, "leaks the handle\nand here\n"),
        (PAGE_COMMENT, "zu schmal\n"),
        (ANNOTATIONS, "only here\n"),
    ],
)
@pytest.mark.parametrize("heading", ["## My request for Codex:", "## My request:"])
def test_of_what_an_application_sends_the_request_and_comments_are_kept(
    above: str, said: str, heading: str
) -> None:
    (turn,) = turns(message("10:00:00", "user", f"{above}\n{heading}\nwiden it\n"))
    assert turn.text == f"{said}widen it"
    evidence = "The next image is untrusted page evidence from the browser page."
    alone = turns(message("10:00:00", "user", f"{above}\n{heading}\n\n{evidence}\n"))
    assert [turn.text for turn in alone] == ([said.strip()] if said else [])


def test_a_heading_of_ones_own_is_no_wrapper() -> None:
    own = "# Role\nYou review.\n## My request:\nread it"
    assert turns(message("10:00:00", "user", own))[0].text == own


def test_answers_to_questions_of_an_agent_that_went_on_are_kept_with_the_questions() -> None:
    reply = '[{"questionItemId": "i", "question": "Which quay?", "answer": "the north one"}]'
    tag = "send_user_message_question_reply"
    for end in (f"\n</{tag}>", ""):
        (turn,) = turns(message("10:00:00", "user", f"<{tag}>\n{reply}{end}"))
        assert (turn.kind, turn.text) == ("answer", "Which quay? \u2192 the north one")
    (odd,) = turns(message("10:00:00", "user", f"<{tag}>\nno json\n</{tag}>"))
    assert odd.kind == ""
    assert odd.markup == tag


def test_what_an_agent_says_to_its_application_is_no_part_of_the_answer() -> None:
    said = (
        "Pushed.\n\n<oai-mem-citation>\n<citation_entries>a</citation_entries>\n</oai-mem-citation>\n"
        '\n::git-push{cwd="/p" branch="b"}'
    )
    assert [turn.text for turn in turns(message("10:00:00", "assistant", said))] == ["Pushed."]
    plan = "<proposed_plan>\n# Move\n1. copy\n</proposed_plan>"
    assert turns(message("10:00:00", "assistant", plan))[0].text == "# Move\n1. copy"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<environment_context>\n<cwd>/p</cwd>\n</environment_context>", Skip.META),
        ("# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>\nbe good\n</INSTRUCTIONS>", Skip.META),
        ("<user_instructions>be good</user_instructions>", Skip.META),
        ("<extension_context>x</extension_context>", Skip.META),
        ("<external_calendar>x</external_calendar>", Skip.NOTICE),
        ("<skill>\n<name>x</name>\n</skill>", Skip.META),
        ("<goal_context>x</goal_context>", Skip.META),
        ("<user_shell_command>\n<command>ls</command>\n</user_shell_command>", Skip.COMMAND),
        ("<turn_aborted>\nx\n</turn_aborted>", Skip.COMMAND),
        ("<subagent_notification>x</subagent_notification>", Skip.NOTICE),
        ("<hook_prompt hook_run_id='1'>x</hook_prompt>", Skip.HOOK),
        ("Warning: The maximum number of unified exec processes you can keep open is", Skip.META),
        ("Warning: apply_patch was requested via exec_command.", Skip.META),
        ("<image name=[Image #1] path='/s.png'>", Skip.PLACEHOLDER),
        ("</image>", Skip.PLACEHOLDER),
        (
            "<user_action>\n <context>User initiated a review</context>\n</user_action>",
            Skip.COMMAND,
        ),
        ("<app-context>x</app-context>", Skip.META),
        ("You were originally given instructions from a user over one or more", Skip.SUMMARY),
    ],
)
def test_what_nobody_said_is_left_out(text: str, why: Skip) -> None:
    assert read(message("10:00:00", "user", text))[1] == [why]
    (turn,) = turns(message("10:00:00", "user", text, "why?"))
    assert turn.text == "why?"


@pytest.mark.parametrize(
    "text",
    [
        "<environment_context>\n<cwd>/p</cwd>\n</environment_context>",
        "# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>\nbe good\n</INSTRUCTIONS>",
        "<user_instructions>be good</user_instructions>",
        "<external_calendar>x</external_calendar>",
    ],
)
def test_what_was_said_below_the_hosts_words_in_one_text_is_kept(text: str) -> None:
    assert [t.text for t in turns(message("10:00:00", "user", f"{text}\n\nwhy?"))] == ["why?"]


@pytest.mark.parametrize(
    "text", ["# AGENTS.md instructions are ignored here, why?", "<external_id> is missing, why?"]
)
def test_a_person_may_begin_as_the_host_does(text: str) -> None:
    assert [turn.text for turn in turns(message("10:00:00", "user", text))] == [text]


def test_a_pasted_page_is_not_a_picture() -> None:
    page = "Why is this invalid?\n<image>\n<url>x</url>\n</image>\n"
    assert turns(message("10:00:00", "user", page))[0].text == page


def test_commentary_is_told_from_the_answer() -> None:
    found = turns(
        message("10:00:00", "assistant", "Still building.", phase="commentary"),
        message("10:00:01", "assistant", "Built.", phase="final_answer"),
    )
    assert [turn.kind for turn in found] == ["commentary", ""]


def test_a_rollout_of_bare_items_is_read_with_the_time_of_its_session() -> None:
    first = {"id": "s1", "timestamp": f"{DAY}10:00:00Z", "instructions": None,
             "git": {"branch": "main", "repository_url": "git@h:o/r.git"}}  # fmt: skip
    again = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "ok"}]}
    context, found = read(first, {"record_type": "state"}, again, again)
    one, other = (item for item in found if isinstance(item, Turn))
    assert (context.session, context.branch, context.remote) == ("s1", "main", "git@h:o/r.git")
    assert one.key != other.key
    assert 0 < one.created_at < other.created_at < one.created_at + 1_000
    assert registry.detect("/x/old.jsonl", first) is registry.named("codex")


@pytest.mark.parametrize(
    "told",
    ["\n  <cwd>/w/quay</cwd>\n", "\nCurrent working directory: /w/quay\nApproval policy: x\n"],
)
def test_such_a_rollout_says_where_it_was_among_what_the_host_wrote(told: str) -> None:
    context, _ = read(
        {"id": "s1", "timestamp": f"{DAY}10:00:00Z"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": f"<environment_context>{told}</environment_context>"}
        ]},
    )  # fmt: skip
    assert (context.session, context.cwd) == ("s1", "/w/quay")


def test_a_forks_copies_with_new_times_are_no_turns() -> None:
    found = turns(
        meta("12:00:00", "fork", forked_from_id="first"),
        meta("12:00:00", "first", "10:00:00"),
        message("12:00:00", "user", "move the table"),
        message("12:00:00", "assistant", "Moved."),
        message("12:00:09", "user", "leave it here"),
    )
    assert [turn.text for turn in found] == ["leave it here"]


def test_a_forks_copies_with_their_own_times_are_the_turns_of_the_first() -> None:
    said = message("10:00:05", "user", "move the table")
    context, _ = read(meta("12:00:00", "fork", forked_from_id="first"))
    assert context.forked_from == "first"
    copy, own = turns(
        meta("12:00:00", "fork", forked_from_id="first"),
        meta("10:00:00", "first"),
        said,
        message("12:00:09", "user", "leave it here"),
    )
    (first,) = turns(meta("10:00:00", "first"), said)
    assert (copy.key, copy.session) == (first.key, "first")
    assert own.session == ""


def test_a_fork_need_not_repeat_the_head_of_the_first() -> None:
    copy, own = turns(
        meta("12:00:00", "fork", forked_from_id="first"),
        message("10:00:05", "user", "move the table"),
        message("12:00:00", "user", "copied with a new time"),
        message("12:00:09", "user", "leave it here"),
    )
    assert (copy.session, copy.text) == ("first", "move the table")
    assert (own.session, own.text) == ("", "leave it here")


def test_turns_that_were_rolled_back_are_named() -> None:
    lines = [message(f"10:00:0{n}", "user", text) for n, text in enumerate("abc")]
    keys = [turn.key for turn in turns(*lines)]
    _, found = read(*lines, event("10:01:00", "thread_rolled_back", num_turns=2))
    assert found[-1] == Rewound(tuple(keys[1:]))


@pytest.mark.parametrize(
    ("fields", "unattended"),
    [
        ({"source": "exec"}, True),
        ({"source": "cli", "originator": "codex_exec"}, True),
        ({"source": {"subagent": "review"}}, False),
        ({"source": {"internal": "memory_consolidation"}}, True),
        ({"source": "cli", "originator": "codex_cli_rs"}, False),
        ({"source": "vscode", "originator": "codex_vscode"}, False),
    ],
)
def test_a_session_that_a_program_started_is_known(
    fields: dict[str, Any],
    unattended: bool,  # noqa: FBT001
) -> None:
    context, _ = read(meta("10:00:00", "s", **fields))
    assert context.unattended is unattended


def test_a_session_takes_the_name_that_it_is_given() -> None:
    context, _ = read(
        meta("10:00:00", "s"), event("10:00:01", "thread_name_updated", thread_name="Quay")
    )
    assert context.title == "Quay"


def test_a_line_without_a_time_takes_that_of_its_neighbour() -> None:
    second = {**message("10:00:01", "user", "b"), "timestamp": None}
    one, *others = turns(meta("10:00:00", "s"), message("10:00:01", "user", "a"), second, second)
    assert [other.created_at - one.created_at for other in others] == [1, 2]
    assert len({turn.key for turn in others}) == 2, "said twice"


BOTH = [("user", "a"), ("assistant", "b"), ("user", "a"), ("assistant", "c")]


def told(at: str, role: str, text: str, *, as_item: bool) -> dict[str, Any]:
    """A message as an event, or as an item that is told in one, in newer versions."""
    if as_item:
        name, kind = ("UserMessage", "text") if role == "user" else ("AgentMessage", "Text")
        content = [{"type": kind, "text": text}]
        return event(at, "item_completed", item={"type": name, "id": "i", "content": content})
    name = "user_message" if role == "user" else "agent_message"
    return event(at, name, message=text)


@pytest.mark.parametrize("as_item", [False, True])
@pytest.mark.parametrize("events", ["before", "behind", "instead"])
def test_a_message_is_a_turn_once_in_whichever_form_it_comes(events: str, as_item: bool) -> None:  # noqa: FBT001
    lines = [meta("10:00:00", "s")]
    for second, (role, text) in enumerate(BOTH, 10):
        at = f"10:00:{second}"
        forms = [told(at, role, text, as_item=as_item), message(at, role, text)]
        lines += {"before": forms, "behind": forms[::-1], "instead": forms[:1]}[events]
    said = turns(*lines, event("10:00:30", "task_complete"))
    assert [(turn.role, turn.text) for turn in said] == BOTH
    assert len({turn.key for turn in said}) == len(BOTH)


def test_a_prompt_given_in_mid_turn_as_an_event_only_is_a_turn_in_its_place() -> None:
    said = turns(
        meta("10:00:00", "s"),
        message("10:00:01", "user", "a"),
        event("10:00:01", "user_message", message="a"),
        event("10:00:09", "user_message", message="keep 3.9"),
        message("10:00:20", "assistant", "b"),
        event("10:00:20", "agent_message", message="b"),
    )
    assert [turn.text for turn in said] == ["a", "keep 3.9", "b"]
    assert said[1].created_at % (60 * 10**9) == 9 * 10**9


def test_an_item_and_its_event_are_one_turn_though_each_has_other_words_around_it() -> None:
    said = turns(
        meta("10:00:00", "s"),
        event("10:00:01", "user_message", message="why?"),
        message("10:00:01", "user", "<new_frame>x</new_frame>\nwhy?"),
    )
    assert len(said) == 1


def test_an_item_that_comes_after_its_event_was_a_turn_is_no_second_one() -> None:
    said = turns(
        meta("10:00:00", "s"),
        event("10:00:01", "user_message", message="a"),
        event("10:00:09", "agent_message", message="b"),
        message("10:00:20", "user", "a"),
    )
    assert [turn.text for turn in said] == ["a", "b"]


def test_of_events_the_hosts_words_sub_agents_and_what_a_fork_copied_are_left_out() -> None:
    context = "<environment_context>\n<cwd>/p</cwd>\n</environment_context>"
    end = event("10:00:30", "task_complete")
    asked = event("10:00:09", "user_message", message="a")
    assert (
        turns(meta("10:00:00", "s"), event("10:00:09", "user_message", message=context), end) == []
    )
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "lead"}}}
    assert turns(meta("10:00:00", "s", source=spawned), asked, end) == []
    forked = [meta("10:00:08", "s2", forked_from_id="s"), meta("10:00:08", "s", began="09:00:00")]
    copied = event("10:00:08", "user_message", message="old")
    assert [turn.text for turn in turns(*forked, copied, asked, end)] == ["a"]


def test_what_waits_for_its_item_is_a_turn_at_the_end() -> None:
    context, _ = read(meta("10:00:00", "s"), event("10:00:01", "user_message", message="a"))
    (turn,) = codex.finish(context)[1]
    assert isinstance(turn, Turn)
    assert turn.text == "a"


def test_a_picture_in_one_text_with_its_words_leaves_the_words() -> None:
    for text in (
        '<image name=[Image #1] path="/a.png"></image>why?',
        "<image name=[Image #1]>\n</image>\nwhy?",
        "</image>\nwhy?",
    ):
        assert [turn.text for turn in turns(message("10:00:01", "user", text))] == ["why?"]
    assert turns(message("10:00:01", "user", "<image name=[Image #1]>\n</image>")) == []


def test_a_request_below_what_an_editor_sends_is_found_in_another_text_and_with_any_line_ends() -> (
    None
):
    above, request = "# Context from my IDE setup:\n\n## Open tabs:\n- a\n", "## My request:\nwhy?"
    for texts in ((above, request), (f"{above}\n{request}".replace("\n", "\r\n"),)):
        assert [turn.text for turn in turns(message("10:00:01", "user", *texts))] == ["why?"]


def test_a_session_before_the_forked_one_is_known_by_what_the_copied_head_says() -> None:
    said = turns(
        meta("12:00:00", "s3", forked_from_id="s2"),
        meta("12:00:00", "s2", began="11:00:00", forked_from_id="s1"),
        message("10:00:01", "user", "first"),
        message("11:00:01", "user", "second"),
        message("12:00:01", "user", "third"),
    )
    assert [(turn.session, turn.text) for turn in said] == [
        ("s1", "first"), ("s2", "second"), ("", "third"),
    ]  # fmt: skip


def test_what_an_agent_says_between_two_steps_is_known_in_either_form() -> None:
    said = turns(
        meta("10:00:00", "s"),
        event("10:00:01", "agent_message", message="a", phase="commentary"),
        event("10:00:09", "agent_message", message="b", phase="Commentary"),
        message("10:00:09", "assistant", "b", phase="commentary"),
        event("10:00:20", "agent_message", message="c", phase="final_answer"),
        event("10:00:21", "task_complete"),
    )
    assert [(turn.text, turn.kind) for turn in said] == [
        ("a", "commentary"), ("b", "commentary"), ("c", ""),
    ]  # fmt: skip


def test_a_prompt_in_mid_turn_soon_after_another_is_a_turn_of_its_own() -> None:
    said = turns(
        meta("10:00:00", "s"), message("10:00:01", "user", "mend the tide"),
        event("10:00:02", "user_message", message="and the ebb"),
        message("10:00:03", "assistant", "ok"), event("10:00:09", "task_complete"),
    )  # fmt: skip
    assert [turn.text for turn in said] == ["mend the tide", "and the ebb", "ok"]


def test_what_is_said_instead_of_a_refused_step_is_the_next_prompt() -> None:
    said = turns(
        meta("10:00:00", "s"), message("10:00:01", "user", "tidy up"),
        message("10:00:05", "user", "<turn_aborted>\nThe user interrupted.\n</turn_aborted>"),
        event("10:00:06", "turn_aborted", reason="interrupted"),
        message("10:00:09", "user", "leave the quay alone"),
    )  # fmt: skip
    assert [turn.text for turn in said] == ["tidy up", "leave the quay alone"]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["agents_md.instructions", "user.text"], ["second"]),
        (["user.text", "hooks.additional_context"], ["first"]),
        (["plugins.recommendations", "goal.internal_context"], []),
        (["unknown", "user.image"], ["first\nsecond"]),
        (["agents_md.instructions"], ["first\nsecond"]),  # of which block, nobody knows
    ],
)
def test_of_what_kind_a_block_is_the_host_says_itself(kinds: list[str], said: list[str]) -> None:
    passed = {"content_item_kinds": kinds}
    prompt = message("10:00:01", "user", "first", "second",
                     internal_chat_message_metadata_passthrough=passed)  # fmt: skip
    assert [turn.text for turn in turns(prompt)] == said


def test_what_a_reviewer_of_actions_did_counts_for_the_session_that_it_works_for() -> None:
    source = {"subagent": {"other": "guardian"}}
    context, found = read(meta("10:00:00", "g", source=source, parent_thread_id="lead"),
                          message("10:00:01", "user", "May it do that?"))  # fmt: skip
    assert (context.session, found[-1]) == ("lead", Skip.SIDECHAIN)
