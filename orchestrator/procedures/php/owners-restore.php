<?php
// uses: client.php, owners.php, programs.php, users.php
// Gives back what git wrote as its own, and nothing else: what was remembered gets the owner, group and mode that it had (but that
// git says which files are executable); what git made anew in the web user's folders becomes the web user's.

// What was remembered: the inodes that are never given away, and path => what it was, or null where it was not there.
function ixporch_remembered($file)
{
    $parts = explode("\0", file_get_contents($file));
    $head = array_shift($parts);
    if (strpos($head, IXPORCH_OWNERS_FORMAT) !== 0) {
        ixporch_fail("$file was written by another version of ixporch: complete that run with it");
    }
    $known = [];
    foreach (array_filter($parts, 'strlen') as $line) {
        list($uid, $gid, $mode, $ino, $path) = explode(' ', $line, 5);
        $known[$path] = $uid === '-' ? null : [
            'uid' => (int) $uid, 'gid' => (int) $gid, 'mode' => octdec($mode) & 07777, 'kind' => octdec($mode) & 0170000, 'ino' => (int) $ino,
        ];
    }
    return [array_flip(explode("\n", substr($head, strlen(IXPORCH_OWNERS_FORMAT)))), $known];
}

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
// Nothing where it is a link or a pipe, a file with another name besides, or on another disk.
function ixporch_hold($name)
{
    clearstatcache();
    $seen = @lstat($name);
    $kind = $seen ? $seen['mode'] & 0170000 : 0;
    $file = in_array($kind, [0100000, 0040000], true) ? @fopen($name, 'rn') : false;
    $now = $file ? fstat($file) : false;
    if (!$now || [$now['dev'], $now['ino']] !== [$seen['dev'], $seen['ino']] || $now['dev'] !== stat('.')['dev']) {
        return null;
    }
    return $kind === 0100000 && $now['nlink'] !== 1 ? null : ['file' => $file, 'kind' => $kind] + $now;
}

// Gives what is held open this owner, group and mode.
function ixporch_give($name, array $held, array $to, $mode)
{
    $script = 'chown "$1" /proc/self/fd/3 && chmod "$2" /proc/self/fd/3';
    $words = ['sh', '-c', $script, 'sh', "$to[uid]:$to[gid]", sprintf('%04o', $mode)];
    $streams = [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], 3 => $held['file']];
    if (proc_close(ixporch_start(implode(' ', array_map('escapeshellarg', $words)), $streams, $pipes)) !== 0) {
        ixporch_fail("cannot restore the owner of $name");
    }
}

// Gives back one that git wrote, in the folder that was gone into; tells whether that was needed.
function ixporch_give_back($name, $was, array $git, array $web, array $inodes)
{
    $held = ixporch_hold($name);
    // What is not git's user's, or of another kind than before, was not written by git.
    if (!$held || $held['uid'] !== $git['uid'] || ($was && $was['kind'] !== $held['kind'])) {
        return false;
    }
    $is_the_same = $was && $was['ino'] === $held['ino'];
    // It was there before under another name, and somebody brought it here.
    if (!$is_the_same && isset($inodes[$held['ino']])) {
        return false;
    }
    $mode = $held['mode'] & 07777;
    if ($was) {
        $readable = $was['mode'] & 0666;
        $wanted = $held['kind'] === 0040000 ? $was['mode'] : $readable | ($mode & 0111 & (($readable & 0444) >> 2));
        $to = $was;
    } elseif (stat('.')['uid'] === $web['uid']) {
        list($to, $wanted) = [$web, $mode];
    } else {
        return false;
    }
    if ([$to['uid'], $to['gid'], $wanted] === [$held['uid'], $held['gid'], $mode]) {
        return false;
    }
    ixporch_give($name, $held, $to, $wanted);
    return true;
}

$file = ixporch_owners_file(is_file(ixporch_owners_file(true)));
if (!is_file($file)) {
    // What is remembered is remembered before git begins.
    if (getenv('WITHOUT_RECORD') !== false) {
        echo 'no ownership was recorded: ', getenv('WITHOUT_RECORD'), "\n";
        exit(0);
    }
    ixporch_fail("no ownership record: $file is missing");
}
$root = getcwd();
list($inodes, $known) = ixporch_remembered($file);
$web = ['uid' => ixporch_id('WEB_USER'), 'gid' => ixporch_id('WEB_USER', 'g')];
$git = ['uid' => ixporch_id('TREE_OWNER')];
$count = 0;
foreach ($known as $path => $was) {
    if (ixporch_enter(dirname($path))) {
        $count += ixporch_give_back(basename($path), $was, $git, $web, $inodes) ? 1 : 0;
    }
    chdir($root);
}
if (!rename($file, ixporch_owners_file(true))) {
    ixporch_fail("$file could not be renamed");
}
echo $count === 0 ? "no file had changed its owner\n" : "restored the ownership of $count files and folders\n";
