<?php
// uses: backups.php, client.php
// What a backup wants to find before it is begun.

// Where the backups are, without links. Ends the script where the web user cannot keep one there, or others could fetch it.
function ixporch_place_of_backups()
{
    $public = realpath('public');
    $base = realpath(ixporch_backups_folder());
    if ($base === false || !is_writable($base)) {
        ixporch_fail(ixporch_backups_folder() . ' is missing, or the web user cannot write to it: the web user must be able to enter every folder above it (chmod o+x)');
    }
    if ($public !== false && strpos("$base/", "$public/") === 0) {
        ixporch_fail("$base is served by the web server: choose another backup_dir");
    }
    return $base;
}

// Ends the script where a restore was not brought to its end: what is in the database now is a part of what was in it.
function ixporch_no_restore_is_begun()
{
    foreach (array_keys(ixporch_backups()) as $other) {
        if (is_file("$other/restore-begun")) {
            ixporch_fail_because("a restore from $other is incomplete", ['code' => 'restore-incomplete', 'run' => basename($other)]);
        }
    }
}
