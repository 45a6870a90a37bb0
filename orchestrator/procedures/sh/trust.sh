# Who may change what ixporch relies on (docs/concepts/trust.md). Needs stat(1), find(1) and readlink(1) of coreutils and
# findutils or of busybox. Users and groups are compared by their numbers.

# trust USERS: sets `ids` to the numbers of these users.
trust() {
  ids=' '
  for user in $1; do
    id=$(id -u "$user" 2>/dev/null) && ids="$ids$id "
  done
}

# is_own_group GID: whether a group is root's own, and nobody else is in it. IXP Manager's installation script leaves a tree
# of root that group root may write to. Of any other group it cannot be told who is in it: services get groups by their own
# settings, and directories of users need not list theirs. The four accounts run one program each.
is_own_group() {
  [ "$1" = 0 ] || return 1
  case $ids in *' 0 '*) ;; *) return 1 ;; esac
  members=$(getent group 0 2>/dev/null) || members=$(grep '^[^:]*:[^:]*:0:' /etc/group 2>/dev/null) || return 1
  case ${members##*:} in '' | root) ;; *) return 1 ;; esac
  others=$(
    { getent passwd 2>/dev/null || cat /etc/passwd; } | while IFS=: read -r name _ uid gid _; do
      case "$gid:$uid:$name" in
      0:0:* | 0:*:sync | 0:*:shutdown | 0:*:halt | 0:*:operator) ;;
      0:*) echo "$name" ;;
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
          printf 'unseen||%s\n' "$path"
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
      [ "$1" != unseen ] || { printf 'unseen - %s\n' "$path"; break; }
      case $owner in *' '*) owner=$2 ;; esac
      case $ids in
      *" $2 "*) ;;
      *) printf 'foreign %s %s\n' "$owner" "$path"; break ;;
      esac
      case "$1 $4 $5" in
      "end "*" a"???) printf 'link - %s\n' "$path"; break ;;
      # Its own mode says nothing, and what it leads to is looked at, too.
      "way "*" a"???) ;;
      # Nobody can take away another one's file there.
      "way "[1357]???" 4"???) ;;
      *" "*[2367]" "*) printf 'writable %s %s\n' "$4" "$path"; break ;;
      *" "*[2367]?" "*) if ! is_own_group "$3" || has_acl "$path"; then printf 'writable %s %s\n' "$4" "$path"; break; fi ;;
      esac
    done
    # The root folder is always there.
    [ -n "$path" ] || printf 'unseen - %s\n' "$first"
  }
)

# distrusted_below USERS FOLDER: the same for everything in a folder, of which the whole path is given.
distrusted_below() (
  LC_ALL=C; export LC_ALL
  trust "$1"
  folder=$2 users=$1
  # find(1) complains if it cannot come back to where it began.
  cd / || exit
  # A find(1) that lacks one of these tests would find nothing, as if all were well.
  [ -n "$(find "$folder" -prune -user 0 -perm -0002 -group 0 -print -o -type d ! -name '*/' -print 2>/dev/null)" ] || {
    printf 'unseen - %s\n' "$folder"
    exit
  }
  strangers='' and=
  for id in $ids; do strangers="$strangers $and ! -user $id" and=-a; done
  # A name with a slash at its end matches nothing.
  if is_own_group 0; then set -- -group 0; else set -- -name '*/'; fi
  # What find(1) cannot read is printed, too: it is nothing that could be looked at. Hooks are not run,
  # and what is in the place of the lock is told by what takes it.
  pattern=$(printf '%s' "$folder" | sed 's/[][*?\\]/\\&/g')
  # shellcheck disable=SC2086
  found=$(find "$folder" \( $strangers \) -print \
    -o -type l ! -path "$pattern/hooks" ! -path "$pattern/hooks/*" ! -path "$pattern/ixporch.lock" -print \
    -o ! -type l \( -perm -0002 -o -perm -0020 ! "$@" \) -print 2>&1 | head -n 1)
  if [ -n "$found" ]; then
    found=$(distrusted "$users" "$found")
    # Its name has a line break, or it is gone.
    printf '%s\n' "${found:-unseen - $folder}"
  elif [ -s "$folder/objects/info/alternates" ]; then
    printf 'elsewhere - %s\n' "$folder/objects/info/alternates"
  elif [ -e "$folder/commondir" ]; then
    printf 'elsewhere - %s\n' "$folder/commondir"
  else
    found=$(listed "$folder")
    [ -z "$found" ] || printf 'writable acl %s\n' "$found"
  fi
)

# listed FOLDER: the folder itself if an access control list in it may let somebody write, now or to what is made there.
listed() {
  # busybox shows none, so there it is not known.
  if ls --version >/dev/null 2>&1; then
    set -- "$1" "$(find "$1" ! -type l \( -type d -o -perm -0020 \) -exec ls -ld {} + 2>/dev/null | grep '^..........+' | head -n 1)"
    [ -n "$2" ] || return 0
    # What only lets somebody read is no matter. Without getfacl(1) it cannot be told.
    lists=$(getfacl -R -P -s -n -p -- "$1" 2>/dev/null) || lists='user:0:w'
    case $(printf '%s\n' "$lists" | grep -E '^(default:)?(user|group):[0-9]+:.?w' | head -n 1) in ?*) printf '%s' "$1" ;; esac
  elif [ -n "$(find "$1" ! -type l -perm -0020 -print 2>/dev/null | head -n 1)" ]; then
    printf '%s' "$1"
  fi
}

# Where a folder really is; nothing where it cannot be entered.
physical() { (cd -P -- "$1" 2>/dev/null && pwd -P); }

# tree_distrusted USERS ROOT: the same for what git relies on in the installation ROOT; `absent - ROOT` where it has no
# `.git`, `unseen - ROOT` where this user cannot enter it.
tree_distrusted() {
  tree=$(physical "$2")
  if [ -z "$tree" ]; then
    if [ -e "$2" ]; then printf 'unseen - %s\n' "$2"; else printf 'absent - %s\n' "$2"; fi
  elif [ -d "$tree/.git" ] && [ ! -L "$tree/.git" ]; then
    found=$(distrusted "$1" "$2/." "$tree/.git")
    tries=0
    # While git is at work, files come and go: what is gone is no matter.
    while [ -z "$found" ] && [ "$tries" -lt 3 ]; do
      tries=$((tries + 1))
      found=$(distrusted_below "$1" "$tree/.git")
      case $found in '') break ;; unseen*) [ "$tries" = 3 ] || found= ;; esac
    done
    printf '%s' "$found"
  elif [ -e "$tree/.git" ] || [ -L "$tree/.git" ]; then
    printf 'link - %s\n' "$tree/.git"
  else
    printf 'absent - %s\n' "$2"
  fi
}

# folder_distrusted USERS FOLDER: the same for a folder that is ours, or will be made.
folder_distrusted() {
  case $2 in /*) ;; *) printf 'unseen - %s\n' "$2"; return ;; esac
  own=$2
  while :; do case $own in */ | */.) own=${own%?} ;; *) break ;; esac; done
  above=$own
  while [ -n "$above" ] && [ ! -e "$above" ] && [ ! -L "$above" ]; do above=${above%/*}; done
  if [ "$above" != "$own" ]; then
    distrusted "$1" "$above/new"
  elif [ -d "$above" ] && [ ! -L "$above" ]; then
    distrusted "$1" "$own"
  else
    printf 'link - %s\n' "$2"
  fi
}

# own_folder USERS FOLDER [UMASK]: makes a folder that only this login may enter, or finds it; prints why it must not be
# relied on, or nothing. It is a function of the shell that makes files in it.
own_folder() {
  why=$(folder_distrusted "$1" "$2")
  if [ -z "$why" ] && [ ! -d "$2" ]; then
    (umask "${3:-077}" && mkdir -p -- "$2" 2>/dev/null) || why="unmade - $2"
    [ -n "$why" ] || why=$(folder_distrusted "$1" "$2")
  fi
  printf '%s' "$why"
}
