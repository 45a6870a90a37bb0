<?php
// Drops everything that is in the database, and loads the dump that was made before the upgrade. It begins only where the
// dump was read to its end once more, and where nothing that was written since would be lost.
function ixporch_time($seconds)
{
    return gmdate('Y-m-d\TH:i:s\Z', $seconds);
}

// Why what was written since the backup would be lost; nothing where it was not written to.
function ixporch_lost(PDO $database, array $manifest, $folder)
{
    $down = 'storage/framework/down';
    if (file_exists($down) && filemtime($down) <= $manifest['started']) {
        return '';
    }
    $before = json_decode((string) @file_get_contents("$folder/opening.json"), true);
    if (!is_array($before)) {
        return 'the site is open, or was open since the backup was made';
    }
    $now = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $written = ixporch_differing($before, $now);
    return $written ? 'written since the site was opened again: ' . implode(', ', $written) : '';
}

function ixporch_drop_everything(PDO $database)
{
    $database->exec('SET FOREIGN_KEY_CHECKS = 0');
    $names = function ($query) use ($database) {
        return array_column(ixporch_rows($database, $query), 0);
    };
    foreach ($names("SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()") as $name) {
        $database->exec('DROP VIEW IF EXISTS ' . ixporch_quoted($name));
    }
    foreach (array_keys(ixporch_tables($database)) as $name) {
        $database->exec('DROP TABLE IF EXISTS ' . ixporch_quoted($name));
    }
    foreach (['PROCEDURE', 'FUNCTION'] as $kind) {
        foreach ($names("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = '$kind'") as $name) {
            $database->exec("DROP $kind IF EXISTS " . ixporch_quoted($name));
        }
    }
    foreach ($names("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()") as $name) {
        $database->exec('DROP EVENT IF EXISTS ' . ixporch_quoted($name));
    }
}

$folder = ixporch_backup_folder();
$manifest = ixporch_manifest($folder);
if (!$manifest) {
    ixporch_fail("$folder holds no backup: nothing was changed");
}
$dump = $manifest['archives']['database'];
$file = "$folder/$dump[file]";
ixporch_check_archive($file, $dump);
$begun = "$folder/restore-begun";
try {
    $settings = ixporch_settings();
    if ($settings['DB_DATABASE'] !== $manifest['schema']) {
        ixporch_fail("the backup is of the database $manifest[schema], and .env says $settings[DB_DATABASE]: nothing was changed");
    }
    $database = ixporch_database($settings);
    // What an earlier try of this began is brought to its end: what is in the database by now says nothing.
    $lost = is_file($begun) ? '' : ixporch_lost($database, $manifest, $folder);
    $since = getenv('IXPORCH_DISCARD_WRITES_SINCE');
    if ($lost !== '' && ($since === false || (int) $since > $manifest['started'])) {
        $time = ixporch_time($manifest['started']);
        ixporch_fail("$lost\nnothing was changed; all that was written since $time would be lost. To lose it: --discard-writes-since $time");
    }
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    $missing = ixporch_missing_rights($rights);
    if ($missing) {
        ixporch_fail('the database user has not the rights that a restore needs: ' . implode(', ', $missing) . ': nothing was changed');
    }
    if ($lost !== '') {
        @unlink("$folder/discarded.sql.zst");
        @unlink("$folder/discarded.sql.gz");
        $tables = ixporch_tables($database);
        $command = ixporch_dump_command($tables, $rights, $settings['DB_DATABASE']);
        $kept = ixporch_pack($command, [3 => ixporch_option_file($settings)], $folder, 'discarded.sql', array_sum(array_column($tables, 'bytes')));
        echo "what is discarded is kept in $folder/$kept[file]\n";
        $database = ixporch_database($settings);
    }
    $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    touch($begun);
    ixporch_sync([$begun, $folder]);
    ixporch_drop_everything($database);
    $why = ixporch_load($settings, $file, $dump['plain_bytes'], ixporch_may_set_definer($rights), $own);
    if ($why !== '') {
        ixporch_fail("$why: the database is not complete");
    }
    $database = ixporch_database($settings);
    $now = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $definers = ixporch_definers($database);
} catch (Throwable $trouble) {
    ixporch_fail('the restore could not be brought to its end: ' . $trouble->getMessage());
}
$meanwhile = array_flip($manifest['written_meanwhile']);
$differing = ixporch_differing(array_diff_key($manifest['tables'], $meanwhile), array_diff_key($now, $meanwhile));
if ($differing) {
    ixporch_fail('after the restore these tables are not what they were: ' . implode(', ', $differing));
}
$gone = array_diff_key($manifest['definers'], $definers);
if ($gone) {
    ixporch_fail('after the restore these are missing: ' . implode(', ', array_keys($gone)));
}
foreach (array_diff_assoc($manifest['definers'], $definers) as $object => $owner) {
    echo "$object: the database user's now (it was $owner's, in whose name it may not create)\n";
}
@unlink($begun);
echo 'restored: ', count($now), ' tables, each with the rows that it had at ', ixporch_time($manifest['started']), "\n";
