#!/bin/sh
# Looks again and again for what must be nowhere: in the arguments of any process, and in the environment of those that
# ixporch's scripts start. (artisan hands its own environment to the `stty` that it starts; that is the application's.)
printf 'secret #1' > /root/pattern
while [ ! -e /root/enough ]; do
  for process in /proc/[0-9]*; do
    read -r name < "$process/comm" || continue
    files=$process/cmdline
    case $name in mysql* | mariadb* | zstd | gzip | tar | find | sync | php) files="$files $process/environ" ;; esac
    # shellcheck disable=SC2086
    ! grep -qaF -f /root/pattern $files || echo "$name"
  done 2>/dev/null >> /root/seen
  # What steps leave in the ledger, while it is there.
  grep -rlaF -f /root/pattern /root/.ixporch 2>/dev/null >> /root/seen
  echo >> /root/looks
done
