# sh -c TEXT sh FOLDER USER: makes the folder of backups, in which root keeps records, and in it the one of this host, which
# is the web user's own. Behind trust.sh. IXPORCH_STEP is run/host/step.
umask 077
login=$(id -un)
why=$(own_folder "root $login" "$1" 066)
if [ -n "$why" ]; then
  path=${why#* } path=${path#* }
  case $why in
  foreign*) echo "$path does not belong to root: chown root $path" ;;
  writable*) echo "$path can be written by other users: chown root $path; chmod 711 $path" ;;
  link*) echo "$path is a link, or is not a folder" ;;
  *) echo "$path cannot be created or checked" ;;
  esac >&2
  exit 1
fi
host=${IXPORCH_STEP#*/}
own=$1/${host%%/*}
if [ -L "$own" ] || { [ -e "$own" ] && [ ! -d "$own" ]; }; then
  echo "$own is a link, or is not a folder" >&2
  exit 1
elif [ -d "$own" ]; then
  owner=$(stat -c %U "$own")
  # What is root's and empty may be given away: a disk of its own, or what a killed run left.
  if [ "$owner" = "$login" ] && [ "$owner" != "$2" ] && [ -z "$(find "$own" -mindepth 1 ! -name lost+found | head -n 1)" ]; then
    chown "$2" "$own" || exit 1
    owner=$2
  fi
  [ "$owner" = "$2" ] || {
    echo "$own belongs to $owner, not to $2: move it away, or set backup_dir to another folder" >&2
    exit 1
  }
else
  mkdir "$own" && chown "$2" "$own" || exit 1
fi
chmod 700 "$own"
