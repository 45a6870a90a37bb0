# Keeps local files that the new release has in their place, with their modes, and moves them out of its way. They stay in
# .git/ixporch-local-files/, a file for each run. Behind local-files.sh.
files=$(local_files)
[ -n "$files" ] || { echo 'no local file is in the way'; exit 0; }
store=.git/ixporch-local-files
kept=$store/${IXPORCH_STEP%%/*}.tar
mkdir -p "$store" && rm -f "${kept%.tar}.restored" || exit 1
# Written aside first: half an archive keeps nothing.
printf '%s\n' "$files" | tar -cf "$kept.new" -T - && sync "$kept.new" && mv "$kept.new" "$kept" && sync "$store" ||
    { rm -f "$kept.new"; echo 'the local files could not be kept: nothing was moved' >&2; exit 1; }
printf '%s\n' "$files" | while IFS= read -r path; do rm -r -- "$path" || exit 1; done || exit 1
echo "kept in $PWD/$kept, since $what has these files:"
printf '%s\n' "$files" | sed 's/^/  /'
