<?php
// uses: backups.php, client.php, owners.php, programs.php, users.php
// Records, before git writes to the installation, what it will write: the files that differ between the two commits, and the
// proxies, with their folders. For each: its owner, group and mode, and the content that git writes there.

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

function ixporch_line($path, array $blobs, $was)
{
    $is = $was ?: @lstat($path);
    $mode = $was ? $was['kind'] | $was['mode'] : ($is ? $is['mode'] : 0);
    return ($is ? "$is[uid] $is[gid] " . decoct($mode) : '- - -') . ' ' . (implode(',', $blobs) ?: '-') . " $path";
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
$lines = [];
foreach ($written as $path => $blobs) {
    clearstatcache();
    $was = isset($owed[$path]) ? $owed[$path][0] : null;
    $lines[] = $was === null && isset($owed[$path])
        ? '- - - ' . (implode(',', $blobs) ?: '-') . " $path"
        : ixporch_line($path, $blobs, $was);
}
$text = IXPORCH_OWNERS_FORMAT . implode("\0", $lines) . "\0";
if (@file_put_contents("$file.new", $text) !== strlen($text) || !rename("$file.new", $file)) {
    ixporch_fail("$file cannot be written");
}
ixporch_sync([$file, dirname($file)]);
ixporch_prune_owners($file);
echo $owed ? "added to the ownership record of an earlier run, which is not restored yet\n" : '';
echo 'recorded the owners of ', count($lines), " files and folders that the upgrade changes\n";
