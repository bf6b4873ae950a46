"""What Codex and the editors around it write into a user's message: the table, with its sources.

"context": the fragments listed in codex-rs/core/src/context/contextual_user_message.rs; their
markers are in the files next to it.
"""

from iai.hosts.host_texts import Element, HostTexts, Opening
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
    placeholders=("<image>", "</image>"),  # around a picture
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
    ],
    openings=[
        Opening("# AGENTS.md instructions", Skip.META, _CONTEXT),
        Opening("<environment_context>", Skip.META, _CONTEXT),
        Opening("<user_instructions>", Skip.META, _CONTEXT),
        Opening("<external_", Skip.NOTICE, f"{_CONTEXT}: additional context, of any name"),
        Opening("Here is a list of plugins that are available", Skip.META, _CONTEXT),
        Opening("Warning: The maximum number of unified exec processes", Skip.META, _CONTEXT),
        Opening("Warning: apply_patch was requested via ", Skip.META, _CONTEXT),
        Opening("Warning: Your account was flagged for potentially", Skip.META, _CONTEXT),
        Opening("<image name=", Skip.PLACEHOLDER, "protocol/src/models.rs", line=True),
        Opening("Another language model started to solve this problem", Skip.SUMMARY,
                "core/templates/compact/summary_prefix.md"),
    ],
)  # fmt: skip
ASSISTANT = HostTexts(
    elements=[
        Element("thinking", Skip.TOOL, "of other models"),
        Element("think", Skip.TOOL, "same"),
    ],
    openings=[],
)
# How an editor opens what it sends before a request, and the request itself.
_WRAPPERS = ("# Context from my IDE setup:", "# Files mentioned by the user:", "# Context")
_REQUEST = "## My request for Codex:"  # USER_MESSAGE_BEGIN, protocol/src/protocol.rs


def request(text: str) -> str:
    """Return the request inside what an editor sent; the text itself if it is not wrapped."""
    if text.lstrip().startswith(_WRAPPERS):
        found = text.find(_REQUEST)
        if found >= 0:
            return text[found + len(_REQUEST) :].strip()
    return text
