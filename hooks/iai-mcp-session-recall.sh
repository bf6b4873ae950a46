#!/usr/bin/env bash
# Prints what a session starts with (SessionStart). The text lies ready in a file; where there is
# none, or it may not hold all that was said, `iai session-start` composes it now, whether or not
# the group runs. Within a second it has printed the current text or nothing; it always exits 0.
# Needs bash 3.2 and the standard tools. Every start leaves a line in logs/recall-hook.log.

export LC_ALL=C TZ=UTC0
umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no store, and no place for a log
export IAI_MCP_STORE="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}" # $1: where it was installed from
store="$IAI_MCP_STORE"
max_age="${IAI_MCP_SESSION_CACHE_MAX_AGE_SEC:-43200}"
case "$max_age" in "" | *[!0-9]*) max_age=43200 ;; esac
longest_name=255 # bytes of a file name
largest=36000    # bytes of a payload: 9,000 characters

log() {
  [ -d "$store/logs" ] || mkdir "$store/logs" 2>/dev/null
  local now=""
  if [ -n "${EPOCHSECONDS:-}" ]; then printf -v now '%(%Y-%m-%dT%H:%M:%SZ)T' -1; fi
  [ -n "$now" ] || now=$(date +%Y-%m-%dT%H:%M:%SZ)
  { printf '%s %s\n' "$now" "$1" >>"$store/logs/recall-hook.log"; } 2>/dev/null
}

# Is this the copy of a plugin, while the user's own settings call the hook, too? Then that one
# answers: a session must not start with the text twice.
answered_elsewhere() {
  local settings="${CLAUDE_CONFIG_DIR:-$HOME/.claude}/settings.json" text=""
  case "$0" in "${CLAUDE_PLUGIN_ROOT:-/nowhere}"/*) ;; *) return 1 ;; esac
  if [ -n "${PLUGIN_ROOT:-}" ]; then settings="${CODEX_HOME:-$HOME/.codex}/hooks.json"; fi
  { IFS= read -r -d '' text <"$settings"; } 2>/dev/null
  [ "${text#*iai-mcp-session-recall.sh}" != "$text" ]
}

# Sets `encoded` to the percent-encoding of $1 (RFC 3986), without starting a process.
encode() {
  local rest="$1" char code
  encoded=""
  while [ -n "$rest" ]; do
    char="${rest%"${rest#?}"}"
    rest="${rest#?}"
    case "$char" in
      [a-zA-Z0-9._~-]) encoded="$encoded$char" ;;
      *)
        printf -v code '%d' "'$char"
        printf -v char '%%%02X' "$((code & 255))"
        encoded="$encoded$char"
        ;;
    esac
  done
}

# Sets `cwd` from the host's JSON, undecoded.
find_cwd() {
  local value="${event#*\"cwd\"}"
  cwd=""
  [ "$value" != "$event" ] || return
  value="${value#*:}"
  value="${value#"${value%%[! ]*}"}"
  case "$value" in
    \"*)
      value="${value#\"}"
      cwd="${value%%\"*}"
      ;;
  esac
}

# Sets `age` to the seconds since the file $1 was written, and `size` to its bytes; fails if there
# is no such file.
look_at() {
  local found now="${EPOCHSECONDS:-}"
  case "$OSTYPE" in
    darwin* | *bsd*) found=$(stat -L -f '%m %z' "$1" 2>/dev/null) ;;
    *) found=$(stat -L -c '%Y %s' "$1" 2>/dev/null) ;;
  esac
  [ -n "$found" ] || return 1
  age=$((${now:-$(date +%s)} - ${found% *}))
  size="${found#* }"
}

# Is there a hook event that ingest has not dealt with?
spool_waits() {
  set -- "$store"/spool/new/*.json
  [ -e "$1" ]
}

# Did the group end without writing down all it knew? One that was stopped leaves no number behind.
# Where there is /proc it tells whether the number has gone to another process, or is that of one
# which has ended and was never reaped.
group_is_down() {
  local pid="" title="iai: supervisor"
  { read -r pid <"$store/run/group.lock"; } 2>/dev/null
  [ -n "$pid" ] || return 1
  kill -0 "$pid" 2>/dev/null || return 0
  if [ -e "/proc/$pid/cmdline" ]; then IFS= read -r -d '' title <"/proc/$pid/cmdline"; fi 2>/dev/null
  [ "${title#iai: }" = "$title" ]
}

# Has git been set up anew since the payload was written? The directory may have become a part of
# another project.
repository_changed() {
  local above="${cwd%/}"
  while [ "${above#/}" != "$above" ]; do
    [ "$above/.git/config" -nt "$file" ] && return 0
    [ -f "$above/.git" ] && [ "$above/.git" -nt "$file" ] && return 0
    [ "$above/.iai-project" -nt "$file" ] && return 0
    above="${above%/*}"
  done
  return 1
}

# Composes the text now, because of $1. It has a deadline of its own: what is not there in a second
# is not worth waiting for. What the command complains of goes to the log.
live() {
  local command="" text
  if [ -n "$late" ]; then
    log "$1 -> nothing: standard input did not end within 1 s"
    return
  fi
  { read -r command <"$store/run/command"; } 2>/dev/null
  [ -x "$command" ] || command=$(command -v iai) || command=""
  if [ -z "$command" ]; then
    log "$1 -> nothing: the command iai was not found"
    return
  fi
  if text=$(
    exec 3>&1 # the text; what else is said goes into `complaint`
    complaint=$(
      exec 4>&1 2>/dev/null
      set -m # each in a process group of its own, so that nothing of it is left holding a pipe
      "$command" session-start --hook <<<"$event" >&3 2>&4 &
      worker=$!
      (sleep 0.9 && kill -9 -- "-$worker") >/dev/null 3>&1 4>&1 &
      watch=$!
      wait "$worker"
      status=$?
      kill -- "-$watch"
      exit "$status"
    )
    status=$?
    case "$status" in
      0) ;;
      137) log "$1 -> nothing: took longer than 0.9 s" ;;
      *)
        complaint=${complaint##*$'\n'}
        complaint=${complaint//[[:cntrl:]]/ }
        log "$1 -> nothing: exit $status: ${complaint:0:200}"
        ;;
    esac
    exit "$status"
  ); then
    if [ -n "$text" ]; then printf '%s\n' "$text"; fi
    log "$1 -> live-cli bytes=${#text}"
  fi
}

event=""
late=""
if [ ! -t 0 ]; then
  IFS= read -r -d '' -t 1 event
  [ $? -le 128 ] || late=yes # before bash 4 it cannot be told
fi
if answered_elsewhere; then exit 0; fi
find_cwd
case "$cwd" in
  *\\*) file="" ;; # needs real JSON decoding, which the live command does
  "") file="$store/.session-start-payload.cached.md" ;;
  *)
    encode "$cwd.md"
    file="$store/session-start/by-cwd/$encoded"
    [ "${#encoded}" -le "$longest_name" ] || file=""
    ;;
esac

if [ -z "$file" ] || ! [ -s "$file" ] || ! look_at "$file"; then
  live "cache-absent"
elif [ "$max_age" -gt 0 ] && { [ "$age" -gt "$max_age" ] || [ "$age" -lt -1 ]; }; then
  live "cache-stale age=${age}s max=${max_age}s"
elif [ "$size" -gt "$largest" ]; then
  live "cache-too-large bytes=$size max=$largest"
elif spool_waits; then
  live "spool-waiting"
elif group_is_down; then
  live "group-down"
elif repository_changed; then
  live "repository-changed"
else
  IFS= read -r -d '' text <"$file"
  printf '%s' "$text"
  log "cache-hit age=${age}s bytes=${#text}"
fi
exit 0
