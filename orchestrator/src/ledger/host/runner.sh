# The runner: one shell for each connection. It starts steps, follows them, and says how they ended. Nothing depends
# on its life: a step lives in a session or unit of its own, and the next runner finds everything in the ledger.
#
# POSIX sh for dash, bash and busybox. `nonce` is set before this; no step ever sees it. Standard output and standard
# error carry the step's own bytes; what the runner itself says is on standard output, from the nonce to the line's end.

say() { printf '%s %s\n' "$nonce" "$*"; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }

mask=$(umask)
umask 077
boot=
read -r boot 2>/dev/null < /proc/sys/kernel/random/boot_id

# open FOLDER RUN HOST SUDO: FOLDER is where ledgers are kept, empty for the usual place; HOST is what the inventory
# calls this host, since two installations of one machine have a ledger each.
open_ledger() {
  usual=$HOME/.ixporch
  state=${1:-$usual} run=$2 host=$3
  ledger=$state/runs/$run/$host keeper=setsid as_root=
  if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
      keeper=unit
    elif [ "$4" = yes ] && sudo -n -l systemd-run >/dev/null 2>&1; then
      keeper=unit as_root='sudo -n'
    fi
  fi
  # The last connection is the one that counts: what an earlier one sent may arrive late, and starts nothing then.
  read -r line < "/proc/$$/stat"
  # shellcheck disable=SC2086
  set -- ${line##*) }
  me=$$-${20}
  # Written over in place: a full disk must not take it away.
  # Whoever only looks has no ledger, and finds none.
  if [ "$run" != none ] && [ -f "$ledger/connection" ] && [ ! -L "$ledger/connection" ] && find_ledger && [ -z "$why" ]; then
    printf '%-40s\n' "$me" 1<>"$ledger/connection"
  fi
  # Whatever a login shell printed of its own on standard error ends here.
  printf '%s\n' "$nonce" >&2
  say ready "$boot" "$keeper"
}

made() { mkdir -p "$ledger" 2>/dev/null; }

# Makes the run's ledger, which nothing else makes; `why` tells why it was not made.
make_ledger() {
  login=$(id -un)
  why=$(own_folder "root $login" "$state")
  # Two hosts may share this login's home: the other one may remove a folder above, which is empty still, at this moment.
  [ -n "$why" ] || { umask 077 && { made || made || made; } && find_ledger; } || why="unmade - $ledger"
  [ -z "$why" ] || return 1
  { printf '%-40s\n' "$me" > "$ledger/connection" && sync "$ledger" "$state/runs/$run" "$state/runs" "$state"; } 2>/dev/null || {
    why="unmade - $ledger"
    return 1
  }
}

# Whether the run's ledger can be relied on; `why` tells why not.
find_ledger() {
  why=$(distrusted "root $(id -un)" "$state/runs" "$state/runs/$run" "$ledger")
}

# ask SCRIPT: answers a question; its output comes back as it is.
ask() {
  (
    umask "$mask"
    eval "$1"
  ) </dev/null
  set -- "$?"
  # Standard output and standard error arrive in any order: this tells that all of the latter has.
  printf '%s\n' "$nonce" >&2
  say end "$1"
}

# Whether the process that file $1 names lives, or anything in its session.
lives() {
  pid='' start='' its_boot=''
  read -r pid start its_boot 2>/dev/null < "$1" || return 1
  [ "$its_boot" = "$boot" ] || return 1
  if read -r line 2>/dev/null < "/proc/$pid/stat"; then
    # shellcheck disable=SC2086
    set -- ${line##*) }
    # A zombie has ended; another process that was given the same number began at another time.
    [ "$1" = Z ] || { [ "${20}" = "$start" ]; return; }
  fi
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null < "$stat" || continue
    # shellcheck disable=SC2086
    set -- ${line##*) }
    [ "$4" != "$pid" ] || [ "$1" = Z ] || return 0
  done
  return 1
}

# Whether the step in folder $1 runs, or is about to begin.
alive() {
  if [ -d "$1/begun" ]; then lives "$1/begun/process"; else lives "$1/started"; fi
}

# Whether the step in folder $1 has told its end: a power cut can leave a record without its content.
told() {
  read -r exit _ 2>/dev/null < "$1/rc" && [ -n "$exit" ]
}

# Takes away a claim whose body has not begun, so that it cannot begin any more; fails where it has.
take_away() {
  mv "$1" "$1.gone.$$" 2>/dev/null || return 1
  if [ -d "$1.gone.$$/begun" ]; then
    # It came at the last moment.
    mv "$1.gone.$$" "$1"
    return 1
  fi
  rm -rf "$1.gone.$$"
}

# step FOLDER EFFECT MODE BOOT OUT ERR SPEC: starts a step, or finds the one that was started. MODE is `new`, `adopt`
# where an earlier connection may have started it, or `anew` where the end of an earlier try was seen and a person said
# that it was not done; BOOT is the boot in which its start was decided, OUT and ERR are
# how many bytes of its output are known already.
step() {
  d=$ledger/$1 who=
  read -r who 2>/dev/null < "$ledger/connection"
  # What is there already may be looked at by whoever asks.
  if [ "$who" != "$me" ] && [ ! -e "$d/rc" ] && [ ! -d "$d/begun" ]; then
    if [ "$3$2" = adoptchange ]; then
      say end 0 lost-claim 0 "$5" "$6" whole
    else
      say not-started "the run's ledger $ledger is not there, or serves another connection"
    fi
    return
  fi
  # A person may have said that an earlier try of a change did nothing. Where its end was not known then, the host knows
  # better: it has ended after all, or runs still; one that has not begun must not begin later.
  for earlier in "$ledger/${1%.[0-9]*}" "$ledger/${1%.[0-9]*}".[0-9]*; do
    if [ "$2" = check ] || [ "$earlier" = "$d" ] || [ -d "$d" ] || [ ! -d "$earlier" ]; then
      :
    elif told "$earlier"; then
      [ "$3" = anew ] || d=$earlier
    elif [ ! -d "$earlier/begun" ] && take_away "$earlier"; then
      :
    elif alive "$earlier"; then
      say end 0 still-running 0 "$5" "$6" whole
      return
    fi
  done
  if why=$(mkdir "$d" 2>&1); then
    # The claim may have been lost with the power, and the body may have run.
    if [ "$3$2" = adoptchange ] && [ "$4" != "$boot" ]; then
      rmdir "$d"
      say end 0 lost-claim 0 "$5" "$6" whole
      return
    fi
    claim "$1" "$2" "$7" || {
      rm -rf "$d"
      say not-started "the ledger cannot be written: is the disk of $state full?"
      return
    }
  elif [ ! -d "$d" ]; then
    say not-started "$why"
    return
  elif told "$d"; then
    :
  elif [ ! -d "$d/begun" ]; then
    # The body has not run: this claim is still good. Whoever makes `begun` first runs it, so it cannot run twice.
    claim "$1" "$2" "$7"
  elif [ "$2" = check ] && [ "$who" = "$me" ] && ! alive "$d" && ! told "$d"; then
    # What only looks may look again, and what it had printed does not count.
    if rm -rf "$d" && [ ! -d "$d" ]; then
      say again
      step "$1" "$2" new "$4" 0 0 "$7"
    else
      say not-started "$d cannot be removed"
    fi
    return
  fi
  follow "$5" "$6"
}

# Makes a claim good and starts the step's own process. Nothing is written over: a process of an earlier try may just
# be starting.
claim() {
  # What ends the step must find room on a full disk: the record is written now, and only overwritten then; names that
  # say something are there already, and only changed then.
  {
    printf '%s\n' "$3" > "$d/spec.$$" && mv "$d/spec.$$" "$d/spec" &&
      { [ -e "$d/rc.tmp" ] || printf '%-126s\n' '' > "$d/rc.tmp"; } && : >> "$d/out.0" && : >> "$d/err.0" &&
      : >> "$d/out-whole" && : >> "$d/err-whole" && : >> "$d/room" &&
      { export -p && printf 'umask %s\n' "$mask"; } > "$d/environment.$$" && mv "$d/environment.$$" "$d/environment"
  } 2>/dev/null || return 1
  [ "$2" = check ] || sync "$d/spec" "$d/rc.tmp" "$d" "$ledger" 2>/dev/null
  # --uid is the login's: what runs as another user comes to it as it always does.
  # shellcheck disable=SC2086
  if [ "$keeper" = unit ] && $as_root systemd-run --quiet --collect --unit="ixporch-$run-$host-$1" --description="ixporch: $1" \
    --uid="$(id -u)" --gid="$(id -g)" --working-directory="$PWD" -p KillMode=process -p IgnoreSIGPIPE=no \
    -p StandardOutput=null -p StandardError=null /bin/sh "$d/spec" </dev/null >/dev/null 2>&1; then
    echo unit > "$d/keeper"
  else
    echo setsid > "$d/keeper"
    setsid sh "$d/spec" </dev/null >/dev/null 2>&1 &
  fi 2>/dev/null
}

# Whether a step that has not begun is given up: its process did not come within 10 s, and must not come later.
never_comes() { [ "$polls" -gt 200 ] && ! alive "$d" && take_away "$d"; }

# The first segment of stream $1 that begins after byte $2, as `next`; segments are named by the byte they begin at.
next_segment() {
  next=
  for file in "$d/$1".*; do
    number=${file##*.}
    case $number in *[!0-9]*) continue ;; esac
    if [ "$number" -gt "$2" ] && { [ -z "$next" ] || [ "$number" -lt "$next" ]; }; then next=$number; fi
  done
}

# Opens stream $1 as descriptor $2 at byte $3, in the last segment that begins before it.
open_stream() {
  at=0
  while next_segment "$1" "$at" && [ -n "$next" ] && [ "$next" -le "$3" ]; do at=$next; done
  eval "$1_at=$at; exec $2<\"\$d/$1.\$at\""
  [ "$3" = "$at" ] || dd bs=1 skip="$(($3 - at))" count=0 <&"$2" 2>/dev/null
}

# Passes on what stream $1, open as descriptor $2, has got meanwhile; $3 is where to.
pump() {
  while :; do
    # Nobody listens any more: the next runner goes on.
    cat <&"$2" >&"$3" || exit 1
    eval "at=\$$1_at"
    next_segment "$1" "$at"
    [ -n "$next" ] || return 0
    # This segment is complete: its rest, then the next one that is still there.
    cat <&"$2" >&"$3" || exit 1
    read -r _ position < "/proc/self/fdinfo/$2"
    end=$((at + position))
    until eval "command exec $2<\"\$d/$1.\$next\"" 2>/dev/null; do
      at=$next
      next_segment "$1" "$at"
      [ -n "$next" ] || { nap 0.01; next=$at; }
    done
    eval "$1_at=$next"
    [ "$next" = "$end" ] || say gap "$1" "$((next - end))"
  done
}

# Whether stream $1 may have got something since it was last passed on; without this, every look costs a process. What was
# written in the moment of the look counts as written later. A clock that was set back only delays what is passed on.
may_have_more() {
  eval "at=\$$1_at"
  next_segment "$1" "$at"
  # POSIX has no -nt; dash, bash and busybox do.
  # shellcheck disable=SC3013
  [ -n "$next" ] || [ ! "$d/looked-$1" -nt "$d/$1.$at" ]
}

# Notes the moment of a look at stream $1.
look_at() { command : 2>/dev/null > "$d/looked-$1"; }

# How many bytes stream $1 has.
length_of() {
  at=0
  while next_segment "$1" "$at" && [ -n "$next" ]; do at=$next; done
  echo "$((at + $(wc -c < "$d/$1.$at")))"
}

# follow OUT ERR: passes on the step's output from these bytes on, and says how it ended.
follow() {
  open_stream out 5 "$1"
  open_stream err 6 "$2"
  polls=0 idle=0 ended='' everything=''
  while :; do
    # Whatever was printed before the end was seen is passed on after it. A step has vanished only where it had begun
    # before its process was looked for in vain.
    if [ -e "$d/rc" ]; then
      ended=yes
    elif [ ! -d "$d" ]; then
      ended=gone
    elif [ -d "$d/begun" ]; then
      [ "$polls" -le 8 ] || alive "$d" || [ -e "$d/rc" ] || ended=vanished
    elif never_comes; then
      say not-started 'its process did not come up within 10 s'
      break
    fi
    # An earlier connection may have looked, and passed on less than this one is asked for.
    [ "$polls" != 0 ] && [ -z "$ended" ] || everything=yes
    if [ -n "$everything" ] || may_have_more out; then
      look_at out
      pump out 5 1
      idle=0
    fi
    if [ -n "$everything" ] || may_have_more err; then
      look_at err
      pump err 6 2
      idle=0
    fi
    [ -z "$ended" ] || break
    everything='' polls=$((polls + 1)) idle=$((idle + 1))
    # A step that has been silent for seconds is not looked at so often: the host has work of its own.
    if [ "$polls" -lt 5 ]; then nap 0.01; elif [ "$idle" -lt 60 ] || [ ! -d "$d/begun" ]; then nap 0.05; else nap 0.2; fi
  done
  exec 5<&- 6<&-
  by='' cut=whole exit='' word='' milliseconds=''
  [ "$ended" != gone ] || say end 0 lost-claim 0 "$1" "$2" whole
  [ -d "$d" ] && [ -n "$ended" ] || return
  read -r by 2>/dev/null < "$d/keeper"
  [ -e "$d/out-whole" ] && [ -e "$d/err-whole" ] || cut='cut'
  [ "$ended" = vanished ] || read -r exit word milliseconds < "$d/rc"
  # A power cut can leave a record without its content.
  case ${exit:-x}${milliseconds:-x} in
  *[!0-9]*)
    word=$(sh "$d/spec" prove 2>/dev/null)
    exit=0 word=vanished-$word milliseconds=0
    ;;
  esac
  say end "$exit" "$word" "$milliseconds" "$(length_of out)" "$(length_of err)" "$cut" "$by"
}
