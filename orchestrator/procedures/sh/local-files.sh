# Which local files stand where the new release has files of its own. Behind git-options.sh.
if [ -n "$TARGET" ]; then
    ref=refs/tags/$TARGET what="tag $TARGET"
else
    ref=refs/remotes/origin/$BRANCH what="branch $BRANCH"
fi
new=$(git rev-parse --verify --quiet "$ref^{commit}") || { echo "upstream has no $what" >&2; exit 1; }
old=$(git rev-parse --verify HEAD) || exit 1
difference() { git diff --name-only --no-renames --ignore-submodules=all "$@" "$old" "$new" --; }
# Files, links and folders that are here and not in git, on paths that the release adds: git would write over them, and the way
# back would remove them.
local_files() {
    difference --diff-filter=A | while IFS= read -r path; do
        at=$path
        while :; do
            if [ -L "$at" ] || { [ -e "$at" ] && { [ "$at" = "$path" ] || [ ! -d "$at" ]; }; }; then
                [ -n "$(git --literal-pathspecs ls-files -- "$at")" ] || printf '%s\n' "$at"
                break
            fi
            case $at in */*) at=${at%/*} ;; *) break ;; esac
        done
    done | sort -u
}
