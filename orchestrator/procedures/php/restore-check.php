<?php
// uses: archive.php, backups.php, client.php, programs.php, restore.php, settings.php
// Whether the database can be restored from its backup: asked before anything is taken back, so that a host of which it cannot
// stays what it is. READ_ARCHIVE says whether the archive is read to its end.

// The libraries of the backup, unpacked aside: a way back that broke off may have left none.
function ixporch_vendor_of_backup($folder, array $manifest)
{
    $aside = sys_get_temp_dir() . '/ixporch-vendor-' . getmypid();
    if (!mkdir($aside, 0700)) {
        ixporch_fail("$aside could not be created: nothing was changed");
    }
    register_shutdown_function(function () use ($aside) {
        proc_close(ixporch_start('rm -rf -- ' . escapeshellarg($aside), [['file', '/dev/null', 'r'], STDERR], $none));
    });
    $file = "$folder/" . $manifest['archives']['components']['file'];
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $tar = ixporch_start('tar --extract --file=- --no-same-owner --wildcards -C ' . escapeshellarg($aside) . " 'vendor/*'", [$from[1], STDERR], $none);
    fclose($from[1]);
    $codes = [proc_close($tar), proc_close($reader)];
    if ($codes !== [0, 0]) {
        ixporch_fail("the libraries of the backup could not be unpacked into $aside: is its disk full? (nothing was changed)");
    }
    return "$aside/vendor";
}

$folder = ixporch_backup_folder();
$manifest = ixporch_manifest_to_restore($folder);
if (getenv('READ_ARCHIVE') === 'yes') {
    $dump = $manifest['archives']['database'];
    ixporch_check_archive("$folder/$dump[file]", $dump);
}
try {
    $settings = ixporch_settings(is_file('vendor/autoload.php') ? 'vendor' : ixporch_vendor_of_backup($folder, $manifest));
    $lost = ixporch_must_be_restorable(ixporch_database($settings), $settings, $manifest, $folder);
} catch (Throwable $trouble) {
    ixporch_fail('nothing was changed: ' . $trouble->getMessage());
}
echo $lost === '' ? "the restore discards no writes\n" : "the restore discards writes: $lost\n";
