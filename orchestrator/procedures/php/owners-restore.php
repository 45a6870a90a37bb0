<?php
// Gives back what git wrote as its own: files and folders that were remembered to whom they were, with the mode that they had
// (but that git says which files are executable), and in the web user's folders what was written since to the web user.
// What git rewrote has another owner or group than it had; what has the same was not rewritten, or needs nothing.
function ixporch_give_back($path, array $was, array $now)
{
    $is_folder = ($now['mode'] & 0170000) === 0040000;
    $readable = $was['mode'] & 0666;
    $mode = $is_folder ? $was['mode'] : $readable | ($now['mode'] & 0111 & (($readable & 0444) >> 2));
    if (!lchown($path, $was['uid']) || !lchgrp($path, $was['gid']) || !chmod($path, $mode)) {
        ixporch_fail("$path cannot be given back to whose it was");
    }
}

$file = ixporch_owners_file(is_file(ixporch_owners_file(true)));
if (!is_file($file)) {
    ixporch_fail("$file is not there: not known whose the files were");
}
$count = 0;
$roots = [];
$web = ixporch_web_uid();
foreach (file($file, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) as $line) {
    list($uid, $gid, $mode, $path) = explode(' ', $line, 4);
    $was = ['uid' => (int) $uid, 'gid' => (int) $gid, 'mode' => octdec($mode)];
    $now = @lstat($path);
    if (!$now || !in_array($now['mode'] & 0170000, [0100000, 0040000], true)) {
        continue;
    }
    $above = @lstat(dirname($path));
    if ($above && $above['uid'] === $web && getenv('WEB_USER') !== getenv('TREE_OWNER')) {
        // The web user may have put something else here: to root it can be given all the same, to nobody else.
        $roots[] = $path;
    } elseif ($was['uid'] !== $now['uid'] || $was['gid'] !== $now['gid'] || $now['ctime'] >= filemtime($file) && ($was['mode'] & 0666) !== ($now['mode'] & 0666)) {
        ixporch_give_back($path, $was, $now);
        $count++;
    }
}
$user = escapeshellarg((string) getenv('WEB_USER'));
$since = escapeshellarg($file);
foreach (getenv('WEB_USER') === getenv('TREE_OWNER') ? [] : ixporch_find(ixporch_web_folders() . ' -print -prune') as $folder) {
    // find goes into no link, and -execdir names a file by its folder: nobody can put another one in its place.
    $command = 'find ' . escapeshellarg($folder) . " -xdev -path ./.git -prune -o ! -user $user -cnewer $since -print -execdir chown -h $user: {} +";
    $process = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $count += count(array_filter(explode("\n", stream_get_contents($pipes[1])), 'strlen'));
    if (proc_close($process) !== 0) {
        ixporch_fail("what git wrote in $folder cannot be given to the web user");
    }
}
foreach (array_filter($roots, 'is_file') as $path) {
    lchown($path, 0);
}
if (!rename($file, ixporch_owners_file(true))) {
    ixporch_fail("$file cannot be put aside");
}
echo $count === 0 ? "nothing to give back\n" : "$count files were given back to whose they were\n";
