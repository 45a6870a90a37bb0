# Questions, one after another: what the probe and the survey share. `root` is the installation, `sudo` says yes where it
# may be used. Lengths are counted in bytes (LC_ALL=C); a command substitution drops NULs and the last line breaks.
LC_ALL=C; export LC_ALL
me=$(id -un); uid=$(id -u)
as() {
  who=$1; shift
  if [ "$who" = "$me" ]; then "$@"
  elif [ "$uid" = 0 ]; then runuser -u "$who" -- "$@"
  elif [ "$sudo" = yes ]; then sudo -n -u "$who" -- "$@"
  else "$@"; fi
}
ask() {
  name=$1; shift
  text=$("$@" </dev/null 2>/dev/null); code=$?
  # A fact is a line or a few; what is longer is cut here, not on the controller.
  text=$(printf '%s' "$text" | head -c 65536)
  printf 'fact %s %s %s\n%s\n' "$name" "$code" "${#text}" "$text"
}
owner=$(as root stat -c %U "$root/.git" </dev/null 2>/dev/null) || owner=$(stat -c %U "$root/.git" 2>/dev/null) || owner=$me

# What runs left in the ledgers of this login: a line for each ledger, and one for each of its steps.
ledgers() {
  for folder in "$state"/runs/*/*/; do
    [ -d "$folder" ] || continue
    folder=${folder%/}
    of=${folder%/*}
    echo "ledger ${of##*/} ${folder##*/} $folder"
    for step in "$folder"/*/; do
      step=${step%/} exit=- id=- debt=- word=
      [ -e "$step/spec" ] || continue
      read -r _ _ id _ debt 2>/dev/null < "$step/spec"
      if told "$step"; then
        read -r exit word _ < "$step/rc"
        state_of=ended
        case $word in absent | present | blind | no-room) debt=- ;; esac
      elif alive "$step"; then
        state_of=running
      elif [ ! -d "$step/begun" ]; then
        state_of=claimed
      else
        state_of=vanished
      fi
      echo "step $state_of ${exit:--} $id ${debt:--}"
    done
  done
}
