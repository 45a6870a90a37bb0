<?php
// uses: backups.php, client.php, owners.php, programs.php, users.php
// Records, before git writes to the installation, what it will write: the files that differ between the two commits, and the
// proxies, with their folders. For each: its owner, group, mode and access control list, and the content that git writes there.

// Runs git as the owner of the tree.
function ixporch_git($arguments)
{
    $owner = (string) getenv('TREE_OWNER');
    $as = fileowner('/proc/self') === 0 && !in_array($owner, ['', 'root'], true) ? 'runuser -u ' . escapeshellarg($owner) . ' -- ' : '';
    $output = ixporch_output_of("{$as}git -c core.hooksPath=/dev/null -c core.fsmonitor=false $arguments", $code);
    if ($code !== 0) {
        ixporch_fail("git $arguments failed, so the files that the upgrade changes are not known");
    }
    return $output;
}

// The files of a commit: path => [mode and blob].
function ixporch_files_of($commit)
{
    $commit = trim(ixporch_git('rev-parse --verify ' . escapeshellarg("$commit^{commit}")));
    $files = [];
    foreach (array_filter(explode("\0", ixporch_git('ls-tree -r -z ' . escapeshellarg($commit))), 'strlen') as $line) {
        list($about, $path) = explode("\t", $line, 2);
        list($mode, , $blob) = explode(' ', $about);
        $files["./$path"] = "$mode $blob";
    }
    return $files;
}

// What git writes: path => blobs. Of a folder there are none.
function ixporch_written_by_git(array $before, array $after, array $besides)
{
    $written = [];
    foreach ($before + $after as $path => $ignored) {
        $one = isset($before[$path]) ? $before[$path] : '';
        $other = isset($after[$path]) ? $after[$path] : '';
        if ($one === $other && strpos($path, './database/Proxies/') !== 0 && !isset($besides[$path])) {
            continue;
        }
        $blobs = array_filter([substr(strstr($one, ' '), 1), substr(strstr($other, ' '), 1)], 'strlen');
        $written[$path] = array_unique($blobs);
        for ($at = dirname($path); $at !== '.' && !isset($written[$at]); $at = dirname($at)) {
            $written[$at] = [];
        }
    }
    ksort($written);
    return $written;
}

// The access control lists of files and folders that have one beyond their mode, as getfacl(1) prints them: path => list. Git makes a
// new file for each that it changes, and a new folder for one that it emptied before: these have none.
function ixporch_acls(array $paths)
{
    $paths = array_filter($paths, function ($path) {
        return !is_link($path) && (is_file($path) || is_dir($path));
    });
    if (!$paths || !ixporch_has_program('getfacl')) {
        return [];
    }
    $names = tmpfile();
    fwrite($names, implode("\0", $paths) . "\0");
    rewind($names);
    $process = ixporch_start('xargs -0 getfacl --skip-base --numeric --no-effective --absolute-names --physical --', [$names, ['pipe', 'w']], $pipes);
    $text = stream_get_contents($pipes[1]);
    proc_close($process);
    $acls = [];
    foreach (preg_split('~\n\n+~', trim($text)) as $block) {
        // The list of another file, to which a link led, is not this one's.
        if (preg_match('~^# file: ([^\n]*)\n# owner: (\d+)\n# group: (\d+)\n(?:#[^\n]*\n)*(.*)$~s', $block, $match)) {
            $is = @lstat(stripcslashes($match[1]));
            if ($is && [$is['uid'], $is['gid']] === [(int) $match[2], (int) $match[3]]) {
                $acls[stripcslashes($match[1])] = $match[4];
            }
        }
    }
    return $acls;
}

function ixporch_line($path, array $blobs, $was, $acl)
{
    $is = $was ?: @lstat($path);
    $mode = $was ? $was['kind'] | $was['mode'] : ($is ? $is['mode'] : 0);
    $acl = base64_encode($was ? $was['acl'] : $acl) ?: '-';
    return ($is ? "$is[uid] $is[gid] " . decoct($mode) . " $acl" : '- - - -') . ' ' . (implode(',', $blobs) ?: '-') . " $path";
}

// Records of runs whose backup was removed are of no use to anybody.
function ixporch_prune_owners($but)
{
    foreach (ixporch_owners_files() as $run => $file) {
        if ($file !== $but && !is_dir(ixporch_backups_folder() . "/$run")) {
            unlink($file);
        }
    }
}

$file = ixporch_owners_file();
// What earlier runs wrote and did not give back is owed since before them.
$owed = in_array('ownership', explode(' ', (string) getenv('OWED')), true) ? ixporch_owed_owners() : [];
$target = (string) getenv('TARGET') !== '' ? 'refs/tags/' . getenv('TARGET') : 'refs/remotes/origin/' . getenv('BRANCH');
$written = ixporch_written_by_git(ixporch_files_of((string) getenv('INSTALLED_COMMIT')), ixporch_files_of($target), $owed);
$acls = ixporch_acls(array_map('strval', array_keys($written)));
$lines = [];
foreach ($written as $path => $blobs) {
    clearstatcache();
    $was = isset($owed[$path]) ? $owed[$path][0] : null;
    $lines[] = $was === null && isset($owed[$path])
        ? '- - - - ' . (implode(',', $blobs) ?: '-') . " $path"
        : ixporch_line($path, $blobs, $was, isset($acls[$path]) ? $acls[$path] : '');
}
$text = IXPORCH_OWNERS_FORMAT . implode("\0", $lines) . "\0";
if (@file_put_contents("$file.new", $text) !== strlen($text) || !rename("$file.new", $file)) {
    ixporch_fail("$file cannot be written");
}
ixporch_sync([$file, dirname($file)]);
ixporch_prune_owners($file);
echo $owed ? "added to the ownership record of an earlier run, which is not restored yet\n" : '';
echo 'recorded the owners of ', count($lines), " files and folders that the upgrade changes\n";
