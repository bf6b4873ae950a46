#!/usr/bin/env bash
# Hands one hook event to iai: puts what the host says on standard input into the spool, as it is.
# For UserPromptSubmit, Stop, SessionEnd and PreCompact. It reads nothing into it, and always exits
# 0: whatever goes wrong here must not disturb the session. It prints nothing, unless the user asked
# by IAI_MCP_PROMPT_RECALL=1 for what bears on each prompt: that within 150 ms, or nothing.
# Needs bash 3.2 and the standard tools; no running group, no Python.

umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no place to put it
store="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}"       # $1: where it was installed from
spool="$store/spool"
name="$$.$RANDOM$RANDOM.json"
event=""

# Prints what bears on the prompt in `event`.
answer() {
  local command="" text
  read -r command <"$store/run/command"
  [ -x "$command" ] || return
  text=$(
    set -m # each in a process group of its own, so that nothing of it is left holding the pipe
    IAI_MCP_STORE="$store" "$command" prompt-recall <<<"$event" &
    worker=$!
    (sleep 0.15 && kill -9 -- "-$worker") >/dev/null &
    watch=$!
    wait "$worker"
    status=$?
    kill -- "-$watch"
    exit "$status"
  ) || return
  [ -z "$text" ] || printf '%s\n' "$text"
}

{
  [ -d "$spool/new" ] && [ -d "$spool/tmp" ] || mkdir -p "$spool/new" "$spool/tmp"
  # Written aside and renamed: what is in new/ is whole.
  if cat >"$spool/tmp/$name" && [ -s "$spool/tmp/$name" ]; then
    if [ "${IAI_MCP_PROMPT_RECALL:-}" = 1 ]; then
      IFS= read -r -d '' event <"$spool/tmp/$name"
    fi
    mv "$spool/tmp/$name" "$spool/new/$name"
    # Ingest looks there by itself; this has it look now. Open for reading, too, it never blocks.
    [ ! -p "$store/run/ingest.bell" ] || printf . 1<>"$store/run/ingest.bell"
  else
    rm -f "$spool/tmp/$name"
  fi
  case "$event" in
    *'"hook_event_name":"UserPromptSubmit"'* | *'"hook_event_name": "UserPromptSubmit"'*) answer ;;
  esac
} 2>/dev/null
exit 0
