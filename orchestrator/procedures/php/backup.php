<?php
// Makes a backup of the database, of the settings, and of what composer and bower installed. It counts only where all of it
// was read again and found to be what was written.
const IXPORCH_SETTINGS_PATHS = ['.env', 'composer.json', 'composer.lock', 'bower.json', '.bowerrc', 'config', 'resources/skins', 'application/configs', 'application/views/_skins', 'public/.htaccess', 'public/logos'];
const IXPORCH_COMPONENT_PATHS = ['vendor', 'public/bower_components', 'database/Proxies', 'bootstrap/cache'];

function ixporch_there(array $paths)
{
    return array_values(array_filter($paths, 'file_exists'));
}

function ixporch_tar(array $paths)
{
    return 'tar --create --file=- ' . implode(' ', array_map('escapeshellarg', array_merge(['--'], $paths)));
}

$folder = ixporch_backup_folder();
$new = "$folder.new";
$public = realpath('public');
$base = realpath(ixporch_backups_folder());
if ($base === false || !is_writable($base)) {
    ixporch_fail(ixporch_backups_folder() . ' is not there, or cannot be written');
}
if ($public !== false && strpos("$base/", "$public/") === 0) {
    ixporch_fail("$base is served by the web server: choose another backup_dir");
}
try {
    $started = time();
    $logs = [];
    foreach ((array) glob('storage/logs/*.log') as $log) {
        $logs[$log] = filesize($log);
    }
    $settings = ixporch_settings();
    $schema = $settings['DB_DATABASE'];
    $database = ixporch_database($settings);
    $rights = ixporch_rights($database, $schema);
    $missing = ixporch_missing_rights($rights);
    if ($missing) {
        ixporch_fail('the database user has not the rights that a dump and its restore need: ' . implode(', ', $missing)
            . "\nas the database's administrator: GRANT " . implode(', ', $missing) . " ON `$schema`.* TO " . $database->query('SELECT CURRENT_USER()')->fetchColumn());
    }
    $tables = ixporch_tables($database);
    $definers = ixporch_definers($database);
    ixporch_remove($new);
    if (!mkdir($new, 0700)) {
        ixporch_fail("$new cannot be made");
    }
    $before = ixporch_checksums($database, array_keys($tables));
    $version = $database->query('SELECT VERSION()')->fetchColumn();
    $command = ixporch_dump_command($tables, $rights, $schema);
    $dump = ixporch_pack($command, [3 => ixporch_option_file($settings)], $new, 'database.sql', array_sum(array_column($tables, 'bytes')));
    if (strpos($dump['tail'], '-- Dump completed') === false) {
        ixporch_fail('the dump has no end: its last line is not "-- Dump completed"');
    }
    unset($dump['tail']);
    $database = ixporch_database($settings);
    $after = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $moving = ixporch_differing($before, $after);
    $pending = ixporch_pending();
} catch (Throwable $trouble) {
    ixporch_fail('no backup: ' . $trouble->getMessage());
}
$reader = ixporch_start(ixporch_unpacker($dump['file']) . " | grep -c '^CREATE TABLE '", [['file', "$new/$dump[file]", 'r'], ['pipe', 'w']], $pipes);
$count = (int) stream_get_contents($pipes[1]);
proc_close($reader);
if ($count < count($tables)) {
    ixporch_fail("the dump holds $count tables, and the database has " . count($tables));
}
$archives = ['database' => $dump];
foreach (['settings' => IXPORCH_SETTINGS_PATHS, 'components' => IXPORCH_COMPONENT_PATHS] as $name => $paths) {
    $paths = ixporch_there($paths);
    $archives[$name] = ixporch_pack(ixporch_tar($paths), [], $new, "$name.tar", 0);
    unset($archives[$name]['tail']);
    $archives[$name]['paths'] = $paths;
}
$manifest = [
    'format' => 1,
    'run' => basename($folder),
    'started' => $started,
    'made' => time(),
    'root' => getcwd(),
    'schema' => $schema,
    'server' => $version,
    'tables' => $before,
    'written_meanwhile' => $moving,
    'definers' => $definers,
    'pending' => $pending,
    'logs' => $logs,
    'archives' => $archives,
];
$text = json_encode($manifest, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n";
if (file_put_contents("$new/manifest.json", $text) !== strlen($text)) {
    ixporch_fail("$new/manifest.json could not be written: is the disk full?");
}
$files = ["$new/manifest.json", $new];
foreach ($archives as $archive) {
    $files[] = "$new/$archive[file]";
}
ixporch_sync($files);
// Where the host came back to its start and goes again, this is the start from now on.
ixporch_remove("$folder.old");
if (is_dir($folder)) {
    rename($folder, "$folder.old");
}
if (!rename($new, $folder)) {
    ixporch_fail("$new could not be renamed to $folder");
}
ixporch_sync([$base]);
ixporch_remove("$folder.old");
if ($moving) {
    echo 'written while the dump was made, although the site is closed: ', implode(', ', $moving), "\n";
}
$small = array_sum(array_column($tables, 'bytes'));
if ($small > 50 * 1048576 && $dump['plain_bytes'] < $small / 20) {
    echo 'the dump is small for what the server says of the tables: ', ixporch_bytes($dump['plain_bytes']), ' of ', ixporch_bytes($small), "\n";
}
ixporch_prune((int) getenv('BACKUP_KEEP'));
echo "$folder: ", count($tables), ' tables, ', ixporch_bytes($dump['plain_bytes']), ' of SQL, packed to ', ixporch_bytes($dump['bytes']), '; components ', ixporch_bytes($archives['components']['bytes']), "\n";
