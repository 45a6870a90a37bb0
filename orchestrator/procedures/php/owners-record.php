<?php
// Remembers owner, group and mode of the files and folders outside of the web user's folders, and of those folders themselves.
$file = ixporch_owners_file(false);
if (is_file($file) && in_array('ownership', explode(' ', (string) getenv('OWED')), true)) {
    echo "using the ownership record of an earlier run, which is not restored yet\n";
    exit(0);
}
// What was given back once is of an earlier run.
@unlink(ixporch_owners_file(true));
$stat = "-exec stat --printf '%u %g %a %n\\0' {} +";
$found = ixporch_find(ixporch_outside() . " $stat -prune -o \\( -type f -o -type d \\) $stat");
$text = implode("\0", $found) . "\0";
if (@file_put_contents("$file.new", $text) !== strlen($text) || !rename("$file.new", $file)) {
    ixporch_fail("$file cannot be written");
}
ixporch_sync([$file, dirname($file)]);
echo 'recorded the owners of ', count($found), " files and folders\n";
