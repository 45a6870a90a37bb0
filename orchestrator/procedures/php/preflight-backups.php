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

// Whether this host's own folder of backups is somebody else's: it is made or given away by the step backup-folder only if
// it is empty.
function ixporch_is_foreign($folder)
{
    $is = @lstat($folder);
    $names = $is && $is['uid'] === 0 ? @scandir($folder) : false;
    // Root's own may be closed to who asks: then it is not known.
    $is_empty = $is && $is['uid'] === 0 && ($names === false || !array_diff($names, ['.', '..', 'lost+found']));
    return $is && (($is['mode'] & 0170000) !== 0040000 || ($is['uid'] !== fileowner('/proc/self') && !$is_empty));
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
    if (ixporch_is_foreign($folder)) {
        ixporch_tell('backup-foreign', $folder);
    }
    $shut = ixporch_shut($folder);
    if ($shut !== '') {
        ixporch_tell('backup-shut', $shut);
    }
}
