<?php
// uses: backups.php, programs.php
// Old backups, and what is to be removed.
function ixporch_remove($folder)
{
    if (is_dir($folder)) {
        $process = ixporch_start('rm -rf -- ' . escapeshellarg($folder), [['file', '/dev/null', 'r'], STDOUT], $pipes);
        proc_close($process);
    }
}

// Older backups than those that are kept; none where their number is 0. Only what has a manifest is one, and what is being
// restored is left alone.
function ixporch_prune($keep)
{
    $known = array_map(function ($manifest) {
        return $manifest['started'];
    }, ixporch_backups());
    foreach ($keep > 0 ? array_slice(array_keys($known), $keep) : [] as $folder) {
        if (is_file("$folder/restore-begun")) {
            continue;
        }
        ixporch_remove($folder);
        echo "removed the backup of ", gmdate('Y-m-d H:i:s\Z', $known[$folder]), ": $folder\n";
    }
}
