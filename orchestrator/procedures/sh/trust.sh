# Who may change what ixporch relies on (docs/concepts/trust.md). Needs stat(1) of coreutils or of busybox.

# is_own_group GROUP: whether a group has nobody in it but `users`: it is named as one of them, and has no other members.
# IXP Manager's installation script leaves a tree of root that group root may write to.
is_own_group() {
  case $users in *" $1 "*) ;; *) return 1 ;; esac
  members=$(getent group "$1" 2>/dev/null) || members=$(grep "^$1:" /etc/group 2>/dev/null) || return 1
  members=${members##*:}
  while [ -n "$members" ]; do
    case $users in *" ${members%%,*} "*) ;; *) return 1 ;; esac
    case $members in *,*) members=${members#*,} ;; *) members='' ;; esac
  done
}

# distrusted USERS PATH...: prints the first of the paths, or of the folders on the way to them, that somebody besides
# USERS may change: `foreign OWNER PATH`, `writable MODE PATH`, `link - PATH`, or `unseen - PATH` where stat(1) is missing.
# What does not exist is passed over.
distrusted() (
  LC_ALL=C; export LC_ALL
  users=" $1 " first=$2; shift
  {
    stat -c 'end %U %a %G %F|%n' "$@"
    for path; do
      while path=${path%/*} && [ -n "$path" ]; do set -- "$@" "$path"; done
    done
    stat -c 'way %U %a %G %F|%n' / "$@"
  } 2>/dev/null | {
    path=
    while IFS= read -r line; do
      path=${line#*|}
      # shellcheck disable=SC2086
      set -f && set -- ${line%%|*}
      case $users in
      *" $2 "*) ;;
      *) echo "foreign $2 $path"; break ;;
      esac
      case "$1 $3 $5" in
      "end "*" symbolic") echo "link - $path"; break ;;
      # Its own mode says nothing, and what it leads to is looked at, too.
      "way "*" symbolic") ;;
      # Nobody can take away another one's file there.
      "way "[1357]???" directory") ;;
      *" "*[2367]" "*) echo "writable $3 $path"; break ;;
      *" "*[2367]?" "*) is_own_group "$4" || { echo "writable $3 $path"; break; } ;;
      esac
    done
    # The root folder is always there.
    [ -n "$path" ] || echo "unseen - $first"
  }
)

# Where a folder really is; nothing where it cannot be entered.
physical() { (cd -P -- "$1" 2>/dev/null && pwd -P); }

# tree_distrusted USERS ROOT: the same for what git relies on in the installation ROOT; `absent - ROOT` where it has no
# `.git`, `unseen - ROOT` where this user cannot enter it.
tree_distrusted() {
  tree=$(physical "$2")
  if [ -z "$tree" ]; then
    if [ -e "$2" ]; then echo "unseen - $2"; else echo "absent - $2"; fi
  elif [ -d "$tree/.git" ] && [ ! -L "$tree/.git" ]; then
    git=$tree/.git
    distrusted "$1" "$2/." "$tree" "$git" "$git/HEAD" "$git/config" "$git/config.worktree" "$git/hooks" "$git/hooks"/* \
      "$git/info" "$git/info"/* "$git/refs" "$git/objects" "$git/packed-refs"
  elif [ -e "$tree/.git" ] || [ -L "$tree/.git" ]; then
    echo "link - $tree/.git"
  else
    echo "absent - $2"
  fi
}

# own_folder USERS FOLDER [UMASK]: makes a folder that only this login may enter, or finds it; prints why it must not be relied
# on, or nothing. It is a function of the shell that makes files in it.
own_folder() {
  above=${2%/}
  while [ -n "$above" ] && [ ! -e "$above" ] && [ ! -L "$above" ]; do above=${above%/*}; done
  if [ "$above" != "${2%/}" ]; then
    why=$(distrusted "$1" "$above/new" "$(physical "${above:-/}")/new")
    [ -n "$why" ] || (umask "${3:-077}" && mkdir -p -- "$2" 2>/dev/null) || why="unmade - $2"
  elif [ -d "$above" ] && [ ! -L "$above" ]; then
    why=
  else
    why="link - $2"
  fi
  [ -n "$why" ] || why=$(distrusted "$1" "${2%/}" "$(physical "$2")")
  printf '%s' "$why"
}
