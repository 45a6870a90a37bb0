<?php
// uses: backups.php, client.php, owners.php, programs.php, users.php
// Gives back what git wrote as its own, and nothing else: what was recorded gets the owner, group, mode and access control list that it
// had (but that git says which files are executable). New files in folders of the web user go to the web user. Repeating it does no harm.

// Goes into a folder below this one, through no link.
function ixporch_enter($folder)
{
    foreach (explode('/', $folder) as $part) {
        clearstatcache();
        $there = @lstat($part);
        if ($part === '..' || !$there || ($there['mode'] & 0170000) !== 0040000 || !@chdir($part)) {
            return false;
        }
        $here = stat('.');
        if ([$here['dev'], $here['ino']] !== [$there['dev'], $there['ino']]) {
            return false;
        }
    }
    return true;
}

// A file or folder of this folder, held open: what is done to it is done to what was looked at, whatever has its name then.
// Nothing where it is a link or a pipe, a file with another name besides, or a folder that another disk is mounted on. (A file
// of an overlay may tell the device of a layer below.)
function ixporch_hold($name)
{
    clearstatcache();
    $seen = @lstat($name);
    $kind = $seen ? $seen['mode'] & 0170000 : 0;
    $file = in_array($kind, [0100000, 0040000], true) ? @fopen($name, 'rn') : false;
    $now = $file ? fstat($file) : false;
    if (!$now || [$now['dev'], $now['ino']] !== [$seen['dev'], $seen['ino']]) {
        return null;
    }
    $is_meant = $kind === 0100000 ? $now['nlink'] === 1 : $now['dev'] === stat('.')['dev'];
    return $is_meant ? ['file' => $file, 'kind' => $kind] + $now : null;
}

// Whether a file that is held open has the content of one of these blobs: then there is nothing in it that git does not publish.
function ixporch_is_blob(array $held, array $blobs)
{
    foreach ($blobs as $blob) {
        $hash = hash_init(strlen($blob) === 64 ? 'sha256' : 'sha1');
        hash_update($hash, "blob $held[size]\0");
        rewind($held['file']);
        hash_update_stream($hash, $held['file']);
        if (hash_final($hash) === $blob) {
            return true;
        }
    }
    return false;
}

// Whether a folder holds nothing but what git writes; it is looked at in the folder that has its name and is the same.
function ixporch_holds_only(array $held, $path, array $known)
{
    $back = getcwd();
    $only = @chdir(basename($path)) && [stat('.')['dev'], stat('.')['ino']] === [$held['dev'], $held['ino']];
    foreach ($only ? array_diff(scandir('.'), ['.', '..']) : [] as $name) {
        $only = $only && isset($known["$path/$name"]);
    }
    chdir($back);
    return $only;
}

// Gives what is held open this owner, group, mode and access control list. The mode comes last: it is in the list, too.
function ixporch_give($name, array $held, array $to, $mode, $acl)
{
    $script = 'chown "$1" /proc/self/fd/3 && { [ -z "$3" ] || printf "%s\n" "$3" | setfacl --set-file=- /proc/self/fd/3; } && chmod "$2" /proc/self/fd/3';
    $words = ['sh', '-c', $script, 'sh', "$to[uid]:$to[gid]", sprintf('%04o', $mode), $acl];
    $streams = [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], 3 => $held['file']];
    if (proc_close(ixporch_start(implode(' ', array_map('escapeshellarg', $words)), $streams, $pipes)) !== 0) {
        ixporch_fail("cannot restore the owner of $name");
    }
}

// The owner and the mode that something must get, in the folder that was gone into; null where it has them already.
function ixporch_due($was, array $held, array $web)
{
    $mode = $held['mode'] & 07777;
    if ($was) {
        $readable = $was['mode'] & 0666;
        $wanted = $held['kind'] === 0040000 ? $was['mode'] : $readable | ($mode & 0111 & (($readable & 0444) >> 2));
        $to = $was;
    } elseif (stat('.')['uid'] === $web['uid']) {
        list($to, $wanted) = [$web, $mode];
    } else {
        return null;
    }
    return [$to['uid'], $to['gid'], $wanted] === [$held['uid'], $held['gid'], $mode] ? null : [$to, $wanted];
}

// Gives back one that git wrote; tells whether that was needed, and counts what others changed since.
function ixporch_give_back($path, array $known, array $git, array $web, &$changed)
{
    list($was, $blobs) = $known[$path];
    $held = ixporch_hold(basename($path));
    // What is not git's user's, or of another kind than before, was not written by git.
    if (!$held || $held['uid'] !== $git['uid'] || ($was && $was['kind'] !== $held['kind'])) {
        return false;
    }
    $due = ixporch_due($was, $held, $web);
    $acl = $was ? $was['acl'] : '';
    if ($due === null && $acl === '') {
        return false;
    }
    if (!($held['kind'] === 0100000 ? ixporch_is_blob($held, $blobs) : ixporch_holds_only($held, $path, $known))) {
        $changed++;
        return false;
    }
    list($to, $mode) = $due ?: [$held, $held['mode'] & 07777];
    ixporch_give($path, $held, $to, $mode, $acl);
    return $due !== null;
}

$file = ixporch_owners_file();
$known = is_file($file) ? ixporch_owners($file) : null;
if ($known === null) {
    $other = ixporch_backups_folder() . '.owners';
    if (is_file($other)) {
        ixporch_fail("$other was written by another version of ixporch, which must complete what it began");
    }
    // What is recorded is recorded before git begins.
    if (getenv('WITHOUT_RECORD') !== false) {
        echo 'no ownership was recorded: ', getenv('WITHOUT_RECORD'), "\n";
        exit(0);
    }
    // Another run completes what this one left open.
    $known = ixporch_owed_owners() ?: ixporch_fail("no ownership record: $file is missing");
}
$root = getcwd();
$web = ['uid' => ixporch_id('WEB_USER'), 'gid' => ixporch_id('WEB_USER', 'g')];
$git = ['uid' => ixporch_id('TREE_OWNER')];
list($count, $changed) = [0, 0];
foreach (array_keys($known) as $path) {
    if (ixporch_enter(dirname($path))) {
        $count += ixporch_give_back($path, $known, $git, $web, $changed) ? 1 : 0;
    }
    chdir($root);
}
echo $changed === 0 ? '' : "$changed files and folders are not what git wrote, and keep their owner\n";
echo $count === 0 ? "no file had changed its owner\n" : "restored the ownership of $count files and folders\n";
