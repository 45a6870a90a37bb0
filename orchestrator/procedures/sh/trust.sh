# Who may change what ixporch relies on (docs/concepts/trust.md). Needs stat(1), find(1) and readlink(1) of coreutils and
# findutils or of busybox. Users and groups are compared by their numbers.

# trust USERS: sets `ids` and `groups` to the numbers of these users and of their own groups.
trust() {
  ids=' ' groups=' '
  for user in $1; do
    id=$(id -u "$user" 2>/dev/null) && ids="$ids$id " && groups="$groups$(id -g "$user") "
  done
}

# is_own_group GID: whether nobody but trusted users is in a group. IXP Manager's installation script leaves a tree of root
# that group root may write to. An account that cannot log in does not count.
is_own_group() {
  case $groups in *" $1 "*) ;; *) return 1 ;; esac
  members=$(getent group "$1" 2>/dev/null) || members=$(grep "^[^:]*:[^:]*:$1:" /etc/group 2>/dev/null) || return 1
  others=$(
    IFS=,
    for member in ${members##*:}; do
      case $ids in *" $(id -u "$member" 2>/dev/null) "*) ;; *) echo "$member" ;; esac
    done
    { getent passwd 2>/dev/null || cat /etc/passwd; } | while IFS=: read -r _ _ uid gid _ _ shell; do
      case "$gid $shell" in
      "$1 "*/nologin | "$1 "*/false | "$1 "*/sync | "$1 "*/shutdown | "$1 "*/halt) ;;
      "$1 "*) case $ids in *" $uid "*) ;; *) echo "$uid" ;; esac ;;
      esac
    done
  )
  [ -z "$others" ]
}

# has_acl PATH: whether an access control list may let others write; with one the bits of the group are its mask.
has_acl() {
  # busybox shows none, so there it is not known.
  ls --version >/dev/null 2>&1 || return 0
  case $(ls -ld -- "$1" 2>/dev/null) in ??????????+*) return 0 ;; esac
  return 1
}

# distrusted USERS PATH...: prints the first of the paths, or of the folders and links on the way to them, that somebody
# besides USERS may change: `foreign OWNER PATH`, `writable MODE PATH`, `link - PATH`, or `unseen - PATH` where that cannot be
# told. What does not exist is passed over.
distrusted() (
  LC_ALL=C; export LC_ALL
  trust "$1"
  shift
  first=$1
  {
    stat -c 'end %u %g %a %f|%U|%n' "$@"
    for path; do
      case $path in /*) rest=$path ;; *) rest=$PWD/$path ;; esac
      at='' hops=0
      while [ -n "$rest" ]; do
        rest=${rest#/}
        part=${rest%%/*}
        case $rest in */*) rest=/${rest#*/} ;; *) rest='' ;; esac
        case $part in '' | .) continue ;; ..) at=${at%/*}; continue ;; esac
        set -- "$@" "$at/$part"
        if [ ! -L "$at/$part" ]; then
          at=$at/$part
          continue
        fi
        hops=$((hops + 1))
        target=$(readlink "$at/$part")
        if [ "$hops" -gt 40 ] || [ -z "$target" ]; then
          echo "unseen||$path"
          break
        fi
        case $target in /*) at='' rest=$target$rest ;; *) rest=/$target$rest ;; esac
      done
    done
    stat -c 'way %u %g %a %f|%U|%n' / "$@"
  } 2>/dev/null | {
    path=
    while IFS= read -r line; do
      owner=${line#*|}
      path=${owner#*|}
      owner=${owner%%|*}
      # shellcheck disable=SC2086
      set -f && set -- ${line%%|*}
      [ "$1" != unseen ] || { echo "unseen - $path"; break; }
      case $owner in *' '*) owner=$2 ;; esac
      case $ids in
      *" $2 "*) ;;
      *) echo "foreign $owner $path"; break ;;
      esac
      case "$1 $4 $5" in
      "end "*" a"???) echo "link - $path"; break ;;
      # Its own mode says nothing, and what it leads to is looked at, too.
      "way "*" a"???) ;;
      # Nobody can take away another one's file there.
      "way "[1357]???" 4"???) ;;
      *" "*[2367]" "*) echo "writable $4 $path"; break ;;
      *" "*[2367]?" "*) if ! is_own_group "$3" || has_acl "$path"; then echo "writable $4 $path"; break; fi ;;
      esac
    done
    # The root folder is always there.
    [ -n "$path" ] || echo "unseen - $first"
  }
)

# distrusted_below USERS FOLDER: the same for everything in a folder.
distrusted_below() (
  LC_ALL=C; export LC_ALL
  trust "$1"
  folder=$2 users=$1
  # A find(1) that lacks one of these tests would find nothing, as if all were well.
  [ -n "$(find "$folder" -prune -user 0 -perm -0002 -group 0 -print -o -type d ! -name '*/' -print 2>/dev/null)" ] || {
    echo "unseen - $folder"
    exit
  }
  # It matches nothing.
  set -- -name '*/'
  for group in $groups; do
    if is_own_group "$group"; then set -- "$@" -o -group "$group"; fi
  done
  strangers='' and=
  for id in $ids; do strangers="$strangers $and ! -user $id" and=-a; done
  # shellcheck disable=SC2086
  found=$(find "$folder" \( $strangers \) -print -o ! -type l \( -perm -0002 -o -perm -0020 ! \( "$@" \) \) -print \
    2>/dev/null | head -n 1)
  [ -z "$found" ] || { distrusted "$users" "$found"; exit; }
  # What the group may write, and the group is nobody else.
  if [ $# -gt 2 ] && [ -n "$(find "$folder" ! -type l -perm -0020 \( "$@" \) -print 2>/dev/null | head -n 1)" ] &&
    { ! ls --version >/dev/null 2>&1 ||
      find "$folder" ! -type l -perm -0020 -exec ls -ld {} + 2>/dev/null | grep -q '^..........+'; }; then
    echo "writable acl $folder"
  fi
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
    found=$(distrusted "$1" "$2/." "$tree/.git")
    [ -n "$found" ] || found=$(distrusted_below "$1" "$tree/.git")
    printf '%s' "$found"
  elif [ -e "$tree/.git" ] || [ -L "$tree/.git" ]; then
    echo "link - $tree/.git"
  else
    echo "absent - $2"
  fi
}

# own_folder USERS FOLDER [UMASK]: makes a folder that only this login may enter, or finds it; prints why it must not be
# relied on, or nothing. It is a function of the shell that makes files in it.
own_folder() {
  case $2 in /*) ;; *) echo "unseen - $2"; return ;; esac
  above=${2%/}
  while [ -n "$above" ] && [ ! -e "$above" ] && [ ! -L "$above" ]; do above=${above%/*}; done
  if [ "$above" != "${2%/}" ]; then
    why=$(distrusted "$1" "$above/new")
    [ -n "$why" ] || (umask "${3:-077}" && mkdir -p -- "$2" 2>/dev/null) || why="unmade - $2"
  elif [ -d "$above" ] && [ ! -L "$above" ]; then
    why=
  else
    why="link - $2"
  fi
  [ -n "$why" ] || why=$(distrusted "$1" "${2%/}")
  printf '%s' "$why"
}
