<?php
// uses: backups.php, client.php
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
    if ($folder['uid'] !== fileowner('/proc/self') || ($folder['mode'] & ($folder['gid'] === 0 ? 0002 : 0022)) !== 0) {
        ixporch_fail(dirname($file) . ' belongs to another user or is writable by others, so an ownership record there is not safe');
    }
    return $file;
}
