<?php
// uses: backups.php, client.php, programs.php, settings.php, tables.php
// Remembers what is in the database now, before the site is opened: if it must be restored later, this tells whether anything
// was written since.
try {
    $database = ixporch_database(ixporch_settings());
    $sums = ixporch_checksums($database, array_keys(ixporch_tables($database)));
} catch (Throwable $trouble) {
    ixporch_fail('the database could not be read: ' . $trouble->getMessage());
}
$folder = ixporch_backup_folder();
$text = json_encode($sums, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES) . "\n";
if (@file_put_contents("$folder/opening.json", $text) !== strlen($text)) {
    ixporch_fail("$folder/opening.json could not be written");
}
ixporch_sync(["$folder/opening.json", $folder]);
