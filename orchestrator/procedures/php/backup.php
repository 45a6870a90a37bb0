<?php
// Makes a backup of the database, of the settings, and of what composer and bower installed. It counts only where all of it
// was read again and found to be what was written, and where it could be loaded.
const IXPORCH_SETTINGS_PATHS = ['.env', 'composer.json', 'composer.lock', 'bower.json', '.bowerrc', 'config', 'resources/skins', 'application/configs', 'application/views/_skins', 'public/.htaccess', 'public/logos'];
const IXPORCH_COMPONENT_PATHS = ['vendor', 'public/bower_components', 'database/Proxies', 'bootstrap/cache'];

// What of these paths is there, a folder by what is in it: it may be a link, and need not be this user's own.
function ixporch_there(array $paths)
{
    $there = [];
    foreach (array_filter($paths, 'file_exists') as $path) {
        $names = is_dir($path) ? array_values(array_diff((array) scandir($path), ['.', '..'])) : [];
        $below = array_map(function ($name) use ($path) {
            return "$path/$name";
        }, $names);
        $there = array_merge($there, is_dir($path) ? $below : [$path]);
    }
    return $there;
}

function ixporch_tar($options, array $paths)
{
    $names = $paths ? implode(' ', array_map('escapeshellarg', array_merge(['--'], $paths))) : '--files-from=/dev/null';
    return "tar --create --file=- $options $names";
}

$folder = ixporch_backup_folder();
$new = "$folder.new";
$public = realpath('public');
$base = realpath(ixporch_backups_folder());
if ($base === false || !is_writable($base)) {
    ixporch_fail(ixporch_backups_folder() . ' is missing, or the web user cannot write to it: the web user must be able to enter every folder above it (chmod o+x)');
}
if ($public !== false && strpos("$base/", "$public/") === 0) {
    ixporch_fail("$base is served by the web server: choose another backup_dir");
}
foreach (array_keys(ixporch_backups()) as $other) {
    // What is in the database now is a part of what was in it.
    if (is_file("$other/restore-begun")) {
        ixporch_fail_because("a restore from $other is incomplete", ['code' => 'restore-incomplete', 'run' => basename($other)]);
    }
}
try {
    $started = time();
    $closed = ixporch_closed();
    $logs = [];
    foreach ((array) glob('storage/logs/*.log') as $log) {
        $logs[$log] = filesize($log);
    }
    $settings = ixporch_settings();
    $schema = $settings['DB_DATABASE'];
    $database = ixporch_database($settings);
    $definers = ixporch_definers($database);
    ixporch_must_be_loadable($database, $settings, $definers, 0);
    $definitions = ixporch_definitions($database);
    $tables = ixporch_tables($database);
    if (!$tables) {
        ixporch_fail("the database $schema has no tables; check DB_DATABASE in .env");
    }
    ixporch_remove($new);
    if (!mkdir($new, 0700)) {
        ixporch_fail("$new could not be created");
    }
    $before = ixporch_checksums($database, array_keys($tables));
    $digest = ixporch_schema_digest($database);
    $inexact = ixporch_inexact($database);
    $version = $database->query('SELECT VERSION()')->fetchColumn();
    $command = ixporch_dump_command($tables, ixporch_rights($database, $schema), $schema);
    $dump = ixporch_pack($command, [3 => ixporch_option_file($settings)], $new, 'database.sql', array_sum(array_column($tables, 'bytes')));
    if (strpos($dump['tail'], '-- Dump completed') === false) {
        ixporch_fail('the dump is incomplete: its last line is not "-- Dump completed"');
    }
    unset($dump['tail']);
    $database = ixporch_database($settings);
    ixporch_must_be_loadable($database, $settings, $definers, $dump['longest_line']);
    $after = ixporch_checksums($database, array_keys(ixporch_tables($database)));
    $moving = ixporch_differing($before, $after);
} catch (Throwable $trouble) {
    ixporch_fail('the backup failed: ' . $trouble->getMessage());
}
foreach (array_intersect($inexact, array_keys($before)) as $name) {
    $before[$name] = strtok($before[$name], ' ') . ' ';
}
$reader = ixporch_start(ixporch_unpacker($dump['file']) . " | grep -c '^CREATE TABLE '", [['file', "$new/$dump[file]", 'r'], ['pipe', 'w']], $pipes);
$count = (int) stream_get_contents($pipes[1]);
proc_close($reader);
if ($count < count($tables)) {
    ixporch_fail("the dump holds $count tables, and the database has " . count($tables));
}
$archives = ['database' => $dump];
// Settings are kept by what they say, also where they are links; one that only another user can read, or a link to nothing, is
// named, and left out. Of components those that this user can write: composer and bower could change no others.
$kinds = [
    'settings' => [array_filter(IXPORCH_SETTINGS_PATHS, 'file_exists'), '--dereference --ignore-failed-read', [0, 1]],
    'components' => [array_filter(IXPORCH_COMPONENT_PATHS, 'is_writable'), '', [0]],
];
foreach ($kinds as $name => list($paths, $options, $codes)) {
    $archives[$name] = ixporch_pack(ixporch_tar($options, ixporch_there($paths)), [], $new, "$name.tar", 0, $codes);
    unset($archives[$name]['tail']);
    $archives[$name]['paths'] = array_values($paths);
}
$manifest = [
    'format' => 1,
    'run' => basename($folder),
    'started' => $started,
    'made' => time(),
    'root' => getcwd(),
    'closed' => $closed,
    'commit' => (string) getenv('INSTALLED_COMMIT'),
    'branch' => (string) getenv('INSTALLED_BRANCH'),
    'schema' => $schema,
    'schema_digest' => $digest,
    'server' => $version,
    'tables' => $before,
    'written_meanwhile' => $moving,
    'definers' => $definers,
    'definitions' => $definitions,
    'logs' => $logs,
    'archives' => $archives,
];
$room = "$new/restore-room";
$text = json_encode($manifest, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n";
if (file_put_contents("$new/manifest.json", $text) !== strlen($text)) {
    ixporch_fail("$new/manifest.json could not be written: is the disk full?");
}
if (file_put_contents($room, str_repeat(' ', 256)) !== 256) {
    ixporch_fail("$room could not be written: is the disk full?");
}
$files = ["$new/manifest.json", $room, $new];
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
    echo 'the dump is much smaller than the tables: ', ixporch_bytes($dump['plain_bytes']), ' of ', ixporch_bytes($small), "\n";
}
ixporch_prune((int) getenv('BACKUP_KEEP'));
echo "$folder: ", count($tables), ' tables, ', ixporch_bytes($dump['plain_bytes']), ' of SQL, packed to ', ixporch_bytes($dump['bytes']), '; components ', ixporch_bytes($archives['components']['bytes']), "\n";
