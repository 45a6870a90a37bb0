<?php
// uses: backups.php, prune.php
// Removes the oldest backups beyond those that are kept.
$before = count(ixporch_backups());
ixporch_prune((int) getenv('BACKUP_KEEP'));
$left = count(ixporch_backups());
echo $before === $left ? "nothing to remove: $left are there\n" : "$left are left\n";
