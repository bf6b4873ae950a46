#!/usr/bin/env bash
# SessionStart hook: prints what iai remembers for this session. Usually that is a file, kept ready
# by the group. If the file is missing, may be out of date or holds words of the session itself, or
# the session goes on from before, `iai session-start` composes the text now, whether or not the
# group is running. Other programs that run this hook get nothing.
# As a PreToolUse hook, installed only where IAI_MCP_FILE_HISTORY is set: prints what earlier
# sessions did to a file that the agent is about to read or change, from another such file.
# Prints the current text or nothing, within a second, and always exits 0. Adds a line to
# logs/recall-hook.log and to the ledger; with IAI_MCP_DRY_RUN=1, only to standard error. With
# IAI_MCP_DRY_RUN=files, in addition, it leaves composing to its caller: see iai/admin/preview.py.
# Needs bash 3.2 and the standard tools.

export LC_ALL=C TZ=UTC0
umask 077
[ -n "${IAI_MCP_STORE:-}${1:-}${HOME:-}" ] || exit 0 # no store, and nowhere to log
export IAI_MCP_STORE="${IAI_MCP_STORE:-${1:-$HOME/.iai-mcp}}" # $1: the store it was installed for
store="$IAI_MCP_STORE"
for place in "$store" "$store"/*/ "$store/.session-start-payload.cached.md"; do
  [ ! -e "$place" ] || [ -O "$place" ] || exit 0 # another user's, who could say anything here
done
deliveries="$store/session-start/given" # a file per session; see iai/session_start/deliveries.py
everywhere="$store/.session-start-payload.cached.md" # the payload of no directory
longest_name=255 # bytes of a file name
longest_id=128   # bytes of a session's id
largest=36000    # bytes of a payload: 9,000 characters; as JSON, up to twice that
short=1024       # bytes of an event that are read at once
longest_log=8192 # KB of a log or ledger; iai rotates logs of 5 MB
many=100         # events in the spool that take ingest longer than a few milliseconds
most_days=400    # of ledgers of hooks; iai keeps fewer
most_tokens=300  # of the history of files; see iai/payload/file_notes.py
head='^<!-- iai revision=([0-9]+) generated_at=([^ ]+) project=(.*) tokens=([0-9]+) -->$'
d='[0-9]' iso="$d$d$d$d-$d$d-$d${d}T$d$d:$d$d:$d${d}Z"
payload='<!-- iai revision=.*<!-- /iai -->'
numbered='^[^#]*#([0-9]+)'
tab=$'\t' newline=$'\n'
shown="<!-- iai revision=[^$newline]*$newline\{\"systemMessage\".*\"\}\}" # see `as_json`

event="" late="" text="" file=""
cwd="" agent_id="" session_id="" source="" transcript_path="" host=""
hook_event_name="" file_path="" notebook_path=""
revision="" written="" project="" tokens=0
as_json="" # is `text` the payload as JSON, behind the payload's first line?

# Sets the variable $1 to the event's field of that name, still JSON-encoded. Leaves it empty if the
# field isn't a string, or doesn't match $2.
read_field() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*\"(${2:-[^\"]*})\""
  if [[ $event =~ $pattern ]]; then printf -v "$1" '%s' "${BASH_REMATCH[1]}"; fi
}

# Reads the event. What goes into a file name or the ledger must need no escaping there.
read_event() {
  if [ ! -t 0 ]; then
    IFS= read -r -d '' -n "$short" -t 1 event
    case $? in
      # `read` takes a pipe byte by byte. Bash warns of a NUL byte, which no JSON holds.
      0) { event="$event$(head -c 15360 && cat >/dev/null)"; } 2>/dev/null ;;
      1) ;;
      *) late=yes ;; # before bash 4, a timeout looks like the end of the input
    esac
  fi
  read_field cwd
  read_field agent_id # only sub-agents have one
  read_field session_id '[A-Za-z0-9_-][A-Za-z0-9._-]*'
  [ "${#session_id}" -le "$longest_id" ] || session_id="" # {0,127} is slow to compile
  read_field source 'startup|clear|fork|resume|compact'
  read_field transcript_path
  read_field hook_event_name
  case "$transcript_path" in
    */.codex/* | */rollout-*) host=codex ;;
    */.claude/*) host=claude ;;
    *) host="${PLUGIN_ROOT:+codex}" host="${host:-${CLAUDE_PROJECT_DIR:+claude}}" ;;
  esac
}

# Is it an event of another program that runs the hooks in Claude Code's settings? The rules are
# those of iai/ingest/spool.py.
of_another_program() {
  case "$event" in
    *'"cursor_version"'* | *'"conversation_id"'* | *'"workspace_roots"'*) return 0 ;;
    *'"sessionId"'* | *'"hookEventName"'* | *'"transcriptPath"'* | *'"workspaceRoot"'*) return 0 ;;
    *'"sessionID"'* | *'"hookName"'* | *'"workspaceRoots"'* | *'"workspacePaths"'*) return 0 ;;
    *'"sessionFile"'* | *'"conversationId"'* | *'"threadId"'* | *'"taskId"'*) return 0 ;;
    *'"working_dir"'* | *'"hook_source"'*) return 0 ;;
  esac
  case "$hook_event_name" in [a-z]*) return 0 ;; esac
  case "$event" in
    *'"timestamp"'*) [ -n "$transcript_path" ] || return 0 ;;
    *'"transcript_path"'* | *'"cwd"'*) ;;
    *'"hook_event_name"'*) return 0 ;;
  esac
  case "${transcript_path//\\//}" in
    */.copilot/* | */.cursor/* | */.grok/* | */.gemini/* | */.qwen/* | */.factory/*) return 0 ;;
    */.codebuddy/* | */.iflow/* | */.augment/* | */.kiro/* | */.windsurf/*) return 0 ;;
    */.kimi/* | */.pi/* | */.trae/*) return 0 ;;
  esac
  case "$hook_event_name,$event" in
    *'"source"'* | *'"transcript_path"'*) ;;
    SessionStart,*) return 0 ;;
  esac
  return 1
}

# Sets `at` and `at_ns` to the time.
read_clock() {
  if [ -n "${EPOCHREALTIME:-}" ]; then
    printf -v at '%(%Y-%m-%dT%H:%M:%SZ)T' -1
    at_ns="${EPOCHREALTIME/./}000"
  else # before bash 5
    at=$(date '+%Y-%m-%dT%H:%M:%SZ %s000000000')
    at_ns="${at#* }"
    at="${at% *}"
  fi
}

# If the user's own settings call this hook too, the plugin's copy leaves the session to that one.
answered_elsewhere() {
  local settings="${CLAUDE_CONFIG_DIR:-$HOME/.claude}/settings.json" text=""
  case "$0" in "${CLAUDE_PLUGIN_ROOT:-/nowhere}"/*) ;; *) return 1 ;; esac
  if [ -n "${PLUGIN_ROOT:-}" ]; then settings="${CODEX_HOME:-$HOME/.codex}/hooks.json"; fi
  [ -f "$settings" ] && { IFS= read -r -d '' text <"$settings"; } 2>/dev/null
  [[ $text == *iai-mcp-session-recall.sh* ]]
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
      printf -v code '%d' "'$rest" # its first byte
      printf -v char '%%%02X' "$((code & 255))"
    fi
    encoded="$encoded$plain$char"
    rest="${rest#?}"
  done
}

# Sets `file` and `text` to the payload for `cwd`, if there is one. For Claude Code there may be a file
# beside it with the same text as JSON, and a line that the person sees: see iai/freshness/claude_file.py.
find_payload() {
  find_file
  [ -n "$file" ] || return
  if [ "$host" = claude ] && [ -f "${file%.md}.claude" ]; then
    file="${file%.md}.claude" largest=$((largest * 2))
    read_file
    case "$text" in *'"}}'"$newline") as_json=yes && return ;; esac
    file="${file%.claude}.md" largest=$((largest / 2))
  fi
  read_file
}

# Sets `file` to the payload for `cwd`; "" if only the live command can find out.
find_file() {
  case "$cwd" in
    "") file="$everywhere" ;;
    *\\*) ;; # needs a real JSON decoder
    *)
      encode "$cwd.md"
      [ "${#encoded}" -gt "$longest_name" ] || file="$store/session-start/by-cwd/$encoded"
      ;;
  esac
}

# Sets variables to the words of the first line of the file $1. A pipe in its place would never end.
read_line() {
  [ -f "$1" ] && { read -r "${@:2}" <"$1"; } 2>/dev/null
}

# Sets `text` to the contents of `file`, or as much of it as shows that it is too large.
read_file() {
  [ -f "$file" ] && { IFS= read -r -d '' -n "$((largest + 1))" text <"$file"; } 2>/dev/null
}

# Sets `revision`, `written` (seconds since 1970), `project` and `tokens` from the first line of
# `text`; fails if `text` is not a payload. A file's modification time would cost a fork.
read_head() {
  local at year month days
  [[ ${text%%$'\n'*} =~ $head ]] || return
  revision="${BASH_REMATCH[1]}" at="${BASH_REMATCH[2]}"
  project="${BASH_REMATCH[3]}" tokens="${BASH_REMATCH[4]}"
  # shellcheck disable=SC2053 # a pattern
  [[ $at == $iso ]] || return
  # Years that begin in March end with the leap day: howardhinnant.github.io/date_algorithms
  month=$(((10#${at:5:2} + 9) % 12))
  year=$((10#${at:0:4} - month / 10))
  days=$((year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5))
  days=$((days + 10#${at:8:2} - 719469))
  written=$((((days * 24 + 10#${at:11:2}) * 60 + 10#${at:14:2}) * 60 + 10#${at:17:2}))
}

# Is the payload kept off the disk (IAI_MCP_PAYLOAD=live)? Then only the global file is there, and
# says so: see `off_disk` in iai/model/framing.py.
off_disk() {
  local mark=""
  [ "${IAI_MCP_PAYLOAD:-}" = live ] && return
  [ -z "$text" ] || [ -z "$cwd" ] || return
  [ -f "$everywhere" ] && { read -r _ && read -r mark; } <"$everywhere" 2>/dev/null
  [ "$mark" = "composed at each start" ]
}

# Is the payload older than the limit, or from the future? Sets `age` and `max_age` (seconds).
too_old() {
  max_age="${IAI_MCP_SESSION_CACHE_MAX_AGE_SEC:-}"
  if [ -z "$max_age" ]; then read_line "$store/run/max-age" max_age; fi # the group's
  case "$max_age" in "" | *[!0-9]*) max_age=43200 ;; esac
  age=$((${at_ns%?????????} - written))
  [ "$max_age" -gt 0 ] && { [ "$age" -gt "$max_age" ] || [ "$age" -lt -1 ]; }
}

# Sets `group` to `up`, to `stopped` if it was shut down in order and has written all it knew, or to
# `down`. /proc, if there is one, shows whether the pid was reused or belongs to a zombie.
find_group() {
  local pid="" title="iai: supervisor"
  group=stopped
  read_line "$store/run/group.lock" pid
  [ -n "$pid" ] || return
  group=down
  case "$pid" in *[!0-9]*) return ;; esac # a second word: the group is incomplete
  kill -0 "$pid" 2>/dev/null || return
  if [ -e "/proc/$pid/cmdline" ]; then IFS= read -r -d '' title <"/proc/$pid/cmdline"; fi 2>/dev/null
  [ "${title#iai: }" = "$title" ] || group=up
}

# Does the text lack something it must hold, or hold words of this session? Gives a running group a
# few milliseconds to add what is missing, then sets `unfit` to the reason. Ingest writes the line
# with the required revision and the last session (see iai/freshness/required_revision.py) before it
# removes the event from the spool: read it last.
unfit() {
  local due last looks=0
  while :; do
    set -- "$store"/spool/new/*.json
    due=0 last=""
    read_line "${file%.*}.news" due _ last
    case "$due" in "" | *[!0-9]*) due=0 ;; esac
    if [ -n "$session_id" ] && [ "$last" = "$session_id" ]; then
      unfit="own-words"
      return
    elif [ -e "$1" ]; then
      unfit="spool-waiting"
    elif [ "$revision" -lt "$due" ]; then
      unfit="change-waiting revision=$revision"
    else
      return 1
    fi
    looks=$((looks + 1))
    [ "$group" = up ] && [ "$looks" -lt 10 ] && [ "$#" -lt "$many" ] || return 0
    sleep 0.001 2>/dev/null
    read_file
    read_head || return 0
  done
}

# Has a repository's configuration changed since the payload was written? The directory may belong
# to another project now. Or was a branch checked out? git replaces HEAD then, not with a commit.
repository_changed() {
  local above="${cwd%/}" git
  while [ "${above#/}" != "$above" ]; do
    [ "$above/.git/config" -nt "$file" ] && return 0
    [ "$above/.git/HEAD" -nt "$file" ] && return 0
    if [ -f "$above/.git" ]; then # of a worktree, whose HEAD is elsewhere
      [ "$above/.git" -nt "$file" ] && return 0
      { IFS= read -r git <"$above/.git"; } 2>/dev/null
      [ "${git#gitdir: }/HEAD" -nt "$file" ] && return 0
    fi
    [ "$above/.iai-project" -nt "$file" ] && return 0
    above="${above%/*}"
  done
  return 1
}

# Sets `text` to what `iai session-start` prints, or `fault` to why there is none. It gets 0.9 s.
# A session that goes on gets only what is new to it.
compose() {
  local command="" status
  fault="standard input did not end within 1 s"
  [ -z "$late" ] || return
  fault="the command iai was not found"
  read_line "$store/run/command" command
  [ -x "$command" ] || command=$(command -v iai) || return
  if [ "${IAI_MCP_DRY_RUN:-}" = files ]; then
    text="" fault=""
    return
  fi
  text=$(
    exec 2>/dev/null
    [ "$host" != claude ] || export IAI_MCP_START_MESSAGE_AS_JSON=1
    set -m # own process groups: nothing survives to hold the pipe open
    "$command" session-start --hook ${goes_on:+"--new-to=$goes_on"} <<<"$event" 2>&1 &
    worker=$!
    (sleep 0.9 && kill -9 -- "-$worker") >/dev/null &
    watchdog=$!
    wait "$worker"
    status=$?
    kill -- "-$watchdog"
    exit "$status"
  )
  status=$?
  fault="took longer than 0.9 s"
  [ "$status" -ne 137 ] || return
  fault="${text##*$'\n'}" # the last line says what went wrong
  fault="${fault//[[:cntrl:]]/ }"
  fault="exit $status: ${fault:0:200}"
  [ "$status" -eq 0 ] || return
  fault="" as_json=""
  if [[ $text =~ $shown ]]; then
    text="${BASH_REMATCH[0]}" as_json=yes
  elif [[ $text =~ $payload ]]; then
    text="${BASH_REMATCH[0]}" # without warnings
  fi
}

# Prints a text composed now, because of $1.
live() {
  compose
  revision="" project="" tokens=0
  if [ -n "$fault" ]; then
    text=""
    tell nothing "$1: $fault" "$1 -> nothing: $fault"
  elif ! read_head; then
    text=""
    tell empty "$1" "$1 -> live-cli bytes=0"
  elif [ "$tokens" -eq 0 ]; then
    text=""
    tell nothing-new "$1" "$1 -> nothing-new revision=$revision"
  else
    [ -z "$as_json" ] || text="${text#*"$newline"}" # its first line is only for us
    printf '%s\n' "$text"
    tell live-cli "$1" "$1 -> live-cli bytes=${#text}"
  fi
}

# Prints what earlier sessions did to the files that the agent is about to read or change, each once
# in a session, or nothing if 150 ms have passed. Stays silent in sub-agents and for other programs.
file_history() {
  local given="" paths="" path opening="" lines="" labels="" shown=""
  [ -n "$session_id" ] && [ -z "$agent_id" ] && ! of_another_program || return
  [ ! -f "$deliveries/$session_id.files" ] ||
    { IFS= read -r -d '' given <"$deliveries/$session_id.files"; } 2>/dev/null
  find_paths
  while IFS= read -r path; do
    path="${path#'*** '* File: }"
    case "$path" in /*) ;; *) path="$cwd/$path" ;; esac
    case "$newline$given$shown" in *"$newline$path$newline"*) ;; *) add_history "$path" ;; esac
  done <<<"$paths"
  [ -n "$lines" ] && ! too_late || return
  text="${opening%tokens=*}tokens=$tokens -->\\n$preface$lines\\n<!-- /iai -->\\n"
  printf '{"hookSpecificOutput":{"hookEventName":"PreToolUse","additionalContext":"%s"}}\n' "$text"
  source="file"
  [ -n "${IAI_MCP_DRY_RUN:-}" ] || {
    shown="${shown%"$newline"}"
    add_to_ledger file-history "${shown//$newline/, }"
    append "$deliveries/$session_id" "0$labels"
    append "$deliveries/$session_id.files" "$shown"
  } 2>/dev/null
}

# Have 150 ms passed since `at_ns`? Before bash 5, that is not known.
too_late() {
  local now="${EPOCHREALTIME:-}"
  [ -n "$now" ] && [ "$((${now/./}000 - at_ns))" -gt 150000000 ]
}

# Sets `paths` to those in the event that need no JSON decoder, a line each: the one that a tool of
# Claude Code was given, or the headings of a patch.
find_paths() {
  read_field file_path '[^"\\]+'
  read_field notebook_path '[^"\\]+'
  paths="$file_path$notebook_path"
  case "$paths$event" in
    /*) ;;
    *'*** Begin Patch'*)
      paths=$(grep -oE '\*\*\* (Add|Update|Delete) File: [^"\\]+' <<<"$event")
      ;;
  esac
}

# Adds the history of the file $1 to `lines`, their records to `labels`, their tokens to `tokens`, and
# the file to `shown`, as far as there is room.
add_history() {
  local above="${1%/*}" notes where session cost label line
  while [ -n "$above" ]; do
    encode "$above.files"
    notes="$store/session-start/by-cwd/$encoded"
    if [ -f "$notes" ]; then
      while IFS="$tab" read -r where session cost label line; do
        [ "$where" = "${1#"$above"/}" ] && [ "$session" != "$session_id" ] || continue
        [ -n "$opening" ] || begin_history "$notes" || return
        [ "$((tokens + cost))" -le "$most_tokens" ] || return
        tokens=$((tokens + cost))
        lines="$lines\\n$line" labels="$labels $label"
        case "$shown" in *"$1$newline") ;; *) shown="$shown$1$newline" ;; esac
      done <<<"$(grep -F -- "$tab${1#"$above"/}$tab" "$notes")"
    fi
    above="${above%/*}"
  done
}

# Reads the first lines of the file $1: the frame's, which `read_head` takes apart, and the preface.
begin_history() {
  { read -r opening && read -r preface; } <"$1"
  text="$opening"
  read_head || opening=""
  [ -n "$opening" ]
}

# Records the outcome $1 and the reason $2; the log gets line $3.
tell() {
  if [ -n "${IAI_MCP_DRY_RUN:-}" ]; then
    printf '%s tokens=%s\n' "$3" "$tokens" >&2
  else
    record "$@" 2>/dev/null
  fi
}

# Appends the line $2 to the file $1, unless that is a link or a pipe, or as long as a file may be:
# nothing else bounds it while iai is down.
append() {
  [ ! -L "$1" ] && { [ -f "$1" ] || [ ! -e "$1" ]; } || return
  trap '' XFSZ
  ulimit -S -f "$longest_log"
  printf '%s\n' "$2" >>"$1"
  ulimit -S -f unlimited
}

record() {
  add_to_ledger "$1" "$2"
  append "$store/logs/recall-hook.log" "$at ${3//[! -~]/?}"
  if [ -n "$revision" ] && [ -n "$session_id" ] && [ -z "$agent_id" ]; then
    find_records
    append "$deliveries/$session_id" "$revision$records"
  fi
}

# Adds an entry with the outcome $1 and the reason $2 to the ledger.
add_to_ledger() {
  local directory line reason="${2//[\"\\]/ }"
  for directory in logs ledger session-start "${deliveries#"$store/"}"; do
    [ -d "$store/$directory" ] || mkdir "$store/$directory"
  done
  reason="${reason//[! -~]/?}"
  case "$project" in *[\"\\]*) project="" ;; esac
  # Short enough to be one write, so that lines of concurrent starts don't mix.
  printf -v line '{"at":"%s","at_ns":%s,"by":"hook","severity":"info","kind":"injected",%s,%s,%s}' \
    "$at" "$at_ns" "\"host\":\"$host\",\"session\":\"$session_id\",\"source\":\"$source\"" \
    "\"project\":\"${project:0:200}\",\"revision\":${revision:-0},\"bytes\":${#text}" \
    "\"tokens\":$tokens,\"outcome\":\"$1\",\"reason\":\"${reason:0:300}\""
  [ -e "$store/ledger/${at%%T*}.hook.jsonl" ] || drop_oldest
  append "$store/ledger/${at%%T*}.hook.jsonl" "$line"
}

# Once a day: deletes the oldest of the hooks' ledgers if there are too many, and what is noted of
# sessions that were given nothing for as long. While it runs, iai keeps both for `ledger_days`.
drop_oldest() {
  local days=("$store/ledger/"????-??-??.hook.jsonl)
  [ "${#days[@]}" -lt "$most_days" ] || rm -f "${days[0]}"
  find "$deliveries" -type f -mtime +"$most_days" -exec rm -f {} + </dev/null
}

# Sets `records` to the numbers of the records in `text`, so that no prompt's answer repeats them.
find_records() {
  local line
  records=""
  [ "${IAI_MCP_PROMPT_RECALL:-}" = 1 ] || return
  [ -z "$as_json" ] || text="${text//\\n/$newline}"
  while IFS= read -r line; do
    [[ $line != ">"* && $line =~ $numbered ]] && records="$records ${BASH_REMATCH[1]}"
  done <<<"$text"
}

read_clock
read_event
if [ "$hook_event_name" = PreToolUse ]; then
  file_history
  exit 0
fi
if answered_elsewhere; then exit 0; fi
if of_another_program; then
  host="" session_id=""
  tell nothing "another program's event" "nothing: another program's event"
  exit 0
fi
if [ -n "$agent_id" ] && [ "${IAI_MCP_SUBAGENTS:-}" != 1 ]; then
  tell nothing "sub-agent" "nothing: a sub-agent, and IAI_MCP_SUBAGENTS is not 1"
  exit 0
fi
find_payload
find_group
goes_on="" # the session, if it has its own words, and what it was given, in its context
[ "$source" != resume ] || goes_on="$session_id"
if [ -n "$goes_on" ] && [ -f "$deliveries/$goes_on" ]; then
  live "given-before"
elif [ -n "$goes_on" ]; then
  live "resumed"
elif [ "$source" = compact ]; then
  live "compacted"
elif off_disk; then
  live "payload-live"
elif [ -z "$text" ]; then
  live "cache-absent"
elif [ "${#text}" -gt "$largest" ]; then
  live "cache-too-large max=$largest"
elif ! read_head; then
  live "cache-damaged"
elif too_old; then
  live "cache-stale age=${age}s max=${max_age}s"
elif [ "$group" = down ]; then
  live "group-down"
elif unfit; then
  live "$unfit"
elif repository_changed; then
  live "repository-changed"
else
  [ -z "$as_json" ] || text="${text#*"$newline"}" # its first line is only for us
  printf '%s' "$text"
  tell cache-hit "age=${age}s" "cache-hit age=${age}s bytes=${#text}"
fi
exit 0
