<?php
// uses: archive.php, backups.php, client.php, programs.php
// Puts back what composer and bower had installed before: from the backup, so that neither has to be asked again.
$folder = ixporch_backup_folder();
$manifest = ixporch_manifest($folder);
if (!$manifest) {
    ixporch_fail("$folder holds no backup: nothing was changed");
}
$known = $manifest['archives']['components'];
ixporch_check_archive("$folder/$known[file]", $known);
// Whoever looks later whether the libraries are there looks for this file: it goes first, and comes last.
const IXPORCH_LAST = 'vendor/autoload.php';

function ixporch_extract($file, $options)
{
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $tar = ixporch_start("tar --extract --file=- --preserve-permissions --no-same-owner --no-overwrite-dir $options", [$from[1], STDOUT], $none);
    fclose($from[1]);
    $codes = [proc_close($tar), proc_close($reader)];
    if ($codes !== [0, 0]) {
        ixporch_fail("$file could not be unpacked (exit codes " . implode(', ', $codes) . ')');
    }
}

$has_last = in_array('vendor', $known['paths'], true);
if ($has_last && is_file(IXPORCH_LAST) && !unlink(IXPORCH_LAST)) {
    ixporch_fail(IXPORCH_LAST . ' cannot be replaced: who owns it?');
}
foreach ($known['paths'] as $path) {
    // The folder itself may be the only one that this user may write to, and it may be a link.
    $find = 'find ' . escapeshellarg("$path/.") . ' -mindepth 1 -delete';
    if (is_dir($path) && proc_close(ixporch_start($find, [['file', '/dev/null', 'r'], STDOUT], $pipes)) !== 0) {
        ixporch_fail("$path could not be emptied: who owns what is in it?");
    }
}
ixporch_extract("$folder/$known[file]", '--exclude=' . IXPORCH_LAST);
if ($has_last) {
    ixporch_extract("$folder/$known[file]", '-- ' . IXPORCH_LAST);
}
echo 'restored: ', implode(', ', $known['paths']), "\n";
