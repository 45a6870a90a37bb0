<?php
// Whether the database can be restored from its backup: asked before anything is taken back, so that a host of which it cannot
// stays what it is. READ_ARCHIVE says whether the archive is read to its end.
$folder = ixporch_backup_folder();
$manifest = ixporch_manifest_to_restore($folder);
if (getenv('READ_ARCHIVE') === 'yes') {
    $dump = $manifest['archives']['database'];
    ixporch_check_archive("$folder/$dump[file]", $dump);
}
try {
    $settings = ixporch_settings();
    $lost = ixporch_must_be_restorable(ixporch_database($settings), $settings, $manifest, $folder);
} catch (Throwable $trouble) {
    ixporch_fail('nothing was changed: ' . $trouble->getMessage());
}
echo $lost === '' ? "nothing that was written since would be lost\n" : "given up: $lost\n";
