# Which local files stand where the new release has files of its own. AHEAD is set if nothing was fetched yet: then the commit is
# the one that upstream names. Behind git-options.sh.
if [ -n "$TARGET" ]; then
    ref=refs/tags/$TARGET what="tag $TARGET"
else
    ref=refs/remotes/origin/$BRANCH what="branch $BRANCH"
fi
[ -z "${AHEAD-}" ] || ref=$UPSTREAM_COMMIT
new=$(git rev-parse --verify --quiet "$ref^{commit}") || { echo "upstream has no $what" >&2; exit 1; }
old=$(git rev-parse --verify HEAD) || exit 1
difference() { git diff --name-only --no-renames --ignore-submodules=all "$@" "$old" "$new" --; }
# Files, links and folders that are here and not in git, on paths that the release adds: git would write over them, and the way
# back would remove them. What is behind a link is not here: the link itself is in the way.
local_files() {
    difference --diff-filter=A | while IFS= read -r path; do
        at='' rest=$path
        while :; do
            at=${at:+$at/}${rest%%/*}
            if [ -L "$at" ] || { [ -e "$at" ] && { [ "$at" = "$path" ] || [ ! -d "$at" ]; }; }; then
                [ -n "$(git --literal-pathspecs ls-files -- "$at")" ] || printf '%s\n' "$at"
                break
            fi
            [ "$at" != "$path" ] && [ -e "$at" ] || break
            rest=${rest#*/}
        done
    done | sort -u
}
# Those of these paths in whose folders somebody else could put a link while they are moved.
in_open_folders() {
    while IFS= read -r path; do
        folder=$path
        while :; do
            case $folder in */*) folder=${folder%/*} ;; *) folder=. ;; esac
            if [ ! -O "$folder" ] || [ -n "$(find "$folder" -maxdepth 0 -perm /022)" ]; then printf '%s\n' "$path"; break; fi
            [ "$folder" != . ] || break
        done
    done
}
