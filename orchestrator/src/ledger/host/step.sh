# The second part of every `spec`: the step's own process, which lives without any connection. The first part has
# defined `effect`, `guard` (prints why the step is not run, or nothing), `observe` (what its proof looks at), `judge`
# (what that shows) and `body`.

d=${0%/*}
if [ "${1-}" = prove ]; then
  # Its end was not seen: only what has changed since before its beginning proves anything.
  before=
  read -r before 2>/dev/null < "$d/begun/before"
  now=$(observe)
  if [ "$now" = "$before" ] && [ "$(judge "$before" "$now")" = held ]; then echo unclear; else judge "$before" "$now"; fi
  exit
fi

[ ! -e "$d/environment" ] || . "$d/environment"
mask=$(umask)
umask 077
read -r boot < /proc/sys/kernel/random/boot_id
read -r line < "/proc/$$/stat"
# shellcheck disable=SC2086
set -- ${line##*) }
process="$$ ${20} $boot"
# Whoever waits for the beginning waits as long as this process lives.
echo "$process" 2>/dev/null > "$d/started"

# In hundredths of a second since the host was booted.
uptime() {
  read -r now _ < /proc/uptime
  echo "${now%.*}${now#*.}"
}

# end EXIT WORD: the last act. The record has its room already.
end() {
  printf '%-126s\n' "$1 $2 $((($(uptime) - since) * 10))" 1<>"$d/rc.tmp" && mv "$d/rc.tmp" "$d/rc"
  [ "$effect" = check ] || sync "$d/rc" "$d" 2>/dev/null
  exit 0
}

# Whatever cannot be written before the body may not begin it. Another process of the same claim that is about to begin
# sees the name, which needs no room, and does not; one that has begun is left alone.
no_room() {
  mv "$d/room" "$d/no-room" 2>/dev/null
  [ -d "$d/begun" ] && exit 0
  end 0 no-room
}

# keep STREAM: keeps the beginning and the end of what it reads, in segments that are named by the byte they begin at.
# `dd` passes on what a read gives at once, and a full segment costs one process: that is what makes it fast.
keep() {
  at=0 size=0 old=
  while :; do
    if ! command exec 3>> "$d/$1.$at"; then full=yes; else full=; fi
    while [ -z "$full" ] && [ "$size" -lt 4194304 ]; do
      before=$size
      dd bs=65536 count=64 >&3 || full=yes
      read -r _ size < /proc/self/fdinfo/3
      # Nothing was read: this is its end.
      [ -n "$full" ] || [ "$size" -gt "$before" ] || break 2
    done
    if [ -n "$full" ]; then
      # The disk is full: the step goes on, its output is lost, and this name says so without needing room.
      mv "$d/$1-whole" "$d/$1-cut"
      cat > /dev/null
      break
    fi
    [ -z "$old" ] || rm -f "$d/$1.$old"
    [ "$at" = 0 ] || old=$at
    at=$((at + size)) size=0
  done 2>/dev/null
  # That this is gone says that the stream has ended.
  rm -f "$pipe-$1"
}

since=$(uptime)
word=$(guard)
before=$(observe)
pipe=$d/pipe.$$ mine=$d/begins.$$
{ mkfifo "$pipe-out" "$pipe-err" && mkdir "$mine" && printf '%s\n' "$before" > "$mine/before" &&
  echo "$process" > "$mine/process"; } 2>/dev/null || no_room
# Two processes may have come this far, by a connection that was lost and made again: a rename lets one of them pass.
# Without a beginning on disk the body never ran.
mv "$mine" "$d/begun" 2>/dev/null || no_room
[ ! -d "$d/begun/begins.$$" ] || exit 0
[ ! -e "$d/no-room" ] || end 0 no-room
rm -f "$d/environment"
[ -z "$word" ] || end 0 "$word"
[ "$effect" = check ] || sync "$d/begun/before" "$d/begun/process" "$d/begun" "$d" 2>/dev/null
keep out < "$pipe-out" &
keep err < "$pipe-err" &
since=$(uptime)
(
  umask "$mask"
  body
) </dev/null > "$pipe-out" 2> "$pipe-err"
exit=$?
# What the step left in the background may hold its output open: that is not waited for, and what it prints later is
# not kept, but it is read, so that it does not die of it.
tries=0
while { [ -e "$pipe-out" ] || [ -e "$pipe-err" ]; } && [ "$tries" -lt 100 ]; do
  tries=$((tries + 1))
  sleep 0.01 2>/dev/null || sleep 1
done
[ ! -e "$pipe-out" ] || mv "$d/out-whole" "$d/out-cut"
[ ! -e "$pipe-err" ] || mv "$d/err-whole" "$d/err-cut"
end "$exit" "$(judge "$before" "$(observe)")"
