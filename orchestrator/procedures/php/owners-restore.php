<?php
// Gives back what git wrote as its own: files and folders that were remembered to whom they were, with the mode that they had (but
// that git says which files are executable), and in the web user's folders what git's user wrote there since to the web user.

// Goes into a folder below this one, through no link.
function ixporch_enter($folder)
{
    foreach (explode('/', $folder) as $part) {
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

// Gives back one of the folder that was gone into; tells whether that was needed.
function ixporch_give_back($name, array $was, $since)
{
    $now = @lstat($name);
    $kind = $now ? $now['mode'] & 0170000 : 0;
    if ($kind !== 0100000 && $kind !== 0040000) {
        return false;
    }
    $is_other = $was['uid'] !== $now['uid'] || $was['gid'] !== $now['gid'];
    $readable = $was['mode'] & 0666;
    $mode = $kind === 0040000 ? $was['mode'] : $readable | ($now['mode'] & 0111 & (($readable & 0444) >> 2));
    $is_rewritten = $is_other || $now['ctime'] >= $since && $readable !== ($now['mode'] & 0666);
    if (!$is_rewritten) {
        return false;
    }
    if ($is_other && !(lchown($name, $was['uid']) && lchgrp($name, $was['gid']))) {
        ixporch_fail("cannot restore the owner of $name");
    }
    // A mode is set through links: not where anybody but root could put one there now.
    $folder = stat('.');
    $is_shared = $folder['uid'] !== 0 || ($folder['mode'] & 0002) !== 0 || (($folder['mode'] & 0020) !== 0 && $folder['gid'] !== 0);
    if (!$is_shared && $mode !== ($now['mode'] & 07777)) {
        chmod($name, $mode);
    }
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
$web = ixporch_uid('WEB_USER');
$is_one = getenv('WEB_USER') === getenv('TREE_OWNER');
$count = 0;
foreach (array_filter(explode("\0", file_get_contents($file)), 'strlen') as $line) {
    list($uid, $gid, $mode, $path) = explode(' ', $line, 4);
    $was = ['uid' => (int) $uid, 'gid' => (int) $gid, 'mode' => octdec($mode)];
    // Of the web user's folders only those themselves are remembered.
    if (strpos("$path/", './') === 0 && ixporch_enter(dirname($path)) && ($is_one || stat('.')['uid'] !== $web)) {
        $count += ixporch_give_back(basename($path), $was, filemtime($file)) ? 1 : 0;
    }
    chdir($root);
}
$user = escapeshellarg((string) getenv('WEB_USER'));
$writer = escapeshellarg((string) getenv('TREE_OWNER'));
$since = escapeshellarg($file);
foreach ($is_one || getenv('TREE_OWNER') === '' ? [] : ixporch_find(ixporch_outside() . ' -print0 -prune') as $folder) {
    // find goes into no link, and -execdir names a file by its folder: nobody can put another one in its place.
    $wanted = "-ignore_readdir_race -xdev -path ./.git -prune -o -user $writer -cnewer $since";
    $count += count(ixporch_find(escapeshellarg($folder) . " $wanted -print0 -execdir chown -h $user: {} +"));
}
if (!rename($file, ixporch_owners_file(true))) {
    ixporch_fail("$file could not be renamed");
}
echo $count === 0 ? "no file had changed its owner\n" : "restored the ownership of $count files and folders\n";
