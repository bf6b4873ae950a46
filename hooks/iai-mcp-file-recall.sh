#!/usr/bin/env bash
# PreToolUse hook, only with IAI_MCP_FILE_MEMORY=1: before the agent reads or edits a file, prints
# what earlier sessions did to it, once a session and file, from a file that the group keeps ready.
# Prints that or nothing, and always exits 0. Needs bash 3.2.

export LC_ALL=C TZ=UTC0
umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0
store="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}"
deliveries="$store/session-start/given" # a file per session; see iai/session_start/deliveries.py

event="" cwd="" session_id="" file_path="" agent_id=""
[ -t 0 ] || IFS= read -r -d '' -t 1 event

# Sets the variable $1 to the event's field of that name, if that is a string without escapes.
read_field() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*\"([^\"\\\\]*)\""
  if [[ $event =~ $pattern ]]; then printf -v "$1" '%s' "${BASH_REMATCH[1]}"; fi
}

# Sets `encoded` to $1, percent-encoded (RFC 3986), without forking.
encode() {
  local rest="$1" plain char code
  encoded=""
  while [ -n "$rest" ]; do
    plain="${rest%%[!a-zA-Z0-9._~-]*}"
    rest="${rest#"$plain"}"
    char=""
    if [ -n "$rest" ]; then
      printf -v code '%d' "'$rest"
      printf -v char '%%%02X' "$((code & 255))"
    fi
    encoded="$encoded$plain$char"
    rest="${rest#?}"
  done
}

for field in cwd session_id file_path agent_id; do read_field "$field"; done
name="${file_path##*/}"
[ -n "$name" ] && [ -n "$cwd" ] && [ -z "$agent_id" ] || exit 0
case "$session_id" in "" | .* | *[!A-Za-z0-9._-]*) exit 0 ;; esac

encode "$cwd.files"
note="" line=""
{
  while IFS= read -r line; do
    case "$line" in "$name	"*)
      note="${line#*	}"
      break
      ;;
    esac
  done <"$store/session-start/by-cwd/$encoded"
} 2>/dev/null
[ -n "$note" ] || exit 0

{
  while IFS= read -r line; do
    [ "$line" != "0 file:$name" ] || exit 0 # given to this session before
  done <"$deliveries/$session_id"
} 2>/dev/null
printf '{"hookSpecificOutput":{"hookEventName":"PreToolUse","additionalContext":"%s"}}\n' "$note"

{
  [ -d "$deliveries" ] || mkdir "$deliveries"
  printf '0 file:%s\n' "$name" >>"$deliveries/$session_id"
  if [ -n "${EPOCHREALTIME:-}" ]; then
    printf -v at '%(%Y-%m-%dT%H:%M:%SZ)T' -1
    at_ns="${EPOCHREALTIME/./}000"
  else # before bash 5
    at=$(date '+%Y-%m-%dT%H:%M:%SZ %s000000000')
    at_ns="${at#* }"
    at="${at% *}"
  fi
  printf '{"at":"%s","at_ns":%s,"by":"hook","severity":"info","kind":"injected",%s,%s}\n' \
    "$at" "$at_ns" "\"host\":\"claude\",\"session\":\"$session_id\",\"source\":\"file\"" \
    "\"bytes\":${#note},\"tokens\":$((${#note} / 4)),\"outcome\":\"recalled\",\"reason\":\"$name\"" \
    >>"$store/ledger/${at%%T*}.hook.jsonl"
} 2>/dev/null
exit 0
