<?php
// uses: backups.php, client.php, settings.php, tables.php
// Whether the host is what it was when its backup was made: by commit (which another step looks at), by what composer and
// bower had installed, by what its tables are made of, and by an application that answers.
$folder = ixporch_backup_folder();
$manifest = ixporch_manifest($folder);
if (!$manifest) {
    echo "$folder holds no backup: no backup was needed\n";
    exit(0);
}
$said = ixporch_pending();
if ($said === null) {
    ixporch_fail('the application does not answer (artisan doctrine:schema:update --sql)');
}
try {
    $digest = ixporch_schema_digest(ixporch_database(ixporch_settings()));
} catch (Throwable $trouble) {
    ixporch_fail('the schema could not be read: ' . $trouble->getMessage());
}
if ($digest !== $manifest['schema_digest']) {
    ixporch_fail('the schema differs from the schema before the run');
}
echo "the application answers, and its schema is as before the run; artisan doctrine:schema:update --sql:\n$said\n";
