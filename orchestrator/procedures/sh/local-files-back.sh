# Puts back the local files that this run had kept; once, since they may be changed afterwards. Behind git-options.sh.
run=${IXPORCH_BACKUP_RUN:-${IXPORCH_STEP%%/*}}
kept=.git/ixporch-local-files/$run.tar restored=.git/ixporch-local-files/$run.restored
[ -e "$kept" ] || { echo 'no local file was kept'; exit 0; }
[ ! -e "$restored" ] || { echo 'the local files are back already'; exit 0; }
tar -xpf "$kept" && tar -tf "$kept" > "$restored.new" && sync "$restored.new" && mv "$restored.new" "$restored" || exit 1
sed 's/^/restored: /' "$restored"
