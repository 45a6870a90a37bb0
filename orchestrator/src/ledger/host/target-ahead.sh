# sh -c TEXT sh ROOT REFERENCE COMMIT CHECK: says what the step target-check will say of upstream's REFERENCE, which is COMMIT now,
# before anything is fetched into the installation. CHECK is the text of that step. What the installation lacks of the commit goes
# to a folder of its own, which is removed again. The exit code is 10 if the step would refuse; with any other, nothing is known.
cd "$1" && [ -n "$3" ] || exit 1
git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
# A partial clone would fetch what it lacks into itself.
[ -z "$(git config --get-regexp '^(remote\..*\.promisor|extensions\.partialclone)$')" ] || exit 1
if ! git cat-file -e "$3^{commit}" 2>/dev/null; then
  aside=$(mktemp -d) || exit 1
  trap 'rm -rf "$aside"' EXIT
  # Not every sh runs its EXIT trap when it is ended.
  trap 'exit 143' TERM HUP INT
  url=$(git remote get-url origin) && git init --quiet --bare "$aside/git" || exit 1
  echo "$PWD/.git/objects" > "$aside/git/objects/info/alternates"
  [ ! -e .git/shallow ] || cp .git/shallow "$aside/git/shallow" || exit 1
  # The installation's own settings say how upstream is reached.
  bring() {
    git --git-dir="$aside/git" -c include.path="$PWD/.git/config" -c core.bare=true -c gc.auto=0 -c maintenance.auto=false \
      fetch --quiet --no-tags --no-recurse-submodules "$@" || return
  }
  # Only small files are needed. Not every git and not every server knows how to leave the others out.
  bring --filter=blob:limit=8k "$url" "$2" 2>/dev/null || bring "$url" "$2" || exit 1
  GIT_ALTERNATE_OBJECT_DIRECTORIES=$aside/git/objects
  export GIT_ALTERNATE_OBJECT_DIRECTORIES
  git cat-file -e "$3^{commit}" 2>/dev/null || exit 1
fi
UPSTREAM_COMMIT=$3
AHEAD=yes
export UPSTREAM_COMMIT AHEAD
sh -c "$4" || exit 10
