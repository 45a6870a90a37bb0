<?php
// uses: backups.php, client.php
// Whose the files of the installation are. git writes what it changes as its own user, also what was the web user's. These
// scripts run as root, in folders that the web user can change meanwhile: so they follow no link, and give away no file that
// git did not write (docs/concepts/trust.md).
//
// A record belongs to one run, and lies in a folder that is root's alone, beside the backups: a rollback of that run needs it
// later. It holds the paths that git will write, with what they were before, and what git writes there.

// How a record of owners begins.
const IXPORCH_OWNERS_FORMAT = "ixporch-owners 3\n";

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

// The newest record of this host, of whatever run; null where there is none.
function ixporch_newest_owners_file()
{
    // Earlier versions had one record, without a run.
    $files = array_merge((array) glob(ixporch_backups_folder() . '.owners.*'), array_filter([ixporch_backups_folder() . '.owners'], 'is_file'));
    $files = array_filter($files, function ($file) {
        return substr($file, -4) !== '.new';
    });
    usort($files, function ($one, $other) {
        return filemtime($other) - filemtime($one);
    });
    return $files ? $files[0] : null;
}

// What a record holds: path => [what it was, or null where it was not there; what git writes there].
function ixporch_owners($file)
{
    $text = file_get_contents($file);
    $is_current = strpos($text, IXPORCH_OWNERS_FORMAT) === 0;
    $known = [];
    foreach (array_filter(explode("\0", $is_current ? substr($text, strlen(IXPORCH_OWNERS_FORMAT)) : $text), 'strlen') as $line) {
        // Earlier versions did not record what git writes.
        list($uid, $gid, $mode, $blobs, $path) = $is_current ? explode(' ', $line, 5) : array_merge(explode(' ', $line, 3), ['-'], array_slice(explode(' ', $line, 4), 3));
        if (!$is_current) {
            list($mode) = explode(' ', $mode, 2);
        }
        $mode = octdec($mode);
        $was = $uid === '-' ? null : ['uid' => (int) $uid, 'gid' => (int) $gid, 'mode' => $mode & 07777, 'kind' => $mode & 0170000];
        $known[$path] = [$was, array_filter(explode(',', $blobs), function ($blob) {
            return $blob !== '-';
        })];
    }
    return $known;
}
