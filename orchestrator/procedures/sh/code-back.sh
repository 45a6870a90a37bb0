# Puts back the code of before the run, whatever a git step left of it: tracked files of both releases, the index, HEAD and the
# branch. What git says is not believed: files that are not as they were are named, and the next try goes on from there.
# Behind git-options.sh.
[ -n "$INSTALLED_COMMIT" ] || { echo 'the commit before the run is not known' >&2; exit 1; }
# A power cut can leave HEAD, the branch or the index empty or full of zeros. What stands in for them here is written over below.
grep -qE '^(ref: refs/|[0-9a-f]{40})' .git/HEAD || echo "$INSTALLED_COMMIT" > .git/HEAD || exit 1
branch=.git/refs/heads/$INSTALLED_BRANCH
[ -z "$INSTALLED_BRANCH" ] || [ ! -e "$branch" ] || grep -qE '^(ref: |[0-9a-f]{40})' "$branch" || rm "$branch" || exit 1
git ls-files >/dev/null 2>&1 || ! git rev-parse --git-dir >/dev/null 2>&1 || rm -f .git/index || exit 1
# A killed git leaves these behind. The host is locked, so no other git of ixporch is running.
rm -f .git/index.lock .git/HEAD.lock
[ -z "$INSTALLED_BRANCH" ] || rm -f ".git/refs/heads/$INSTALLED_BRANCH.lock"
if [ -n "$TARGET" ]; then ref=refs/tags/$TARGET; else ref=refs/remotes/origin/$BRANCH; fi
releases="$(git rev-parse --verify --quiet 'HEAD^{commit}') $(git rev-parse --verify --quiet "$ref^{commit}")"
# What only the new release has, as diff-tree(1) tells it. A checkout that failed half-way left such files, and its index
# does not have them.
new_files() {
    for release in $releases; do
        git diff-tree -r --no-abbrev --no-renames --diff-filter=A --ignore-submodules=all "$INSTALLED_COMMIT" "$release"
    done | sort -u | without_restored
}
# Local files that an earlier try has put back are no longer the release's.
restored=.git/ixporch-local-files/${IXPORCH_BACKUP_RUN:-${IXPORCH_STEP%%/*}}.restored
without_restored() {
    if [ -e "$restored" ]; then
        awk -F '\t' 'NR == FNR { sub(/\/$/, ""); local[$0]; next }
            { for (path in local) if ($2 == path || index($2, path "/") == 1 || index(path, $2 "/") == 1) next; print }' "$restored" -
    else
        cat
    fi
}
# git removes what its index has, and follows no link on the way.
new_files | sed 's/^:[0-7]* \([0-7]*\) [0-9a-f]* \([0-9a-f]*\) A	/\1 \2	/' | git update-index --replace --index-info
git read-tree --reset -u "$INSTALLED_COMMIT" || git read-tree --reset "$INSTALLED_COMMIT" || exit 1
if [ -n "$INSTALLED_BRANCH" ]; then
    git update-ref -m 'ixporch: back' "refs/heads/$INSTALLED_BRANCH" "$INSTALLED_COMMIT" &&
        git symbolic-ref -m 'ixporch: back' HEAD "refs/heads/$INSTALLED_BRANCH"
else
    git update-ref -m 'ixporch: back' --no-deref HEAD "$INSTALLED_COMMIT"
fi || exit 1
git update-index -q --refresh >/dev/null
not_back() {
    git diff --name-only --no-renames --ignore-submodules=all "$INSTALLED_COMMIT" -- . ':!database/Proxies'
    new_files | sed 's/^[^	]*	//' | while IFS= read -r path; do
        if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi
    done
}
left=$(not_back | sort -u)
[ -n "$left" ] || exit 0
echo "these files are not as they were before the run: make them and their folders writable for $(id -un) (owner, mode, chattr, free space), then run the rollback again" >&2
printf '%s\n' "$left" | head -n 50 | while IFS= read -r path; do
    folder=$path
    while [ ! -e "$folder" ]; do case $folder in */*) folder=${folder%/*} ;; *) folder=. ;; esac; done
    if [ -e "$path" ] && [ ! -d "$path" ]; then case $path in */*) folder=${path%/*} ;; *) folder=. ;; esac; fi
    printf '  %s (folder %s: %s)\n' "$path" "$folder" "$(stat -c 'owner %U, mode %a' "$folder")"
done >&2
count=$(printf '%s\n' "$left" | wc -l)
[ "$count" -le 50 ] || echo "  and $((count - 50)) more" >&2
exit 1
