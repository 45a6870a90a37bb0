<?php
// uses: below.php, tell.php
// What the preflight asks about the files of the installation.

// How many files below a folder are somebody else's and cannot be written, with one of them; their size is added up.
function ixporch_foreign($folder, &$bytes)
{
    $until = time() + 20;
    $count = 0;
    $sample = '';
    $me = fileowner('/proc/self');
    foreach (ixporch_below($folder) as $path) {
        $stat = @lstat($path);
        if (!$stat || ($stat['mode'] & 0170000) === 0120000) {
            continue;
        }
        $bytes += ($stat['mode'] & 0170000) === 0100000 ? $stat['size'] : 0;
        if (time() > $until) {
            // On a slow disk the rest is not looked at.
            break;
        }
        // What git keeps there to have the folder is not written to, and whoever closed the site may be root.
        $is_meant = strpos(basename($path), '.git') !== 0 && $path !== 'storage/framework/down';
        if ($is_meant && $stat['uid'] !== $me && !is_writable($path)) {
            $count++;
            $sample = $path;
        }
    }
    return $count ? "$count $sample" : '';
}

// What of the settings and skins cannot be read, and so is no part of a backup.
function ixporch_unreadable()
{
    $found = [];
    foreach (array_filter(['.env', 'config', 'resources/skins', 'application/configs', 'application/views/_skins'], 'file_exists') as $path) {
        $below = is_dir($path) ? iterator_to_array(ixporch_below($path), false) : [];
        $found = array_merge($found, array_filter(array_merge([$path], $below), function ($path) {
            return file_exists($path) && !is_readable($path);
        }));
    }
    return $found;
}

// The folders that an upgrade writes to: what in them it could not write.
function ixporch_tell_foreign()
{
    $bytes = 0;
    foreach (['vendor', 'public/bower_components', 'storage', 'bootstrap/cache'] as $folder) {
        $foreign = is_dir($folder) ? ixporch_foreign($folder, $bytes) : '';
        if ($foreign !== '') {
            ixporch_tell('foreign', "$folder $foreign");
        }
        if ($folder === 'public/bower_components') {
            ixporch_tell('components-bytes', $bytes);
        }
    }
}

function ixporch_tell_unreadable()
{
    foreach (ixporch_unreadable() as $path) {
        ixporch_tell('unreadable', $path);
    }
}
