# Keeps local files that the new release has in their place, with their modes, and moves them out of its way. They stay in
# .git/ixporch-local-files/, for each run in files of its own: what an earlier try has moved is only there. Behind local-files.sh.
files=$(local_files)
[ -n "$files" ] || { echo 'no local file is in the way'; exit 0; }
open=$(printf '%s\n' "$files" | in_open_folders)
[ -z "$open" ] || { printf 'others than %s can write in the folders of these files: move them away\n%s\n' "$(id -un)" "$open" >&2; exit 1; }
store=.git/ixporch-local-files run=${IXPORCH_STEP%%/*}
mkdir -p "$store" || exit 1
if [ -e "$store/$run.restored" ]; then
    # All of it was put back since, and may have been changed.
    for old in "$store/$run".*.tar; do mv "$old" "$old.old" || exit 1; done
    rm "$store/$run.restored" || exit 1
fi
number=1
while [ -e "$store/$run.$number.tar" ]; do number=$((number + 1)); done
kept=$store/$run.$number.tar
# Not every tar reads names from a file.
set -f
IFS='
'
# shellcheck disable=SC2086
set -- $files
unset IFS
set +f
# Written aside first: half an archive keeps nothing.
tar -cf "$kept.new" -- "$@" && sync "$kept.new" && mv "$kept.new" "$kept" && sync "$store" ||
    { rm -f "$kept.new"; echo 'the local files could not be kept: nothing was moved' >&2; exit 1; }
printf '%s\n' "$files" | while IFS= read -r path; do rm -r -- "$path" || exit 1; done || exit 1
echo "kept in $PWD/$kept, since $what has these files:"
printf '%s\n' "$files" | sed 's/^/  /'
