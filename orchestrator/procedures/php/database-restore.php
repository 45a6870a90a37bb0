<?php
// uses: archive.php, backups.php, client.php, definitions.php, dump.php, load.php, restore.php, sessions.php, settings.php, tables.php
// Drops everything that is in the database, and loads the dump that was made before the upgrade.
// What the database user could not create again is not dropped: it is not in the dump.
function ixporch_drop_everything(PDO $database, array $settings, array $rights, array $but)
{
    $database->exec('SET FOREIGN_KEY_CHECKS = 0');
    $names = function ($query) use ($database) {
        return array_column(ixporch_rows($database, $query), 0);
    };
    // Those that may not be dropped are found out while everything else is still there.
    if (ixporch_has_routines($rights)) {
        foreach (['PROCEDURE', 'FUNCTION'] as $kind) {
            foreach ($names("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = '$kind'") as $name) {
                $database->exec("DROP $kind IF EXISTS " . ixporch_quoted($name));
            }
        }
    }
    if (ixporch_has_events($rights)) {
        foreach ($names("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()") as $name) {
            $database->exec('DROP EVENT IF EXISTS ' . ixporch_quoted($name));
        }
    }
    foreach ($names("SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()") as $name) {
        // Views that did not work are not in the dump.
        if (!in_array($name, $but, true)) {
            ixporch_drop($database, "VIEW $name");
        }
    }
    foreach (array_keys(ixporch_tables($database)) as $name) {
        ixporch_patiently($database, 'DROP TABLE IF EXISTS ' . ixporch_quoted($name), $settings);
    }
}

// Tables that were not there before. Another session may hold a table that has not changed, so these alone are dropped first.
function ixporch_drop_new_tables(PDO $database, array $manifest)
{
    $database->exec('SET FOREIGN_KEY_CHECKS = 0');
    foreach (array_keys(array_diff_key(ixporch_tables($database), $manifest['tables'])) as $name) {
        $database->exec('DROP TABLE IF EXISTS ' . ixporch_quoted($name));
        echo "$name dropped: it did not exist before\n";
    }
}

// Whether the database is what it was when the backup was made, to the last row and word, but for what views do: `views-back`
// compares that. Backups of earlier versions do not tell.
function ixporch_is_as_backed_up(PDO $database, array $manifest)
{
    return isset($manifest['shape'])
        && !$manifest['written_meanwhile']
        && ixporch_shape($database) === $manifest['shape']
        && ixporch_definers($database) === $manifest['definers']
        && ixporch_checksums($database, array_keys(ixporch_tables($database))) === $manifest['tables'];
}

// Ends the script if another session holds a table: nothing is dropped then that could not be loaded again. Who may not lock tables
// finds out while they are dropped.
function ixporch_must_be_free(PDO $database, array $settings)
{
    $names = array_map('ixporch_quoted', array_keys(ixporch_tables($database)));
    if (!$names) {
        return;
    }
    try {
        $database->exec('LOCK TABLES ' . implode(' WRITE, ', $names) . ' WRITE');
        $database->exec('UNLOCK TABLES');
    } catch (PDOException $trouble) {
        $why = ixporch_why_locked($trouble, $settings);
        if ($why !== '') {
            ixporch_fail("no table was dropped or loaded$why");
        }
    }
}

// Runs a statement until no other session stands in its way: half a database helps nobody.
function ixporch_patiently(PDO $database, $statement, array $settings)
{
    while (true) {
        try {
            $database->exec($statement);
            return;
        } catch (PDOException $trouble) {
            $why = ixporch_why_locked($trouble, $settings);
            if ($why === '') {
                throw $trouble;
            }
            fwrite(STDERR, "$statement: it goes on waiting$why\n");
        }
    }
}

// What is given up is kept beside the backup.
function ixporch_keep_discarded(PDO $database, array $settings, array $rights, $folder)
{
    @unlink("$folder/discarded.sql.zst");
    @unlink("$folder/discarded.sql.gz");
    $tables = ixporch_tables($database);
    // A view that does not fit its tables any more must not stand against what a person decided.
    $views = array_map(function ($row) use ($settings) {
        return ' ' . escapeshellarg("--ignore-table=$settings[DB_DATABASE].$row[0]");
    }, ixporch_rows($database, 'SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()'));
    $command = ixporch_dump_command($tables, $rights, $settings['DB_DATABASE']) . ' --force' . implode($views);
    $kept = ixporch_pack($command, [3 => ixporch_option_file($settings)], $folder, 'discarded.sql', array_sum(array_column($tables, 'bytes')));
    echo "the discarded data is kept in $folder/$kept[file]\n";
}

$folder = ixporch_backup_folder();
$manifest = ixporch_manifest_to_restore($folder);
$broken = isset($manifest['broken_views']) ? array_keys($manifest['broken_views']) : [];
$dump = $manifest['archives']['database'];
$file = "$folder/$dump[file]";
if (@hash_file('sha256', $file) !== $dump['sha256']) {
    ixporch_fail("$file is missing or damaged (its sha256 differs): nothing was changed");
}
try {
    $settings = ixporch_settings();
    $database = ixporch_database($settings);
    $lost = ixporch_must_be_restorable($database, $settings, $manifest, $folder);
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    if ($lost !== '') {
        ixporch_keep_discarded($database, $settings, $rights, $folder);
        $database = ixporch_database($settings);
    }
    $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    $keeps_definers = ixporch_may_create_as($database, array_diff($manifest['definers'], [$own]));
    $was_begun = ixporch_is_begun($folder);
    ixporch_begin($folder);
    if ($lost === '' && !$was_begun) {
        ixporch_drop_new_tables($database, $manifest);
        if (ixporch_is_as_backed_up($database, $manifest)) {
            rename("$folder/restore-begun", "$folder/restore-room");
            echo "all tables that were there before are as they were: nothing was loaded\n";
            exit(0);
        }
    }
    ixporch_must_be_free($database, $settings);
    ixporch_drop_everything($database, $settings, $rights, $broken);
    // Nobody else knows the tables that are loaded.
    putenv('LOCK_WAIT_TIMEOUT');
    $why = ixporch_load($settings, $file, $dump['plain_bytes'], $keeps_definers, $own);
    if ($why !== '') {
        ixporch_fail("$why: the database is incomplete");
    }
    // What is wrong with it from here on is no reason to begin anew without asking.
    rename("$folder/restore-begun", "$folder/restore-room");
    $database = ixporch_database($settings);
    $now = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $definers = ixporch_definers($database);
} catch (Throwable $trouble) {
    $locked = $trouble instanceof PDOException ? ixporch_why_locked($trouble, $settings) : '';
    ixporch_fail('the restore did not complete: ' . $trouble->getMessage() . $locked);
}
$meanwhile = array_flip($manifest['written_meanwhile']);
$differing = ixporch_differing(array_diff_key($manifest['tables'], $meanwhile), array_diff_key($now, $meanwhile));
if ($differing) {
    ixporch_fail('after the restore, these tables differ from the backup: ' . implode(', ', $differing));
}
$left_out = array_map(function ($name) {
    return "view $name";
}, $broken);
$gone = array_diff_key($manifest['definers'], $definers, array_flip($left_out));
if ($gone) {
    ixporch_fail('after the restore, these are missing: ' . implode(', ', array_keys($gone)));
}
foreach (array_diff_assoc($manifest['definers'], $definers) as $object => $owner) {
    echo "$object: now owned by the database user, which may not create objects in the name of $owner\n";
}
echo 'restored: ', count($now), ' tables, each with the rows that it had at ', ixporch_time($manifest['started']), "\n";
