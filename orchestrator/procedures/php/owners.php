<?php
// uses: backups.php, client.php
// Whose the files of the installation are. git writes what it changes as its own user, also what was the web user's. These
// scripts run as root, in folders that the web user can change meanwhile: so they follow no link, and give away no file that
// git did not write (docs/concepts/trust.md).
//
// A record belongs to one run, and lies in a folder that is root's alone, beside the backups: a rollback of that run needs it
// later. It holds the paths that git will write, with what they were before, and what git writes there.

// How a record of owners begins.
const IXPORCH_OWNERS_FORMAT = "ixporch-owners 4\n";

// The record of this run, or of that which is taken back.
function ixporch_owners_file()
{
    $folder = dirname(ixporch_backups_folder());
    $is = stat($folder);
    if ($is['uid'] !== fileowner('/proc/self') || ($is['mode'] & ($is['gid'] === 0 ? 0002 : 0022)) !== 0) {
        ixporch_fail("$folder belongs to another user or is writable by others, so an ownership record there is not safe");
    }
    return ixporch_backups_folder() . '.owners.' . basename(ixporch_backup_folder());
}

// What all runs of this host recorded: of each path what the oldest one found, since a later one may have found what git had
// left there; and what git writes in any of them. The ids of runs are in the order of time.
function ixporch_owed_owners()
{
    $known = [];
    foreach (ixporch_owners_files() as $file) {
        foreach (ixporch_owners($file) as $path => list($was, $blobs)) {
            $known[$path] = isset($known[$path]) ? [$known[$path][0], array_unique(array_merge($known[$path][1], $blobs))] : [$was, $blobs];
        }
    }
    return $known;
}

// All records of this host, by run.
function ixporch_owners_files()
{
    $begin = basename(ixporch_backups_folder()) . '.owners.';
    $files = [];
    foreach (scandir(dirname(ixporch_backups_folder())) as $name) {
        $run = strpos($name, $begin) === 0 ? substr($name, strlen($begin)) : '';
        if (preg_match('~^[0-9a-f-]+$~', $run)) {
            $files[$run] = dirname(ixporch_backups_folder()) . "/$name";
        }
    }
    ksort($files, SORT_STRING);
    return $files;
}

// What a record holds: path => [what it was, or null where it was not there; what git writes there].
function ixporch_owners($file)
{
    $text = (string) file_get_contents($file);
    if (strpos($text, IXPORCH_OWNERS_FORMAT) !== 0) {
        ixporch_fail("$file was written by another version of ixporch, which must complete what it began");
    }
    $known = [];
    foreach (array_filter(explode("\0", substr($text, strlen(IXPORCH_OWNERS_FORMAT))), 'strlen') as $line) {
        list($uid, $gid, $mode, $acl, $blobs, $path) = explode(' ', $line, 6);
        $mode = octdec($mode);
        $was = $uid === '-' ? null : ['uid' => (int) $uid, 'gid' => (int) $gid, 'mode' => $mode & 07777, 'kind' => $mode & 0170000, 'acl' => (string) base64_decode(rtrim($acl, '-'))];
        $known[$path] = [$was, array_filter(explode(',', $blobs), function ($blob) {
            return $blob !== '-';
        })];
    }
    return $known;
}
