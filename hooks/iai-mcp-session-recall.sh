#!/usr/bin/env bash
# Prints what a session starts with (SessionStart). The text lies ready in a file; where there is
# none, or it may not hold all that was said, `iai session-start` composes it now, whether or not
# the group runs. A session that goes on (resume, compact) gets what is new since it was given some.
# Within a second it has printed the current text or nothing; it always exits 0.
# Needs bash 3.2 and the standard tools. Every start leaves a line in logs/recall-hook.log and one
# in the ledger; with IAI_MCP_DRY_RUN=1 it leaves none, and tells standard error instead.

export LC_ALL=C TZ=UTC0
umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no store, and no place for a log
export IAI_MCP_STORE="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}" # $1: where it was installed from
store="$IAI_MCP_STORE"
given="$store/session-start/given" # for each session a file: what it was given (see iai/injections.py)
max_age="${IAI_MCP_SESSION_CACHE_MAX_AGE_SEC:-}"
if [ -z "$max_age" ]; then { read -r max_age <"$store/run/max-age"; } 2>/dev/null; fi # the group's
case "$max_age" in "" | *[!0-9]*) max_age=43200 ;; esac
longest_name=255 # bytes of a file name
longest_id=128   # bytes of a session's id
largest=36000    # bytes of a payload: 9,000 characters

# Sets `value` to the text of the field $1 of the host's JSON, undecoded; to nothing if it is none.
find_field() {
  local name="\"$1\""
  local rest="${event#*"$name":}"
  value=""
  [ "$rest" != "$event" ] || rest="${event#*"$name" :}"
  [ "$rest" != "$event" ] || return
  rest="${rest#"${rest%%[! ]*}"}"
  case "$rest" in
    \"*)
      rest="${rest#\"}"
      value="${rest%%\"*}"
      ;;
  esac
}

# Sets what is to be known of the session: `cwd`, `session`, `source`, `agent` and `host`. What
# goes into a file name or the ledger is taken only if it needs no escaping.
find_session() {
  find_field cwd && cwd="$value"
  find_field agent_id && agent="$value" # it is there in a sub-agent, and only there
  find_field session_id && session="$value"
  case "$session" in .* | *[!A-Za-z0-9._-]*) session="" ;; esac
  [ "${#session}" -le "$longest_id" ] || session=""
  find_field source && source="$value"
  case "$source" in startup | clear | fork | resume | compact) ;; *) source="" ;; esac
  find_field transcript_path
  case "$value" in
    */.codex/* | */rollout-*) host=codex ;;
    */.claude/*) host=claude ;;
    *)
      [ -z "${CLAUDE_PROJECT_DIR:-}" ] || host=claude
      [ -z "${PLUGIN_ROOT:-}" ] || host=codex
      ;;
  esac
}

# Sets `since` to the revision up to which a session that goes on was given all; to nothing if it
# was given none, or starts anew and knows nothing any more.
find_since() {
  local revision rest
  since=""
  case "$source" in resume | compact) ;; *) return ;; esac
  [ -n "$session" ] && [ -f "$given/$session" ] || return
  while read -r revision rest; do
    case "$revision" in "" | 0* | *[!0-9]*) ;; *) since="$revision" ;; esac
  done <"$given/$session"
} 2>/dev/null

# Sets `revision`, `written`, `project` and `tokens` to what the first line of `text` names; fails if
# it is not that of a payload.
find_head() {
  local head="${text%%$'\n'*}"
  case "$head" in
    "<!-- iai revision="*" generated_at="*" project="*" -->") ;;
    *) return 1 ;;
  esac
  head="${head% -->}"
  written="${head#* generated_at=}"
  written="${written%% *}"
  revision="${head#*revision=}"
  revision="${revision%% *}"
  project="${head#* project=}"
  case "$project" in *" tokens="*)
    tokens="${project##* tokens=}"
    project="${project% tokens=*}"
    ;;
  esac
  case "$revision" in *[!0-9]*) revision="" ;; esac
  case "$tokens" in "" | *[!0-9]*) tokens=0 ;; esac
}

# Tells how this start went: $1 is the outcome, $2 the reason, $3 the line for the log.
tell() {
  if [ -n "${IAI_MCP_DRY_RUN:-}" ]; then
    printf '%s tokens=%s\n' "$3" "$tokens" >&2
  else
    record "$@" 2>/dev/null
  fi
}

record() {
  local now at_ns reason="${2//[! -~]/?}"
  if [ -n "${EPOCHREALTIME:-}" ]; then
    printf -v now '%(%Y-%m-%dT%H:%M:%SZ)T' -1
    at_ns="${EPOCHREALTIME/./}000"
  else
    now=$(date '+%Y-%m-%dT%H:%M:%SZ %s')
    at_ns="${now#* }000000000"
    now="${now% *}"
  fi
  [ -d "$store/logs" ] || mkdir "$store/logs"
  printf '%s %s\n' "$now" "$3" >>"$store/logs/recall-hook.log"
  [ -d "$store/ledger" ] || mkdir "$store/ledger"
  reason="${reason//[\"\\]/ }"
  case "$project" in *[\"\\]*) project="" ;; esac
  # As iai/ledger.py has it; short, so that the lines of sessions that start together stay whole.
  printf '{"at":"%s","at_ns":%s,"by":"hook","severity":"info","kind":"injected",%s,%s,%s}\n' \
    "$now" "$at_ns" "\"host\":\"$host\",\"session\":\"$session\",\"source\":\"$source\"" \
    "\"project\":\"${project:0:200}\",\"revision\":${revision:-0},\"bytes\":${#text}" \
    "\"tokens\":$tokens,\"outcome\":\"$1\",\"reason\":\"${reason:0:300}\"" \
    >>"$store/ledger/${now%%T*}.hook.jsonl"
  [ -n "$revision" ] && [ -n "$session" ] && [ -z "$agent" ] || return
  [ -d "$given" ] || mkdir "$store/session-start" "$given"
  [ -d "$given" ] || mkdir "$given"
  find_items
  printf '%s%s\n' "$revision" "$items" >>"$given/$session"
}

# Sets `items` to the numbers of what `text` shows, where prompts are answered with more of them.
find_items() {
  local line number
  items=""
  [ "${IAI_MCP_PROMPT_RECALL:-}" = 1 ] || return
  while IFS= read -r line; do
    case "$line" in
      ">"*) ;; # quoted
      *"#"[0-9]*)
        number="${line#*#}"
        items="$items ${number%%[!0-9]*}"
        ;;
    esac
  done <<<"$text"
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
  local rest="$1" plain char code
  encoded=""
  while [ -n "$rest" ]; do
    plain="${rest%%[!a-zA-Z0-9._~-]*}"
    rest="${rest#"$plain"}"
    char=""
    if [ -n "$rest" ]; then
      printf -v code '%d' "'$rest" # its first byte
      printf -v char '%%%02X' "$((code & 255))"
    fi
    encoded="$encoded$plain$char"
    rest="${rest#?}"
  done
}

# Sets `age` to the seconds since the payload was `written`; fails if that is no time. The file has a
# time, too, but to ask for it would take a process, which costs more than all the rest.
find_age() {
  local now="${EPOCHSECONDS:-}" year month days clock
  case "$written" in
    [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z) ;;
    *) return 1 ;;
  esac
  # Years that begin in March, so that a leap day is their last: howardhinnant.github.io/date_algorithms
  month=$(((10#${written:5:2} + 9) % 12))
  year=$((10#${written:0:4} - (month > 9)))
  days=$((year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5))
  days=$((days + 10#${written:8:2} - 719469)) # since 1970
  clock=$(((10#${written:11:2} * 60 + 10#${written:14:2}) * 60 + 10#${written:17:2}))
  age=$((${now:-$(date +%s)} - days * 86400 - clock))
}

# Sets `text` to what is in `file`, as far as that is no longer than a payload.
read_file() {
  { IFS= read -r -d '' -n "$((largest + 1))" text <"$file"; } 2>/dev/null
}

# Is there a hook event that ingest has not seen?
spool_waits() {
  set -- "$store"/spool/new/*.json
  [ -e "$1" ]
}

# Sets what ingest notes of the project (see iai/news.py): `due`, the revision that a payload has to
# hold; `speaker`, the session that spoke last, and `others`, the revision of the last change that
# was none of its turns. Without such a note nothing is due, and nobody is known to have spoken.
find_news() {
  due="" others="" speaker=""
  { read -r due others speaker <"${file%.md}.news"; } 2>/dev/null
  case "$due$others" in "" | *[!0-9]*) speaker="" ;; esac
  [ -n "$speaker" ] || due=0
}

# Sets `group` to whether one runs: `up`, `stopped`, or `down` if it has ended without writing down
# all it knew. One that was stopped leaves no number behind. Where there is /proc it tells whether
# the number has gone to another process, or is that of one which has ended and was never reaped.
find_group() {
  local pid="" title="iai: supervisor"
  group=stopped
  { read -r pid <"$store/run/group.lock"; } 2>/dev/null
  [ -n "$pid" ] || return
  group=down
  kill -0 "$pid" 2>/dev/null || return
  if [ -e "/proc/$pid/cmdline" ]; then IFS= read -r -d '' title <"/proc/$pid/cmdline"; fi 2>/dev/null
  [ "${title#iai: }" = "$title" ] || group=up
}

# Sets `lack` to why the text may lack what is not to wait, after the few milliseconds in which a
# group sees to it; fails if it lacks nothing.
find_lack() {
  local looks=10
  while :; do
    if spool_waits; then
      lack="spool-waiting"
    elif find_news && [ -z "$since" ] && [ "${revision:-0}" -lt "$due" ]; then
      lack="session-ended revision=$revision"
    else
      return 1
    fi
    looks=$((looks - 1))
    [ "$group" = up ] && [ "$looks" -gt 0 ] || return 0
    sleep 0.001 2>/dev/null
    read_file
    find_head || return 0
  done
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

# Composes the text now, because of $1, or what is new in it after the revision `since`. It has a
# deadline of its own: what is not there in a second is not worth waiting for. What the command
# complains of goes to the log.
live() {
  local command=""
  text="" revision="" project="" tokens=0
  if [ -n "$late" ]; then
    nothing "$1" "standard input did not end within 1 s"
    return
  fi
  { read -r command <"$store/run/command"; } 2>/dev/null
  [ -x "$command" ] || command=$(command -v iai) || command=""
  if [ -z "$command" ]; then
    nothing "$1" "the command iai was not found"
    return
  fi
  text=$(
    exec 3>&1 # the text; what else is said goes into `complaint`
    complaint=$(
      exec 4>&1 2>/dev/null
      set -m # each in a process group of its own, so that nothing of it is left holding a pipe
      "$command" session-start --hook ${since:+--since "$since"} <<<"$event" >&3 2>&4 &
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
      137) nothing "$1" "took longer than 0.9 s" ;;
      *)
        complaint=${complaint##*$'\n'}
        complaint=${complaint//[[:cntrl:]]/ }
        nothing "$1" "exit $status: ${complaint:0:200}"
        ;;
    esac
    exit "$status"
  ) || return
  find_head
  if [ -n "$since" ] && [ "$tokens" -eq 0 ]; then
    text=""
    tell nothing-new "$1" "$1 -> nothing-new revision=$revision"
  elif [ -n "$text" ]; then
    printf '%s\n' "$text"
    tell live-cli "$1" "$1 -> live-cli bytes=${#text}"
  else
    tell empty "$1" "$1 -> live-cli bytes=0"
  fi
}

# Tells that nothing is printed: the text was to be composed because of $1, but $2.
nothing() {
  tell nothing "$1: $2" "$1 -> nothing: $2"
}

event="" late="" text="" cwd="" session="" source="" agent="" host=""
revision="" written="" project="" tokens=0 due=0 others="" speaker="" group="" lack=""
if [ ! -t 0 ]; then
  IFS= read -r -d '' -t 1 event
  [ $? -le 128 ] || late=yes # before bash 4 it cannot be told
fi
if answered_elsewhere; then exit 0; fi
find_session
find_since
case "$cwd" in
  *\\*) file="" ;; # needs real JSON decoding, which the live command does
  "") file="$store/.session-start-payload.cached.md" ;;
  *)
    encode "$cwd.md"
    file="$store/session-start/by-cwd/$encoded"
    [ "${#encoded}" -le "$longest_name" ] || file=""
    ;;
esac

if [ -n "$agent" ] && [ "${IAI_MCP_SUBAGENTS:-}" != 1 ]; then
  tell nothing "sub-agent" "nothing: a sub-agent, and IAI_MCP_SUBAGENTS is not 1"
  exit 0
fi
if [ -n "$file" ]; then
  read_file
fi
find_group
if [ -z "$text" ]; then
  live "cache-absent"
elif [ "${#text}" -gt "$largest" ]; then
  live "cache-too-large max=$largest"
elif ! find_head || ! find_age; then
  live "cache-damaged"
elif [ "$max_age" -gt 0 ] && { [ "$age" -gt "$max_age" ] || [ "$age" -lt -1 ]; }; then
  live "cache-stale age=${age}s max=${max_age}s"
elif [ "$group" = down ]; then
  live "group-down"
elif find_lack; then
  live "$lack"
elif repository_changed; then
  live "repository-changed"
elif [ -z "$since" ]; then
  printf '%s' "$text"
  tell cache-hit "age=${age}s" "cache-hit age=${age}s bytes=${#text}"
elif [ "$since" = "$revision" ]; then
  text="" tokens=0
  tell nothing-new "revision=$revision" "nothing-new revision=$revision"
elif [ -n "$speaker" ] && [ "$speaker" = "$session" ] && [ "$others" -le "$since" ]; then
  text="" tokens=0 revision="$since"
  tell nothing-new "revision=$since" "nothing-new revision=$since"
else
  live "newer-than revision=$since"
fi
exit 0
