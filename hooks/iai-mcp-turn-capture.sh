#!/usr/bin/env bash
# Hands one hook event to iai: puts what the host says on standard input into the spool, as it is.
# For UserPromptSubmit, Stop, SessionEnd and PreCompact. It reads nothing into it, prints nothing,
# and always exits 0: whatever goes wrong here must not disturb the session.
# Needs bash 3.2 and the standard tools; no running group, no Python.

umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no place to put it
spool="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}/spool" # $1: where it was installed from
name="$$.$RANDOM$RANDOM.json"

{
  [ -d "$spool/new" ] && [ -d "$spool/tmp" ] || mkdir -p "$spool/new" "$spool/tmp"
  # Written aside and renamed: what is in new/ is whole.
  if cat >"$spool/tmp/$name" && [ -s "$spool/tmp/$name" ]; then
    mv "$spool/tmp/$name" "$spool/new/$name"
  else
    rm -f "$spool/tmp/$name"
  fi
} 2>/dev/null
exit 0
