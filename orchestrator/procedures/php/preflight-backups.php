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

// Whether nobody but root is in group root.
function ixporch_root_is_alone()
{
    foreach ((array) @file('/etc/group', FILE_IGNORE_NEW_LINES) as $line) {
        $fields = explode(':', $line);
        if (count($fields) === 4 && $fields[2] === '0') {
            return in_array($fields[3], ['', 'root'], true);
        }
    }
    return false;
}

// Whether this host's own folder of backups is somebody else's: it is made or given away by the step backup-folder only if
// it is empty.
function ixporch_is_foreign($folder)
{
    $is = @lstat($folder);
    $names = $is && $is['uid'] === 0 ? @scandir($folder) : false;
    $is_empty = $names !== false && !array_diff($names, ['.', '..', 'lost+found']);
    return $is && (($is['mode'] & 0170000) !== 0040000 || ($is['uid'] !== fileowner('/proc/self') && !$is_empty));
}

// The first of a folder and those above it that somebody besides root may change, as the step backup-folder sees it. Where
// root's steps run as the login, it is the login's, too.
function ixporch_open_to_others($folder)
{
    $trusted = [0, (int) getenv('ROOT_STEPS_UID')];
    foreach (array_unique([$folder, (string) realpath($folder)]) as $path) {
        for ($at = $path; strlen($at) > 1; $at = dirname($at)) {
            $is = @lstat($at);
            $is_link = $is && ($is['mode'] & 0170000) === 0120000;
            // In a folder with the sticky bit nobody can replace what is another one's.
            $writers = $is && $is['gid'] === 0 && ixporch_root_is_alone() ? 0002 : 0022;
            $writable = $is && !$is_link && ($is['mode'] & $writers) !== 0 && ($at === $path || ($is['mode'] & 01000) === 0);
            if ($is && (!in_array($is['uid'], $trusted, true) || $writable || ($is_link && $at === $folder))) {
                return $at;
            }
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
    $open = ixporch_open_to_others(dirname($folder));
    if ($open !== '') {
        ixporch_tell('backup-shared', $open);
    }
    if (ixporch_is_foreign($folder)) {
        ixporch_tell('backup-foreign', $folder);
    }
    $shut = ixporch_shut($folder);
    if ($shut !== '') {
        ixporch_tell('backup-shut', $shut);
    }
}
