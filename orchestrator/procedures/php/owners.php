<?php
// uses: backups.php, client.php, programs.php
// Whose the files of the installation are. git writes what it changes as its own user, also what was the web user's. These
// scripts run as root, in folders that the web user can change meanwhile: so they follow no link, and give away no file that
// git did not write (docs/concepts/trust.md).

// How a record of owners begins.
const IXPORCH_OWNERS_FORMAT = "ixporch-owners 2\n";

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

// What a program prints, and whether it succeeded.
function ixporch_output_of($command, &$code)
{
    $process = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $output = stream_get_contents($pipes[1]);
    $code = proc_close($process);
    return $output;
}

// The number of the user that a variable names; with `g` that of its group.
function ixporch_id($variable, $what = 'u')
{
    $id = trim(ixporch_output_of("id -$what " . escapeshellarg((string) getenv($variable)), $code));
    if ($code !== 0) {
        ixporch_fail('there is no user ' . getenv($variable));
    }
    return (int) $id;
}
