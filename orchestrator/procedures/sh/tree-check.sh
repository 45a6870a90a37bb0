# Checks that the tree can be moved to another release. Behind git-options.sh.
# Doctrine may rewrite its tracked proxies at run time. Any other modified file was modified by a person.
branch=$(git symbolic-ref --quiet --short HEAD) || branch='no branch (detached HEAD)'
if [ -z "$TARGET" ] && [ "$branch" != "$BRANCH" ]; then
    echo "the tree is on $branch, not on $BRANCH: go to a release with --to TAG, or change the branch in maintenance mode" >&2
    exit 1
fi
if [ -e .git/index.lock ]; then
    echo 'another git is at work here, or a killed one left .git/index.lock: if none runs, remove that file' >&2
    exit 1
fi
modified=$(GIT_OPTIONAL_LOCKS=0 git status --porcelain --untracked-files=no --ignore-submodules=all -- . ':!database/Proxies') || exit 1
if [ -n "$modified" ]; then
    echo 'tracked files are modified:' >&2
    printf '%s\n' "$modified" >&2
    exit 1
fi
echo "on $branch at $(git rev-parse HEAD)"
