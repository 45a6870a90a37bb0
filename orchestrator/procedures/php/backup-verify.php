<?php
// uses: archive.php, backups.php, client.php, load.php, settings.php, tables.php
// Reads a backup to its end; where a scratch schema is named, the dump is loaded into it, compared, and dropped again.
list($folder, $manifest) = ixporch_chosen_backup((string) getenv('BACKUP'));
foreach ($manifest['archives'] as $archive) {
    ixporch_check_archive("$folder/$archive[file]", $archive);
}
echo "$folder: all archives are complete and unchanged\n";
$scratch = (string) getenv('SCRATCH');
if ($scratch === '') {
    exit(0);
}
if (!preg_match('~^[A-Za-z0-9_]{1,64}$~', $scratch) || strcasecmp($scratch, $manifest['schema']) === 0) {
    ixporch_fail("$scratch cannot be the scratch schema: use letters, digits and _, and not the application's own schema");
}
try {
    $settings = ixporch_settings();
    if (strcasecmp($scratch, $settings['DB_DATABASE']) === 0) {
        ixporch_fail("$scratch is the application's own schema");
    }
    $database = ixporch_database($settings);
    // It must not be there: nothing of anybody's is written over.
    $database->exec("CREATE DATABASE `$scratch`");
} catch (Throwable $trouble) {
    ixporch_fail("the schema $scratch could not be created: " . $trouble->getMessage());
}
$trouble = '';
try {
    $settings['DB_DATABASE'] = $scratch;
    $dump = $manifest['archives']['database'];
    $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    $why = ixporch_load($settings, "$folder/$dump[file]", $dump['plain_bytes'], false, $own);
    $loaded = ixporch_database($settings);
    $sums = $why === '' ? ixporch_checksums($loaded, array_keys(ixporch_tables($loaded))) : [];
    $meanwhile = array_flip($manifest['written_meanwhile']);
    $differing = ixporch_differing(array_diff_key($manifest['tables'], $meanwhile), array_diff_key($sums, $meanwhile));
    $trouble = $why !== '' ? $why : ($differing ? 'after loading, these tables differ from the backup: ' . implode(', ', $differing) : '');
} catch (Throwable $failure) {
    $trouble = $failure->getMessage();
}
try {
    // The connection from before may have been lost in all that time.
    ixporch_database($settings)->exec("DROP DATABASE `$scratch`");
} catch (Throwable $left) {
    $trouble = trim("$trouble\nthe schema $scratch could not be dropped, and still holds all the data: " . $left->getMessage());
}
if ($trouble !== '') {
    ixporch_fail($trouble);
}
echo 'loaded into ', $scratch, ': ', count($sums), " tables with the rows that they had; the schema was dropped again\n";
