#!/usr/bin/env bash
# UserPromptSubmit, Stop, SessionEnd and PreCompact hook: writes the host's event to the spool,
# unchanged. Prints nothing, unless IAI_MCP_PROMPT_RECALL=1 asks for text that is relevant to each
# prompt; then it prints that within 150 ms, or nothing. With IAI_MCP_CAPTURE=off the session is not
# recorded: only its id is written, so that ingest leaves out its transcript too. Always exits 0: a
# failure here must not disturb the session. Needs bash 3.2 and the standard tools, but no running group and no Python.

umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no store
store="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}"       # $1: the store it was installed for
spool="$store/spool"
name="$$.$RANDOM$RANDOM.json"
longest=$((16 * 1024 * 1024 + 1)) # bytes; one more than ingest takes for an event
most=20000                        # events that may wait; transcripts have what is left out
event=""

for place in "$store" "$store"/*/ "$spool"/*/; do
  [ ! -e "$place" ] || [ -O "$place" ] && continue # another user's: iai refuses it, too
  head -c "$longest" >/dev/null # the host should not find its pipe closed
  exit 0
done

# Writes the event, or in its place one that has only the id of its session.
write_event() {
  if [ "${IAI_MCP_CAPTURE:-}" != off ]; then
    head -c "$longest"
    return
  fi
  local pattern='"session_id"[[:space:]]*:[[:space:]]*"([A-Za-z0-9_-][A-Za-z0-9._-]*)"'
  IFS= read -r -d '' event
  [[ $event =~ $pattern ]] || return
  [ "${IAI_MCP_PROMPT_RECALL:-}" = 1 ] || event=""
  printf '{"hook_event_name":"CaptureOff","cwd":"","session_id":"%s"}' "${BASH_REMATCH[1]}"
}

# Prints what is relevant to the prompt in `event`.
answer() {
  local command="" text
  [ -f "$store/run/command" ] || return # a pipe in its place would never end
  read -r command <"$store/run/command"
  [ -x "$command" ] || return
  text=$(
    set -m # own process groups: nothing survives to hold the pipe open
    IAI_MCP_STORE="$store" "$command" prompt-recall <<<"$event" &
    worker=$!
    (sleep 0.15 && kill -9 -- "-$worker") >/dev/null &
    watchdog=$!
    wait "$worker"
    status=$?
    kill -- "-$watchdog"
    exit "$status"
  ) || return
  [ -z "$text" ] || printf '%s\n' "$text"
}

{
  [ -d "$spool/new" ] && [ -d "$spool/tmp" ] || mkdir -p "$spool/new" "$spool/tmp"
  waiting=("$spool/new"/*)
  if [ "${#waiting[@]}" -ge "$most" ] && [ "${IAI_MCP_CAPTURE:-}" != off ]; then
    head -c "$longest" >/dev/null # the host should not find its pipe closed
    exit 0
  fi
  # Written to tmp/ and renamed: files in new/ are complete. More than an event is cut and refused.
  if write_event >"$spool/tmp/$name" && [ -s "$spool/tmp/$name" ]; then
    if [ "${IAI_MCP_PROMPT_RECALL:-}" = 1 ] && [ -z "$event" ]; then
      IFS= read -r -d '' event <"$spool/tmp/$name"
    fi
    mv "$spool/tmp/$name" "$spool/new/$name"
    # Wake ingest. Opening the pipe for reading as well never blocks.
    [ ! -p "$store/run/ingest.bell" ] || printf . 1<>"$store/run/ingest.bell"
  else
    rm -f "$spool/tmp/$name"
  fi
  case "$event" in
    *'"hook_event_name":"UserPromptSubmit"'* | *'"hook_event_name": "UserPromptSubmit"'*) answer ;;
  esac
} 2>/dev/null
exit 0
