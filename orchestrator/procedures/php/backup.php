<?php
// uses: backups.php, backup-checks.php, backup-site.php, backup-database.php, backup-files.php, backup-keep.php
// uses: bytes.php, client.php, load.php, prune.php, sessions.php, settings.php, tables.php
// Makes a backup of the database, of the settings, and of what composer and bower installed. It counts only where all of it
// was read again and found to be what was written, and where it could be loaded.

// What the manifest says, in the order in which a person reads it.
function ixporch_manifest_of($folder, array $site, array $settings, array $contents, array $measures, array $moving, array $archives)
{
    return [
        'format' => 1,
        'run' => basename($folder),
        'started' => $site['started'],
        'made' => time(),
        'root' => getcwd(),
        'closed' => $site['closed'],
        'commit' => (string) getenv('INSTALLED_COMMIT'),
        'branch' => (string) getenv('INSTALLED_BRANCH'),
        'schema' => $settings['DB_DATABASE'],
        'schema_digest' => $measures['digest'],
        'shape' => $measures['shape'],
        'server' => $measures['server'],
        'tables' => ixporch_sums_of_dump($measures),
        'written_meanwhile' => $moving,
        'definers' => $contents['definers'],
        'definitions' => $contents['definitions'],
        'broken_views' => $contents['broken'],
        'logs' => $site['logs'],
        'archives' => $archives,
    ];
}

// Tells what a person should look at, though the backup is good.
function ixporch_tell_what_is_strange(array $moving, array $tables, array $dump)
{
    if ($moving) {
        echo 'written while the dump was made, although the site is closed: ', implode(', ', $moving), "\n";
    }
    $small = array_sum(array_column($tables, 'bytes'));
    if ($small > 50 * 1048576 && $dump['plain_bytes'] < $small / 20) {
        echo 'the dump is much smaller than the tables: ', ixporch_bytes($dump['plain_bytes']), ' of ', ixporch_bytes($small), "\n";
    }
}

$folder = ixporch_backup_folder();
$new = "$folder.new";
$base = ixporch_place_of_backups();
ixporch_no_restore_is_begun();
try {
    $site = ixporch_state_of_site();
    $settings = ixporch_settings();
    $database = ixporch_database($settings);
    $contents = ixporch_contents($database, $settings);
    ixporch_make_folder($new);
    // This reads every table, and waits for each no longer than it may: what the dump would wait for, this waits for.
    $measures = ixporch_measures($database, $contents['tables']);
    $dump = ixporch_dump($database, $settings, $contents, $new);
    // The connection from before may have been lost in all that time.
    $database = ixporch_database($settings);
    ixporch_must_be_loadable($database, $settings, $contents['definers'], $dump['longest_line']);
    $after = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $moving = ixporch_differing($measures['sums'], $after);
} catch (PDOException $trouble) {
    ixporch_fail('the backup failed: ' . $trouble->getMessage() . (isset($settings) ? ixporch_why_locked($trouble, $settings) : ''));
} catch (Throwable $trouble) {
    ixporch_fail('the backup failed: ' . $trouble->getMessage());
}
ixporch_check_tables_of_dump($dump, $contents['tables'], $new);
$archives = ['database' => $dump] + ixporch_pack_files($new);
ixporch_write_manifest($new, ixporch_manifest_of($folder, $site, $settings, $contents, $measures, $moving, $archives));
ixporch_put_in_place($new, $folder, $base);
ixporch_tell_what_is_strange($moving, $contents['tables'], $dump);
ixporch_prune((int) getenv('BACKUP_KEEP'));
echo "$folder: ", count($contents['tables']), ' tables, ', ixporch_bytes($dump['plain_bytes']), ' of SQL, packed to ', ixporch_bytes($dump['bytes']), '; components ', ixporch_bytes($archives['components']['bytes']), "\n";
