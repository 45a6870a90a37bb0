# Puts back the local files that this run had kept; once, since they may be changed afterwards. Behind git-options.sh.
kept=.git/ixporch-local-files/${IXPORCH_BACKUP_RUN:-${IXPORCH_STEP%%/*}}
[ -e "$kept.1.tar" ] || { echo 'no local file was kept'; exit 0; }
[ ! -e "$kept.restored" ] || { echo 'the local files are back already'; exit 0; }
for archive in "$kept".*.tar; do tar -xpf "$archive" || exit 1; done
for archive in "$kept".*.tar; do tar -tf "$archive" || exit 1; done > "$kept.new" || exit 1
sync "$kept.new" && mv "$kept.new" "$kept.restored" || exit 1
sed 's/^/restored: /' "$kept.restored"
