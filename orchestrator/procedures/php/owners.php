<?php
// Whose the files of the installation are. git writes what it changes as its own user, also what was the web user's. These
// scripts run as root: so they follow no link, and give nothing away in a folder in which the web user could put something else
// there meanwhile.
// What is remembered, in a folder that is root's alone; once it was given back, it is kept for the way back.
function ixporch_owners_file($is_given_back)
{
    $file = ixporch_backups_folder() . ($is_given_back ? '.owners-given-back' : '.owners');
    $folder = stat(dirname($file));
    if ($folder['uid'] !== fileowner('/proc/self') || ($folder['mode'] & 0022) !== 0) {
        ixporch_fail(dirname($file) . ' belongs to another user or is writable by others, so an ownership record there is not safe');
    }
    return $file;
}

// Runs find; gives what it prints, which ends with NUL each: names may hold anything else.
function ixporch_find($arguments)
{
    $process = ixporch_start("find $arguments", [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $found = array_filter(explode("\0", stream_get_contents($pipes[1])), 'strlen');
    if (proc_close($process) !== 0) {
        ixporch_fail('find could not list the files of the installation');
    }
    return $found;
}

// How find comes to the folders that are the web user's, into which it does not go, and to everything else.
function ixporch_outside()
{
    return '. -ignore_readdir_race -xdev -path ./.git -prune -o -type d -user ' . escapeshellarg((string) getenv('WEB_USER'));
}

// The number of the user that a variable names.
function ixporch_uid($variable)
{
    $process = ixporch_start('id -u ' . escapeshellarg((string) getenv($variable)), [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $uid = trim(stream_get_contents($pipes[1]));
    if (proc_close($process) !== 0) {
        ixporch_fail('there is no user ' . getenv($variable));
    }
    return (int) $uid;
}
