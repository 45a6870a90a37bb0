<?php
// uses: backups.php, client.php, closed.php, load.php, programs.php, tables.php
// What a restore depends on, looked at before it changes anything.
function ixporch_time($seconds)
{
    return gmdate('Y-m-d\TH:i:s\Z', $seconds);
}

// Whether an earlier try of the restore was begun while the site was closed as it is now. What is in the database by now says
// nothing then, and the restore is brought to its end.
function ixporch_is_begun($folder)
{
    $closed = ixporch_closed();
    return $closed !== null && json_decode((string) @file_get_contents("$folder/restore-begun"), true) === $closed;
}

// Writes down that the restore begins, with how the site is closed. The room for it was taken with the backup: a full disk may be
// why the host goes back.
function ixporch_begin($folder)
{
    if (ixporch_is_begun($folder)) {
        return;
    }
    $room = "$folder/restore-room";
    $text = str_pad(json_encode(ixporch_closed()), 256);
    $file = @fopen($room, is_file($room) ? 'r+' : 'w');
    if (!$file || @fwrite($file, $text) !== strlen($text) || !fclose($file) || !rename($room, "$folder/restore-begun")) {
        ixporch_fail("$folder/restore-begun could not be written: nothing was changed");
    }
    ixporch_sync(["$folder/restore-begun", $folder]);
}

// Why what was written since the backup would be lost; nothing where it was not written to.
function ixporch_lost(PDO $database, array $manifest, $folder)
{
    $closed = ixporch_closed();
    if ($closed !== null && ($closed === $manifest['closed'] || ixporch_is_begun($folder))) {
        return '';
    }
    $before = json_decode((string) @file_get_contents("$folder/opening.json"), true);
    if (!is_array($before)) {
        return 'the site is open, or was open since the backup was made';
    }
    $now = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $written = ixporch_differing($before, $now);
    return $written ? 'written since the site was opened again: ' . implode(', ', $written) : '';
}

// The manifest of the backup that is meant; ends the script where there is none.
function ixporch_manifest_to_restore($folder)
{
    $manifest = ixporch_manifest($folder);
    if (!$manifest) {
        ixporch_fail("$folder holds no backup: nothing was changed");
    }
    return $manifest;
}

// Ends the script where the restore must not begin. Gives what would be lost by it, where a person gave that up.
function ixporch_must_be_restorable(PDO $database, array $settings, array $manifest, $folder)
{
    if ($settings['DB_DATABASE'] !== $manifest['schema']) {
        ixporch_fail("the backup is of the database $manifest[schema], and .env says $settings[DB_DATABASE]: nothing was changed");
    }
    $lost = ixporch_lost($database, $manifest, $folder);
    $since = getenv('IXPORCH_DISCARD_WRITES_SINCE');
    if ($lost !== '' && ($since === false || (int) $since > $manifest['started'])) {
        ixporch_fail_because($lost, ['code' => 'writes-since', 'run' => basename($folder), 'since' => $manifest['started']]);
    }
    ixporch_must_be_loadable($database, $settings, $manifest['definers'], $manifest['archives']['database']['longest_line']);
    return $lost;
}
