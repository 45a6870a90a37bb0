# What the probe asks besides. `web` is the web server's user. Nothing here may change the host.
closed() {
  case $(as "$web" sh -c 'if [ -e "$1" ]; then echo yes; else echo no; fi' sh "$root/storage/framework/down") in
  yes) return 0 ;; no) return 1 ;; *) return 2 ;;
  esac
}
version() { as "$web" sh -c 'head -c 4096 "$1/version.php" 2>/dev/null || head -c 4096 "$1/library/IXP/Version.php"' sh "$root"; }
# git does what its configuration says: where others may write that, it is not run at all. Nor does it run their programs
# otherwise.
git_there() { [ -z "$trust" ] && as "$owner" "$@"; }
alone='core.hooksPath=/dev/null' watch='core.fsmonitor=false'
in_tree() { git_there env GIT_OPTIONAL_LOCKS=0 git -c "$alone" -c "$watch" -C "$root" "$@"; }
# reaching SECONDS COMMAND: what asks upstream, for so long at most.
reaching() {
  seconds=$1
  shift
  networked timeout -k 5 "$seconds" env GIT_TERMINAL_PROMPT=0 'GIT_SSH_COMMAND=ssh -oBatchMode=yes -oControlPersist=no' "$@"
}
upstream() {
  reaching 20 git -c "$alone" -c "$watch" -C "$root" ls-remote origin "$@"
}
# target_ahead SCRIPT CHECK REFERENCE NAME=VALUE...: what the step target-check will say. `$text` is what upstream has answered: the
# commit of the branch, or of what a tag names.
target_ahead() {
  script=$1 check=$2 reference=$3
  shift 3
  wanted=$(printf '%s\n' "$text" | awk -v name="$reference" '$2 == name { itself = $1 } $2 == name "^{}" { peeled = $1 }
    END { print peeled == "" ? itself : peeled }')
  reaching 60 "$@" sh -c "$script" sh "$root" "$reference" "$wanted" "$check"
}
# What it prints where it fails is the answer then. Nothing that it leaves running may keep standard error open.
with_why() {
  { why=$("$@" 2>&1 >&3 3>&-); } 3>&1
  set -- "$?"
  [ "$1" = 0 ] || printf '%s\n' "$why"
  return "$1"
}
aside() {
  as "$web" timeout -k 5 "${patience:-60}" sh -c '
    home=$(mktemp -d) || exit 1
    trap "rm -rf \"$home\"" EXIT
    # Not every sh runs its EXIT trap when it is ended.
    trap "exit 143" TERM HUP INT
    cd "$1" && shift
    CI=1 HOME=$home COMPOSER_HOME=$home COMPOSER_CACHE_DIR=/dev/null "$@"' sh "$root" "$@"
}
# What may take longer than a question usually does.
ahead() { patience=80; aside "$@"; }
# Whether steps can be run as a user. `sudo -l` says so too of what a password is asked for: hence a try, of nothing.
# What is printed as an error is the answer.
# shellcheck disable=SC2069
may_become() { [ "$1" = "$me" ] || [ "$uid" = 0 ] || sudo -n -u "$1" -- sh -c : 2>&1 >/dev/null; }
ask login-user printf %s "$me"
ask sudo sudo -n true
ask tree-owner printf %s "$owner"
ask version version
ask describe in_tree describe --tags --always
ask commit with_why in_tree rev-parse HEAD
ask branch in_tree symbolic-ref --quiet --short HEAD
ask remote in_tree config --get remote.origin.url
ask modified in_tree status --porcelain --untracked-files=no --ignore-submodules=all
ask git-locked git_there test -e "$root/.git/index.lock"
ask git git --version
ask disk df -Pk "$root"
ask maintenance closed
