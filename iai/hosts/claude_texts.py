"""What Claude Code writes into messages in somebody's name: the table, with its sources.

Seen: in transcripts of Claude Code 2.0.76 to 2.1.240. Docs: code.claude.com/docs.
"""

import re
from functools import partial

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
from iai.hosts.json_fields import texts
from iai.hosts.turn import Skip

_Block = partial(Element, beside=True)  # of a name that nobody else uses
_INTERRUPTED = ("[Request interrupted by user", "[Request interrupted by a plugin")
_HOOKS = (  # docs: hooks
    "Stop", "StopFailure", "SubagentStart", "SubagentStop", "PreToolUse", "PostToolUse",
    "PostToolUseFailure", "PostToolBatch", "UserPromptSubmit", "UserPromptExpansion",
    "SessionStart", "SessionEnd", "Setup", "PreCompact", "PostCompact", "TeammateIdle",
    "TaskCreated", "TaskCompleted", "PermissionRequest", "PermissionDenied", "Notification",
)  # fmt: skip
_ITS_WORDS = (  # behind the name of an event, and of what it is about ("SessionStart:startup")
    r" hook (?:feedback:|error\b|success:|blocking error|additional context"
    r"|(?:stopped|prevented) continuation)"
)
_FAILED = r"[^\]\n]+\] (?:failed(?::| with )|blocked|stopped|completed successfully)"
# Seen in lists of such elements that clients of the host have; none was in a transcript yet.
_OF_CLIENTS = (
    "mcp-resource", "mcp-resource-update", "mcp-polling-update", "channel-message",
    "bash-notification", "github-webhook-activity", "remote-review", "remote-review-progress",
    "ultraplan", "fork-boilerplate", "slack_context", "uploaded_files", "connected_office_files",
    "launch-selected-element", "preview-annotation-context", "available-deferred-tools",
    "critical_user_preferences_reminder", "browser_instruction", "cu_window_hints",
    "widget_context_hint", "persisted-output", "no-action-needed",
)  # fmt: skip
_BANNER = (
    "[SYSTEM NOTIFICATION - NOT USER INPUT]",
    "This is an automated background-task event, NOT a message from the user.",
    "Do NOT interpret this as user acknowledgement",
    "No human input has been received since the last genuine user message",
)
_SCHEDULED = ("<scheduled-task", "[SCHEDULED TASK - AUTOMATED FIRING OF A CONFIGURED PROMPT]")
_LOOP = r"<<autonomous-loop(?:-[a-z]+)?>>"  # what a loop without words of its own is woken with
USER = HostTexts(
    # The third is sent on a resume.
    placeholder=rf"{EMPTY}|{PICTURES}|continue from where you left off\.|{_LOOP}",
    frame="pasted_content",  # seen 2.1.277 on; docs: terminal-config
    elements=[
        _Block("system-reminder", Skip.EMPTY, "seen: notes to the model around a prompt"),
        _Block("ide_opened_file", Skip.EDITOR, "seen 2.1.7", says="The user opened the file "),
        _Block("ide_selection", Skip.EDITOR, "seen 2.1.7", says="The user selected "),
        _Block("ide_diagnostics", Skip.EDITOR, "docs: ide-integrations, shared diagnostics"),
        _Block("new-diagnostics", Skip.EDITOR, "seen: diagnostics after an edit"),
        _Block("post-tool-use-hook", Skip.HOOK, "seen: what a hook printed"),
        _Block("user-prompt-submit-hook", Skip.HOOK, "docs: hooks, UserPromptSubmit"),
        _Block("session-start-hook", Skip.HOOK, "docs: hooks, SessionStart"),
        _Block("task-notification", Skip.NOTICE, "seen 2.1.17: a background task ended"),
        _Block("agent-notification", Skip.NOTICE, "seen 2.0.76: the same, in older versions"),
        _Block("task-status", Skip.NOTICE, "seen: state of a background task"),
        _Block("teammate-message", Skip.NOTICE, "docs: agent teams"),
        _Block("agent-message", Skip.NOTICE, "docs: agent teams"),
        _Block("cross-session-message", Skip.NOTICE, "docs: messages between sessions"),
        *(_Block(tag, Skip.NOTICE, "clients of the host") for tag in _OF_CLIENTS),
        _Block("scheduled-task", Skip.NOTICE, "desktop application: the prompt of a schedule"),
        Element("channel", Skip.NOTICE, "docs: channels, what another program pushed"),
        Element("tick", Skip.NOTICE, "clients of the host: the time, to an agent that waits"),
        Element("user-memory-input", Skip.COMMAND, "seen: `#` at the prompt; the note is a turn"),
        Element("command-name", Skip.COMMAND, "seen: a slash command"),
        Element("command-message", Skip.COMMAND, "seen: a slash command"),
        Element("command-args", Skip.COMMAND, "seen: a slash command; the arguments are a turn"),
        Element("command-contents", Skip.COMMAND, "seen: a slash command, in older versions"),
        Element("skill-format", Skip.COMMAND, "seen: a skill called as a command"),
        Element("local-command-caveat", Skip.COMMAND, "seen 2.1.17"),
        Element("local-command-stdout", Skip.COMMAND, "seen: what a slash command printed"),
        Element("local-command-stderr", Skip.COMMAND, "seen: what a slash command printed"),
        Element("bash-input", Skip.COMMAND, "seen: `!` at the prompt; see claude_shell"),
        Element("bash-stdout", Skip.COMMAND, "seen: what it printed"),
        Element("bash-stderr", Skip.COMMAND, "seen: what it printed"),
        Element("tool_use_error", Skip.TOOL, "seen: a result"),
        Element("retrieval_status", Skip.NOTICE, "seen 2.0.76: beside a background task's output"),
    ],
    openings=[
        *(Opening(words, Skip.COMMAND, "seen: Escape", line=True,
                  then=r"(?: for tool use)?\]\s*(?:\n|\Z)") for words in _INTERRUPTED),
        *(Opening(words, Skip.NOTICE, "seen: before a notice", line=True) for words in _BANNER),
        *(Opening(words, Skip.NOTICE, "seen", sure=True) for words in (
            "[MESSAGE FROM NON-USER SOURCE - NOT USER INPUT]", "[Cross-session idle notice]",
            *_SCHEDULED[1:])),
        *(Opening(words, Skip.META, "desktop application, to go on", sure=True) for words in (
            "I hit my usage limit while you were working, but it has reset now",
            "The app was quit while you were working")),
        Opening("[Image: source: ", Skip.PLACEHOLDER, "seen: a pasted picture", line=True),
        Opening("[Image: original ", Skip.PLACEHOLDER, "seen: a picture made smaller", line=True),
        Opening("Caveat: The messages below were", Skip.META, "seen 2.0.76: before a command"),
        Opening("This session is being continued from ", Skip.SUMMARY, "seen 2.0.76",
                then="a(?: previous|nother) "),
        Opening("Full transcript available at: ", Skip.NOTICE, "seen 2.1.17: a task", line=True),
        Opening("Read the output file to retrieve", Skip.NOTICE, "seen: a task", line=True),
        Opening("Another Claude session sent a message", Skip.NOTICE, "docs: agent teams"),
        Opening("Base directory for this skill:", Skip.META, "seen: the text of a skill"),
        Opening("Operation stopped by hook", Skip.HOOK, "seen 2.1.197: `continue: false`"),
        Opening("A session-scoped Stop hook is now active", Skip.HOOK, "seen 2.1.2xx: /goal"),
        Opening("Goal set: ", Skip.COMMAND, "seen 2.1.2xx: /goal, whose arguments are a turn"),
        Opening("Goal check-in: ", Skip.HOOK, "seen 2.1.2xx: /goal"),
        Opening("Goal cleared", Skip.COMMAND, "seen 2.1.2xx: /goal", then=r"[.:]?\s*\Z"),
        *(Opening(f"Unknown {what}: ", Skip.COMMAND, "seen", then=r"/?[\w:.-]+\s*\Z")
          for what in ("skill", "slash command")),
        *(Opening(f"<{tag}>", Skip.COMMAND, "seen: cut off before its end", then=r"\S")
          for tag in ("local-command-stdout", "local-command-stderr", "bash-stdout")),
        Opening("<task-notification>", Skip.NOTICE, "seen: cut off before its end", then=r"\s*<"),
        Opening("UserPromptSubmit operation blocked by hook", Skip.HOOK, "docs: hooks"),
        *(Opening(f"{event}", Skip.HOOK, "docs: hooks", then=_ITS_WORDS) for event in _HOOKS),
        *(Opening(f"{event}:", Skip.HOOK, "seen", then=rf"\S+{_ITS_WORDS}") for event in _HOOKS),
        *(Opening(f"{event} [", Skip.HOOK, "docs: hooks, with the command", then=_FAILED)
          for event in _HOOKS),
        *(
            Opening(f"{event}:", Skip.HOOK, "seen: with the name of the tool behind it", then=r"\w")
            for event in ("PreToolUse", "PostToolUse", "PostToolUseFailure")
        ),
    ],
)  # fmt: skip
ASSISTANT = HostTexts(
    placeholder=EMPTY,
    elements=[
        _Block("thinking", Skip.TOOL, "seen: thoughts inside the answer"),
        _Block("antml:thinking", Skip.TOOL, "the same, with the model's own prefix"),
        _Block("think", Skip.TOOL, "of other models behind the same host"),
        _Block("reasoning", Skip.TOOL, "the same"),
        _Block("system-reminder", Skip.EMPTY, "repeated by a model"),
    ],
    openings=[Opening("<thinking>", Skip.TOOL, "cut off before its end", then=r"[ \t\r]*\n")],
)
_ONLY_A_COMMAND = re.compile(r"/[\w:-]+|!.*")
_COMMAND_NAME = re.compile(r"\s*(?:<command-(message|args|contents)>.*?</command-\1>\s*)*"
                           r"<command-name>\s*(/?[\w:.-]{1,60})\s*</command-name>",
                           re.DOTALL)  # fmt: skip
_OF_THE_HOST = frozenset({  # docs: commands; those without a prompt for the agent
    "add-dir", "advisor", "agents", "allowed-tools", "android", "approved-tools",
    "bashes", "bg", "branch", "bug", "cd", "checkpoint", "chrome", "clear", "color",
    "compact", "config", "context", "continue", "copy", "cost", "desktop", "diff", "doctor",
    "effort", "exit", "export", "extra-usage", "fast", "feedback", "fork",
    "heapdump", "help", "hooks", "ide", "install-github-app", "install-slack-app", "ios",
    "keybindings", "login", "logout", "mcp", "memory", "migrate-installer", "mobile", "model",
    "new", "output-style", "passes", "permissions", "plan", "plugin", "plugins", "powerup",
    "privacy-settings", "quit", "radio", "rc", "recap", "release-notes", "reload-plugins",
    "reload-skills", "remote-control", "remote-env", "remove-dir", "rename", "reset", "resume",
    "rewind", "routines", "sandbox", "scroll-speed", "settings", "setup-bedrock",
    "setup-vertex", "skills", "stats", "status", "statusline", "stickers", "tasks",
    "teleport", "terminal-setup", "theme", "todos", "tp", "tui", "undo", "upgrade", "usage",
    "usage-credits", "vim", "voice", "web-setup",
})  # fmt: skip
_WITH_A_PROMPT = frozenset({"bg", "fork", "plan"})  # of these, where words follow
_ARGUMENTS = re.compile("<(command-args|user-memory-input)>")
_PLAN = "Implement the following plan:\n"  # seen 2.1.17; 2.1.37 has `planContent` as well
_PLAN_NOTE = "\nIf you need specific details from before exiting plan mode"
_REFUSALS = re.compile(
    "(?:Error: )?(?:The user (?:doesn['\u2019]t|does not) want to |User rejected "
    "|Permission for this tool use was denied|The agent proposed a plan that was rejected)"
)
_WORDS = re.compile(
    r"(?:[Tt]he user said:|provided the following reason for the rejection:)[ \t]*\n?(.*)",
    re.DOTALL,
)
_CLARIFY = "The user wants to clarify these questions"  # the host's words, not a person's
_NOTE = "\n\nNote: The user's next message may contain"  # guidance for the model, seen 2.1.2xx


def arguments(text: str) -> str:
    """Return what follows a slash command, or `#`, in a text that is nothing but that; else ""."""
    opening = _ARGUMENTS.search(text)
    if opening is None:
        return ""
    closing = f"</{opening[1]}>"  # the last, since what follows a command may hold such a tag
    end = text.rfind(closing, opening.end(), _at(text, "<command-name>", opening.end()))
    if end < 0 or USER.own(text[: opening.start()] + text[end + len(closing) :]).text.strip():
        return ""
    return USER.own(text[opening.end() : end].strip()).text


def _at(text: str, words: str, start: int) -> int:
    """Return where a text has these words next; its length if it has not."""
    found = text.find(words, start)
    return found if found >= 0 else len(text)


def command(content: object) -> str:
    """Return the slash command in a message, as "/name"; "" if it has none, or one of the host's.

    Those of the host are about its settings and its window, not about the work.
    """
    told = content if isinstance(content, str) else "\n".join(texts(content, ("text",)) or ())
    found = _COMMAND_NAME.match(told) if "<command-name>" in told else None
    name = f"/{found[2].lstrip('/')}" if found else ""
    asks = name[1:] in _WITH_A_PROMPT and arguments(told)
    return name if asks or name[1:] not in _OF_THE_HOST else ""


def answer(text: str) -> Own:
    """Return what an agent said in a text, without its thoughts."""
    return ASSISTANT.own(without_thoughts(text))


def typed(text: str) -> Own:
    """Return what a person said with a prompt, as it was typed; a command alone says nothing."""
    own = USER.own(text)
    return Own("", Skip.COMMAND) if _ONLY_A_COMMAND.fullmatch(own.text.strip()) else own


def interrupts(content: object) -> bool:
    """Does a message say that the user interrupted the agent?"""
    return _first(content).startswith(_INTERRUPTED)


def is_scheduled(content: object) -> bool:
    """Does a message hold what a schedule asks, with nobody there?"""
    return _first(content).lstrip().startswith(_SCHEDULED)


def _first(content: object) -> str:
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, str) else field(first, "text")


def is_plan(text: str) -> bool:
    """Is it the plan that a new session begins with, as the host words it?"""
    return text.startswith(_PLAN) and _PLAN_NOTE in text


def refused(result: str) -> bool:
    """Does the text of a failed call say that a person refused it?"""
    return _REFUSALS.match(result) is not None


def words_of_refusal(result: str) -> str:
    """Return what the person said when refusing; "" if nothing."""
    found = _WORDS.search(result)
    words = USER.own(found[1].partition(_NOTE)[0], typed=True).text.strip() if found else ""
    return "" if words.startswith(_CLARIFY) else words
