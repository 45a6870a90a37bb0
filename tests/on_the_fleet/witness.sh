#!/bin/sh
# Stands in for timeout(1) on a host of the fleet: counts the bodies of steps, which all pass here, and holds them where a
# test wants it. Everything else is the machine's own.
mark=
for word in "$@"; do
  case $word in IXPORCH_STEP=*) mark=${word#IXPORCH_STEP=}; break ;; esac
done
[ -n "$mark" ] || exec /usr/bin/timeout "$@"
step=${mark##*/}
step=${step#*-}
step=${step%%.*}
witness=/var/lib/witness
hold() {
  [ -e "$witness/hold/$step.$1" ] || return
  : > "$witness/held/$step.$1"
  while [ -e "$witness/hold/$step.$1" ]; do sleep 0.02; done
}
echo "$step" >> "$witness/bodies"
sync "$witness/bodies"
hold start
[ -e "$witness/hold/$step.end" ] || exec /usr/bin/timeout "$@"
/usr/bin/timeout "$@"
code=$?
hold end
exit "$code"
