# Checks that the target is there, that it is no downgrade, and that git can bring it without a loss. Behind local-files.sh.
if [ -n "$UPSTREAM_COMMIT" ] && [ "$new" != "$UPSTREAM_COMMIT" ]; then
    echo "$what moved since the plan was made, from $UPSTREAM_COMMIT to $new: plan again" >&2
    exit 1
fi
if [ "$old" != "$new" ]; then
    git merge-base --is-ancestor "$new" "$old"
    case $? in
    1) ;;
    0) echo "$what is older than what is installed: a downgrade can destroy data" >&2; exit 1 ;;
    *) exit 1 ;;
    esac
fi
if [ -z "$TARGET" ] && ! git merge-base --is-ancestor "$old" "$new"; then
    echo "the installed tree has commits that $what does not have: it cannot be pulled" >&2
    exit 1
fi
own=$(git rev-list --count "$old" --not --remotes --tags "$new") || exit 1
if [ "$own" != 0 ]; then
    [ "$own" = 1 ] && commits='1 commit' || commits="$own commits"
    echo "the installed tree has $commits that upstream does not have: they would be lost" >&2
    exit 1
fi
# version.php since v4.9, library/IXP/Version.php before.
version_at() {
    { git show "$1:version.php" || git show "$1:library/IXP/Version.php"; } 2>/dev/null |
        sed -n "s/.*'APPLICATION_VERSION', *'\([^']*\)'.*/\1/p"
}
version=$(version_at "$new") installed=$(version_at "$old")
lowest=$(printf '%s\n%s\n' "$installed" "$version" | sort -V | head -n 1)
if [ "$lowest" != "$installed" ]; then
    echo "$what is version $version, older than the installed $installed: a downgrade can destroy data" >&2
    exit 1
fi
case $version in
4.*) ;;
'') echo "$what does not say which version it is" >&2; exit 1 ;;
*) echo "$what is version $version, and this procedure is for version 4" >&2; exit 1 ;;
esac
# What these releases ask a person for was not asked, since nobody knew before the fetch which release the branch is.
for tag in ${UNASKED_RELEASES-}; do
    first=$(printf '%s\n%s\n' "${tag#v}" "$version" | sort -V | head -n 1)
    [ "$first" = "${tag#v}" ] || continue
    echo "$what is version $version: read the release notes of $tag, then upgrade with --confirm-release $tag" >&2
    exit 1
done

# A list of files, of which the first ones are shown.
refuse_for() {
    [ -n "$2" ] || return 0
    printf '%s\n' "$1" >&2
    printf '%s\n' "$2" | head -n 20 | sed 's/^/  /' >&2
    count=$(printf '%s\n' "$2" | wc -l)
    [ "$count" -le 20 ] || echo "  and $((count - 20)) more" >&2
    exit 1
}
there=$(local_files)
if [ "${LOCAL_FILES-}" = keep ]; then
    open=$(printf '%s\n' "$there" | sed '/^$/d' | in_open_folders)
    refuse_for "$what brings files that are here already, in folders that others than $(id -un) can write: move them away" "$open"
    [ -z "$there" ] || printf '%s has these files, so the local ones are kept aside (local_files):\n%s\n' "$what" "$there"
else
    refuse_for "$what brings files that are here already, but not in git: move them away, or set local_files = \"keep\"" "$there"
fi
flagged=$(git ls-files -v | sed -n 's/^[a-zS] //p')
if [ -n "$flagged" ]; then
    changed=$(difference | grep -xF "$flagged")
    refuse_for "$what changes files that git is told to overlook (assume-unchanged, skip-worktree): keep your changes elsewhere, then git update-index --no-assume-unchanged --no-skip-worktree FILE" "$changed"
fi
closed=$(difference | sed -n 's,/[^/]*$,,p; t; s/.*/./p' | sort -u | while IFS= read -r folder; do
    while [ ! -e "$folder" ] && [ "$folder" != "${folder%/*}" ]; do folder=${folder%/*}; done
    [ ! -d "$folder" ] || { [ -w "$folder" ] && [ -x "$folder" ]; } || printf '%s\n' "$folder"
done | sort -u)
refuse_for "$(id -un) may not write in folders in which $what changes files: chown $(id -un) FOLDER" "$closed"
# lsattr(1) is not everywhere, and not every file system has these flags.
fixed=$(difference | sed -n 'p; s,/[^/]*$,,p' | sort -u | while IFS= read -r path; do
    [ ! -e "$path" ] || printf '%s\0' "$path"
done | xargs -0 -r lsattr -d -- 2>/dev/null | sed -n 's/^[^ ]*[ia][^ ]* //p')
refuse_for "the file system does not let these files change: chattr -i -a FILE" "$fixed"
echo "$what is $new, version $version"
