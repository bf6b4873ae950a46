#!/usr/bin/env bash
# Prints what a session starts with (SessionStart). The text lies ready in a file; where there is
# none, or it is too old, `iai session-start` composes it from the store, whether or not the group
# runs. Within a second it has printed the current text or nothing, and it always exits 0.
# Needs bash 3.2 and the standard tools. Every start leaves a line in logs/recall-hook.log.

export LC_ALL=C TZ=UTC0
umask 077
store="${IAI_MCP_STORE:-$HOME/.iai-mcp}"
max_age="${IAI_MCP_SESSION_CACHE_MAX_AGE_SEC:-43200}"
case "$max_age" in "" | *[!0-9]*) max_age=43200 ;; esac
longest_name=255 # bytes of a file name

log() {
  [ -d "$store/logs" ] || mkdir "$store/logs" 2>/dev/null
  local now=""
  if [ -n "${EPOCHSECONDS:-}" ]; then printf -v now '%(%Y-%m-%dT%H:%M:%SZ)T' -1; fi
  [ -n "$now" ] || now=$(date +%Y-%m-%dT%H:%M:%SZ)
  { printf '%s %s\n' "$now" "$1" >>"$store/logs/recall-hook.log"; } 2>/dev/null
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

# Sets `age` to the seconds since the file $1 was written; fails if there is no such file.
find_age() {
  local written now="${EPOCHSECONDS:-}"
  case "$OSTYPE" in
    darwin* | *bsd*) written=$(stat -L -f %m "$1" 2>/dev/null) ;;
    *) written=$(stat -L -c %Y "$1" 2>/dev/null) ;;
  esac
  [ -n "$written" ] || return 1
  age=$((${now:-$(date +%s)} - written))
}

# Composes the text now. Its own deadline: what is not there in a second is not worth waiting for.
live() {
  local command="" text
  { read -r command <"$store/run/command"; } 2>/dev/null
  [ -x "$command" ] || command=$(command -v iai) || command=""
  if [ -z "$command" ]; then
    log "$1 -> nothing: the command iai was not found"
    return
  fi
  if text=$(
    exec 2>/dev/null
    set -m # each in a process group of its own, so that nothing of it is left holding the pipe
    "$command" session-start --hook <<<"$event" &
    worker=$!
    (sleep 0.9 && kill -9 -- "-$worker") >/dev/null &
    watch=$!
    wait "$worker"
    status=$?
    kill -- "-$watch"
    exit "$status"
  ); then
    if [ -n "$text" ]; then printf '%s\n' "$text"; fi
    log "$1 -> live-cli bytes=${#text}"
  else
    log "$1 -> nothing: the live command failed or took too long"
  fi
}

event=""
if [ ! -t 0 ]; then IFS= read -r -d '' -t 1 event; fi
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

if [ -z "$file" ] || ! [ -s "$file" ] || ! find_age "$file"; then
  live "cache-absent"
elif [ "$max_age" -gt 0 ] && { [ "$age" -gt "$max_age" ] || [ "$age" -lt -1 ]; }; then
  live "cache-stale age=${age}s max=${max_age}s"
else
  IFS= read -r -d '' text <"$file"
  printf '%s' "$text"
  log "cache-hit age=${age}s bytes=${#text}"
fi
exit 0
