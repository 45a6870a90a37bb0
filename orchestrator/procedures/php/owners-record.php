<?php
// Remembers owner, group and mode of files and folders, and in the web user's folders which files are root's.
const IXPORCH_STAT = "-exec stat -c '%u %g %a %n' {} +";
$file = ixporch_owners_file(false);
if (is_file($file)) {
    echo "what an earlier run remembered was not given back yet, and is what counts\n";
    exit(0);
}
$lines = ixporch_find(ixporch_web_folders() . ' ' . IXPORCH_STAT . ' -prune -o \( -type f -o -type d \) ' . IXPORCH_STAT);
foreach (getenv('WEB_USER') === getenv('TREE_OWNER') ? [] : ixporch_find(ixporch_web_folders() . ' -print -prune') as $folder) {
    $command = 'find ' . escapeshellarg($folder) . ' -xdev -path ./.git -prune -o -type f -user root ' . IXPORCH_STAT;
    $process = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $lines = array_merge($lines, array_filter(explode("\n", stream_get_contents($pipes[1])), 'strlen'));
    proc_close($process);
}
$text = implode("\n", $lines) . "\n";
if (@file_put_contents("$file.new", $text) !== strlen($text) || !rename("$file.new", $file)) {
    ixporch_fail("$file cannot be written");
}
ixporch_sync([$file, dirname($file)]);
@unlink(ixporch_owners_file(true));
echo 'remembered whose ', count($lines), " files and folders are\n";
