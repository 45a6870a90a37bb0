# Checks that the code of before the run is installed. Behind git-options.sh.
now=$(git rev-parse HEAD) || exit 1
[ "$now" = "$INSTALLED_COMMIT" ] || { echo "the commit is $now, and was $INSTALLED_COMMIT" >&2; exit 1; }
branch=$(git symbolic-ref --quiet --short HEAD)
[ "$branch" = "$INSTALLED_BRANCH" ] || { echo "the branch is ${branch:-none}, and was ${INSTALLED_BRANCH:-none}" >&2; exit 1; }
modified=$(GIT_OPTIONAL_LOCKS=0 git status --porcelain --untracked-files=no --ignore-submodules=all -- . ':!database/Proxies') || exit 1
[ -z "$modified" ] || { printf 'tracked files are modified:\n%s\n' "$modified" >&2; exit 1; }
