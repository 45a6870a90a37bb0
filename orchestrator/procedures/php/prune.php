<?php
// Old backups, and what is to be removed.
function ixporch_remove($folder)
{
    if (is_dir($folder)) {
        $process = ixporch_start('rm -rf -- ' . escapeshellarg($folder), [['file', '/dev/null', 'r'], STDOUT], $pipes);
        proc_close($process);
    }
}

// Older backups than those that are kept. Only what has a manifest is one.
function ixporch_prune($keep)
{
    $known = array_map(function ($manifest) {
        return $manifest['started'];
    }, ixporch_backups());
    foreach (array_slice(array_keys($known), max(1, $keep)) as $folder) {
        ixporch_remove($folder);
        echo "removed the backup of ", gmdate('Y-m-d H:i:s\Z', $known[$folder]), ": $folder\n";
    }
}
