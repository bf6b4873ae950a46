"""What Codex and the editors around it write into a user's message: the table, with its sources.

"context": the fragments listed in codex-rs/core/src/context/contextual_user_message.rs; their
markers are in the files next to it.
"""

import json
import re
from collections.abc import Iterator

from iai.hosts.host_texts import (
    EMPTY,
    PICTURES,
    Element,
    HostTexts,
    Opening,
    Own,
    without_thoughts,
)
from iai.hosts.json_fields import text as field
from iai.hosts.turn import Skip

_CONTEXT = "context"
_TAGS = (
    "environment_context", "user_instructions", "INSTRUCTIONS", "skill", "goal_context",
    "extension_context", "internal_model_context", "codex_internal_context", "recommended_plugins",
    "permissions instructions", "environments_instructions", "apps_instructions",
    "skills_instructions", "plugins_instructions", "collaboration_mode", "personality_spec",
    "model_switch", "multi_agent_mode", "token_budget", "realtime_conversation",
    "current_time_reminder", "user_instructions_update",
)  # fmt: skip
USER = HostTexts(
    placeholder=rf"{EMPTY}|{PICTURES}|</?image>",  # the last around a picture
    elements=[
        *(Element(tag, Skip.META, _CONTEXT) for tag in _TAGS),
        Element("user_shell_command", Skip.COMMAND, _CONTEXT),
        Element("turn_aborted", Skip.COMMAND, _CONTEXT),
        Element("subagent_notification", Skip.NOTICE, _CONTEXT),
        Element("agent_message_board_notification", Skip.NOTICE, _CONTEXT),
        Element("inter_agent_communication", Skip.NOTICE, "rollouts of 0.14x on"),
        Element("hook_prompt", Skip.HOOK, _CONTEXT),
        Element("hook_additional_context", Skip.HOOK, _CONTEXT),
        Element("heartbeat", Skip.META, "automations of the desktop application"),
        Element("user_action", Skip.COMMAND, "core/templates/review: what /review came to"),
        Element("app-context", Skip.META, "desktop application"),
        Element("codex_delegation", Skip.NOTICE, "desktop application: another thread's request"),
        Element("image", Skip.PLACEHOLDER, "protocol/src/models.rs: around a picture"),
        Element("in-app-browser-context", Skip.EDITOR, "desktop application", beside=True),
    ],
    openings=[
        Opening("# AGENTS.md instructions", Skip.META, _CONTEXT, then=r" for |\s*\n"),
        Opening("<environment_context>", Skip.META, _CONTEXT),
        Opening("<user_instructions>", Skip.META, _CONTEXT),
        Opening("Here is a list of plugins that are available", Skip.META, _CONTEXT),
        Opening("Warning: The maximum number of unified exec processes", Skip.META, _CONTEXT),
        Opening("Warning: apply_patch was requested via ", Skip.META, _CONTEXT),
        Opening("Warning: Your account was flagged for potentially", Skip.META, _CONTEXT),
        Opening("<image name=", Skip.PLACEHOLDER, "protocol/src/models.rs", line=True),
        Opening("</image>", Skip.PLACEHOLDER, "the end of the same, before words", line=True,
                then=r"[ \t\r]*\n"),
        Opening("Another language model started to solve this problem", Skip.SUMMARY,
                "core/templates/compact/summary_prefix.md"),
        Opening("You were originally given instructions from a user over", Skip.SUMMARY,
                "core/templates/compact/history_bridge.md"),
        *(Opening(f"The next image {words}", Skip.PLACEHOLDER, "desktop application", line=True)
          for words in ("is untrusted page evidence", "shows the browser page", "shows PDF page")),
    ],
)  # fmt: skip
ASSISTANT = HostTexts(
    placeholder=EMPTY,
    elements=[
        Element("thinking", Skip.TOOL, "of other models"),
        Element("think", Skip.TOOL, "same"),
        Element("oai-mem-citation", Skip.META, "what it read of its own memory", beside=True),
    ],
    openings=[],
)
# What an editor or the desktop application sends before a request stands below such headings:
# "# Context from my IDE setup:", "# Files mentioned by the user:", "# Diff comments:" and others.
_HEADING = re.compile(r"\s*#{1,2} [A-Z][^\n]{2,60}:[ \t\r]*\n")
# USER_MESSAGE_BEGIN, protocol/src/protocol.rs; newer versions leave "for Codex" out.
_REQUEST = re.compile(r"^## My request(?: for Codex)?:", re.MULTILINE)
# Fragments that an opening or a list of names cannot tell from a person's words.
_LED_BY = re.compile(  # "context": the project's instructions; additional context, of any name
    r"\s*(?:# AGENTS\.md instructions for [^\n]*\s*<INSTRUCTIONS>.*</INSTRUCTIONS>"
    r"|<(external_\w+)(?:\s[^>\n]*)?>.*?</\1>)\s*",
    re.DOTALL,
)
_COMMENT = re.compile(r"^Comment:[ \t]*\n(.*?)(?=^#{1,2} |^<|\Z)", re.MULTILINE | re.DOTALL)
_ANNOTATIONS = re.compile(
    r"^<response-annotations>(.*?)</response-annotations>", re.MULTILINE | re.DOTALL
)
_REPLY = "send_user_message_question_reply"  # a tag, whose end may be missing
_CWD = re.compile(r"<cwd>(.*?)</cwd>|^Current working directory: (.+)$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^::git-[a-z-]+\{[^\n]*\}[ \t]*\n?", re.MULTILINE)  # to the application
_PLAN_TAGS = re.compile(r"^</?proposed_plan>[ \t]*\n?", re.MULTILINE)


def request(text: str) -> Own:
    """Return what a person said in a text: without the host's words, and what an editor sent."""
    own = USER.own(text)
    while led := _LED_BY.match(text):
        text = text[led.end() :]
        own = Own(USER.own(text).text, Skip.NOTICE if led[1] else Skip.META)
    start = _REQUEST.search(own.text) if _HEADING.match(own.text) else None
    if start is None:
        return own
    said = USER.own(own.text[start.end() :])
    parts = [*_comments(own.text[: start.start()]), said.text.strip()]
    return Own("\n".join(part for part in parts if part), Skip.EDITOR)


def with_their_requests(texts: list[str]) -> list[str]:
    """Return the texts of a message; what an editor sent is put before a request that follows."""
    if not any(map(_REQUEST.match, texts[1:])):
        return texts
    joined = texts[:1]
    for text in texts[1:]:
        if _REQUEST.match(text) and _HEADING.match(joined[-1]):
            joined[-1] = f"{joined[-1]}\n{text}"
        else:
            joined.append(text)
    return joined


def replies(text: str) -> str:
    """Return the questions of an agent that did not wait, with the answers; "" for a prompt."""
    text, opening = text.strip(), f"<{_REPLY}>"
    told = text.removeprefix(opening).removesuffix(f"</{_REPLY}>")
    return "\n".join(
        f"{asked} \u2192 {answer}" if (asked := field(pair, "question")) else answer
        for pair in (_json_array(told) if text.startswith(opening) else [])
        if (answer := field(pair, "answer").strip())
    )


def answer(text: str) -> Own:
    """Return what an agent said in a text, without what is for the application that shows it."""
    own = ASSISTANT.own(without_thoughts(text))
    if "::git-" not in own.text and "proposed_plan>" not in own.text:
        return own
    return Own(_PLAN_TAGS.sub("", _DIRECTIVE.sub("", own.text)).strip("\n"), Skip.META)


def directory(text: str) -> str:
    """Return the directory that the host names in what it says of the environment; else ""."""
    if not text.lstrip().startswith("<environment_context>"):
        return ""
    found = _CWD.search(text)
    return (found[1] or found[2] or "").strip() if found else ""


def _comments(above: str) -> Iterator[str]:
    """Yield what a person wrote to places in a page, a file or an earlier answer."""
    for found in _COMMENT.finditer(above):
        yield found[1].strip()
    for found in _ANNOTATIONS.finditer(above):
        for one in _json_array(found[1]):
            yield (field(one, "annotation") or field(one, "comment")).strip()


def _json_array(text: str) -> list[object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []
