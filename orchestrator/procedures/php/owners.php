<?php
// Whose the files of the installation are. git writes what it changes as its own user, also what was the web user's. These
// scripts run as root: so they give nothing away in a place where another user could put something else there meanwhile.
// What is remembered, in a folder that is root's alone; once it was given back, it is kept for the way back.
function ixporch_owners_file($is_given_back)
{
    return ixporch_backups_folder() . ($is_given_back ? '.owners-given-back' : '.owners');
}

// Runs find in the installation, without git's own folder; gives what it prints, line by line.
function ixporch_find($arguments)
{
    $process = ixporch_start("find . -xdev -path ./.git -prune -o $arguments", [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $lines = array_filter(explode("\n", stream_get_contents($pipes[1])), 'strlen');
    if (proc_close($process) !== 0) {
        ixporch_fail('not known: whose the files of the installation are');
    }
    return $lines;
}

// What find looks for as the folders that are the web user's; it does not go into them.
function ixporch_web_folders()
{
    return '-type d -user ' . escapeshellarg((string) getenv('WEB_USER'));
}

function ixporch_web_uid()
{
    $process = ixporch_start('id -u ' . escapeshellarg((string) getenv('WEB_USER')), [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $uid = trim(stream_get_contents($pipes[1]));
    if (proc_close($process) !== 0) {
        ixporch_fail('there is no user ' . getenv('WEB_USER'));
    }
    return (int) $uid;
}
