<?php
// uses: client.php, owners.php, programs.php, users.php
// Remembers, before git writes to the installation, what it will write: the files that differ between the two commits, and the
// proxies, with their folders. For each: its owner, group, mode and inode. Besides, the inodes of everything that is not the web
// user's: none of that is given away later, under whatever name the web user brings it.

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

// The paths that git will write, and those of the folders that hold them.
function ixporch_written_by_git()
{
    $commits = [];
    $target = (string) getenv('TARGET') !== '' ? 'refs/tags/' . getenv('TARGET') : 'refs/remotes/origin/' . getenv('BRANCH');
    foreach ([(string) getenv('INSTALLED_COMMIT'), $target] as $name) {
        $commits[] = escapeshellarg(trim(ixporch_git('rev-parse --verify ' . escapeshellarg("$name^{commit}"))));
    }
    $paths = ixporch_git("diff-tree -r -z --name-only --no-renames $commits[0] $commits[1]");
    foreach ($commits as $commit) {
        $paths .= ixporch_git("ls-tree -r -z --name-only $commit database/Proxies");
    }
    $written = [];
    foreach (array_filter(explode("\0", $paths), 'strlen') as $path) {
        for ($at = "./$path"; $at !== '.' && !isset($written[$at]); $at = dirname($at)) {
            $written[$at] = true;
        }
    }
    ksort($written);
    return array_keys($written);
}

// The inodes of everything that is not the web user's.
function ixporch_inodes_of_others()
{
    $web = escapeshellarg((string) getenv('WEB_USER'));
    $output = ixporch_output_of("find . -ignore_readdir_race -xdev -path ./.git -prune -o ! -user $web \\( -type f -o -type d \\) -printf '%i\\n'", $code);
    if ($code !== 0) {
        ixporch_fail('find could not list the files of the installation');
    }
    return $output;
}

$file = ixporch_owners_file(false);
if (is_file($file) && in_array('ownership', explode(' ', (string) getenv('OWED')), true)) {
    echo "using the ownership record of an earlier run, which is not restored yet\n";
    exit(0);
}
// What was given back once is of an earlier run.
@unlink(ixporch_owners_file(true));
$lines = [];
foreach (ixporch_written_by_git() as $path) {
    clearstatcache();
    $is = @lstat($path);
    $lines[] = $is ? "$is[uid] $is[gid] " . decoct($is['mode']) . " $is[ino] $path" : "- - - - $path";
}
$text = IXPORCH_OWNERS_FORMAT . ixporch_inodes_of_others() . "\0" . implode("\0", $lines) . "\0";
if (@file_put_contents("$file.new", $text) !== strlen($text) || !rename("$file.new", $file)) {
    ixporch_fail("$file cannot be written");
}
ixporch_sync([$file, dirname($file)]);
echo 'recorded the owners of ', count($lines), " files and folders that the upgrade changes\n";
