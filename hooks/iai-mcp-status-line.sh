#!/usr/bin/env bash
# Claude Code's status line: prints one short line about the memory of this session, from a file that
# the group keeps ready (iai/session_start/status_line.py): how current the session-start text is,
# what the session was given, and what is wrong. If there was another status line, that is run as
# well, and ours is shown behind its first line. Always exits 0. Starts no process, unless there is
# another status line to run. Needs bash 3.2.

export LC_ALL=C
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no store
store="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}"       # $1: the store it was installed for
for place in "$store" "$store/run"; do
  [ ! -e "$place" ] || [ -O "$place" ] || store=/dev/null # another user's
done
other="${2:-}"                                       # the command of the other status line
short=1024 # bytes of an event in which the session is named
pattern='"session_id"[[:space:]]*:[[:space:]]*"([A-Za-z0-9_-][A-Za-z0-9._-]*)"'
tab=$'\t' newline=$'\n' plain=$'\033[0m'
event="" session="" text="" line="" own="" before=""

# Reads the host's description of the session: all of it, if another program needs it as well.
read_event() {
  if [ -t 0 ]; then
    return
  elif [ -n "$other" ]; then
    { event=$(cat); } 2>/dev/null # bash warns of a NUL byte, which no JSON holds
  else
    IFS= read -r -d '' -n "$short" -t 1 event
  fi
  if [[ $event =~ $pattern ]]; then session="${BASH_REMATCH[1]}"; fi
}

# Does the process that holds the store's lease run? The file has its pid alone while all is well.
running() {
  local pid="" title="iai: supervisor"
  [ -f "$store/run/group.lock" ] && { read -r pid <"$store/run/group.lock"; } 2>/dev/null
  pid="${pid%% *}"
  case "$pid" in "" | *[!0-9]*) return 1 ;; esac
  kill -0 "$pid" 2>/dev/null || return 1
  if [ -e "/proc/$pid/cmdline" ]; then IFS= read -r -d '' title <"/proc/$pid/cmdline"; fi 2>/dev/null
  [ "${title#iai: }" != "$title" ]
}

# Sets `line` to what the file has for everybody, and `own` to what it has for this session. Each line
# of it is the id of a session, or `-`, a tab, and the words.
read_line() {
  [ -f "$store/run/status-line" ] && { IFS= read -r -d '' text <"$store/run/status-line"; } 2>/dev/null
  case "$text" in "-$tab"*"$newline"*) ;; *) return ;; esac
  line="${text%%"$newline"*}"
  line="${line#*"$tab"}"
  case "$text" in
    *"$newline$session$tab"*)
      own="${text#*"$newline$session$tab"}"
      own="${own%%"$newline"*}"
      ;;
  esac
}

read_event
if running; then
  read_line
  line="${line:-running}"
  if [ "${IAI_MCP_CAPTURE:-}" = off ]; then
    own="not recorded (IAI_MCP_CAPTURE=off)${own:+, ${own#not recorded*, }}"
  fi
  line="iai: $line${own:+, $own}"
else
  line="iai: not running (iai up --detach)"
fi
if [ -n "$other" ]; then
  before=$(sh -c "$other" <<<"$event")
fi
if [ -n "$before" ]; then
  first="${before%%"$newline"*}"
  line="$first$plain | $line${before#"$first"}"
fi
printf '%s\n' "$line"
exit 0
