<?php
// uses: tell.php
// What the preflight asks about the place of the backups, which need not be there yet.

// The folder above another one that the web user may not go into, where there is such a one.
function ixporch_shut($folder)
{
    $parts = explode('/', trim($folder, '/'));
    for ($at = 1; $at <= count($parts); $at++) {
        $above = '/' . implode('/', array_slice($parts, 0, $at));
        if (is_dir($above) && !is_executable($above)) {
            return $above;
        }
    }
    return '';
}

// What is free where a folder is, or will be.
function ixporch_free($folder)
{
    while (!is_dir($folder) && strlen($folder) > 1) {
        $folder = dirname($folder);
    }
    return (int) disk_free_space($folder);
}

function ixporch_tell_backups($folder)
{
    ixporch_tell('backup-free', ixporch_free($folder));
    $place = @stat(dirname($folder));
    if ($place && ($place['uid'] !== 0 || ($place['mode'] & 0022) !== 0)) {
        ixporch_tell('backup-shared', dirname($folder));
    }
    $shut = ixporch_shut($folder);
    if ($shut !== '') {
        ixporch_tell('backup-shut', $shut);
    }
}
