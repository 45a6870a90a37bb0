<?php
// What stands against an upgrade, as far as it can be seen while the site is open. One fact on a line: its name, a tab, its
// value. Nothing is changed.
function ixporch_tell($name, $value)
{
    echo $name, "\t", strtr(trim((string) $value), "\n\t", '  '), "\n";
}

// The versions of PHP that a web server has: those of the pools that run, and of Apache's module.
function ixporch_web_versions()
{
    $versions = [];
    foreach ((array) glob('/proc/[0-9]*/cmdline') as $file) {
        if (preg_match('~^php-fpm: master process \(.*?/(\d+\.\d+)/~', (string) @file_get_contents($file), $match)) {
            $versions[$match[1]] = true;
        }
    }
    foreach ((array) glob('/etc/apache2/mods-enabled/php*.load') as $file) {
        $versions[preg_replace('~[^\d.]~', '', basename($file, '.load'))] = true;
    }
    return array_keys($versions);
}

// Extensions that the command line loads and a web server of the same PHP does not, as Debian configures them: 'fpm name'.
function ixporch_web_lacks()
{
    $names = function ($interface) {
        $files = (array) glob('/etc/php/' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION . "/$interface/conf.d/*.ini");
        return preg_replace('~^\d+-|\.ini$~', '', array_map('basename', $files));
    };
    $lacks = [];
    foreach (['fpm', 'apache2'] as $interface) {
        $there = $names($interface);
        foreach ($there ? array_diff($names('cli'), $there) : [] as $name) {
            $lacks[] = "$interface $name";
        }
    }
    return $lacks;
}

// Where a web server's PHP is told to keep compiled code whatever becomes of its files.
function ixporch_kept_code()
{
    $files = array_merge((array) glob('/etc/php/*/{fpm,apache2}/php.ini', GLOB_BRACE), (array) glob('/etc/php/*/{fpm,apache2}/conf.d/*.ini', GLOB_BRACE));
    return array_filter($files, function ($file) {
        return preg_match('~^\s*opcache\.validate_timestamps\s*=\s*"?(0|off|no|false)\b~mi', (string) @file_get_contents($file));
    });
}

// What can be had of memory, in bytes.
function ixporch_memory()
{
    preg_match_all('~^(?:MemAvailable|SwapFree):\s+(\d+) kB~m', (string) @file_get_contents('/proc/meminfo'), $found);
    return array_sum($found[1]) * 1024;
}

// The skins of the installation's own that its settings name, with the number of their files.
function ixporch_skins(array $settings)
{
    foreach (['VIEW_SKIN' => 'resources/skins', 'VIEW_SMARTY_SKIN' => 'application/views/_skins'] as $name => $folder) {
        $skin = basename($settings[$name]);
        if ($skin !== '' && is_dir("$folder/$skin")) {
            $files = array_filter(iterator_to_array(ixporch_below("$folder/$skin"), false), 'is_file');
            ixporch_tell('skin', "$folder/$skin " . count($files));
        }
    }
}

// All files and folders below a folder; what goes away meanwhile, or cannot be looked into, is left out.
function ixporch_below($folder)
{
    try {
        $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST, RecursiveIteratorIterator::CATCH_GET_CHILD);
        foreach ($files as $path => $file) {
            yield $path;
        }
    } catch (UnexpectedValueException $closed) {
        return;
    }
}

// How many files below a folder are somebody else's and cannot be written, with one of them; their size is added up.
function ixporch_foreign($folder, &$bytes)
{
    $until = time() + 20;
    $count = 0;
    $sample = '';
    $me = fileowner('/proc/self');
    foreach (ixporch_below($folder) as $path) {
        $stat = @lstat($path);
        if (!$stat || ($stat['mode'] & 0170000) === 0120000) {
            continue;
        }
        $bytes += ($stat['mode'] & 0170000) === 0100000 ? $stat['size'] : 0;
        if (time() > $until) {
            // On a slow disk the rest is not looked at.
            break;
        }
        // What git keeps there to have the folder is not written to, and whoever closed the site may be root.
        $is_meant = strpos(basename($path), '.git') !== 0 && $path !== 'storage/framework/down';
        if ($is_meant && $stat['uid'] !== $me && !is_writable($path)) {
            $count++;
            $sample = $path;
        }
    }
    return $count ? "$count $sample" : '';
}

// What of the settings and skins cannot be read, and so is no part of a backup.
function ixporch_unreadable()
{
    $found = [];
    foreach (array_filter(['.env', 'config', 'resources/skins', 'application/configs', 'application/views/_skins'], 'file_exists') as $path) {
        $below = is_dir($path) ? iterator_to_array(ixporch_below($path), false) : [];
        $found = array_merge($found, array_filter(array_merge([$path], $below), function ($path) {
            return file_exists($path) && !is_readable($path);
        }));
    }
    return $found;
}

// The folder above another one that the web user may not go into, where there is such a one.
function ixporch_shut($folder)
{
    $parts = explode('/', trim($folder, '/'));
    for ($at = 1; $at <= count($parts); $at++) {
        $above = '/' . implode('/', array_slice($parts, 0, $at));
        if (is_dir($above) && !is_executable($above)) {
            return $above;
        }
    }
    return '';
}

// Why the dump that an upgrade makes could not be made now; nothing where it could. No row is read.
function ixporch_trouble_of_dump(array $settings, array $tables, array $rights)
{
    ob_start();
    $command = str_replace(' --lock-tables ', ' --skip-lock-tables ', ixporch_dump_command($tables, $rights, $settings['DB_DATABASE']));
    ob_end_clean();
    $process = proc_open("exec $command --no-data", [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w'], ixporch_option_file($settings)], $pipes, null, ixporch_environment());
    $said = trim(stream_get_contents($pipes[2]));
    return proc_close($process) === 0 ? '' : $said;
}

// What is free where a folder is, or will be.
function ixporch_free($folder)
{
    while (!is_dir($folder) && strlen($folder) > 1) {
        $folder = dirname($folder);
    }
    return (int) disk_free_space($folder);
}

foreach (get_loaded_extensions() as $extension) {
    ixporch_tell('extension', strtolower($extension));
}
foreach (ixporch_web_versions() as $version) {
    ixporch_tell('web-php', $version);
}
foreach (ixporch_web_lacks() as $extension) {
    ixporch_tell('web-lacks', $extension);
}
foreach (ixporch_kept_code() as $file) {
    ixporch_tell('keeps-code', $file);
}
if (!ini_get('allow_url_fopen')) {
    ixporch_tell('asks-no-site', 'allow_url_fopen');
}
ixporch_tell('memory', ixporch_memory());
foreach (ixporch_jobs() as $job) {
    ixporch_tell('job', $job);
}
$bytes = 0;
foreach (['vendor', 'public/bower_components', 'storage', 'bootstrap/cache'] as $folder) {
    $foreign = is_dir($folder) ? ixporch_foreign($folder, $bytes) : '';
    if ($foreign !== '') {
        ixporch_tell('foreign', "$folder $foreign");
    }
    if ($folder === 'public/bower_components') {
        ixporch_tell('components-bytes', $bytes);
    }
}
ixporch_tell('backup-free', ixporch_free(getenv('BACKUPS')));
$place = @stat(dirname(getenv('BACKUPS')));
if ($place && ($place['uid'] !== 0 || ($place['mode'] & 0022) !== 0)) {
    ixporch_tell('backup-shared', dirname(getenv('BACKUPS')));
}
if (ixporch_shut(getenv('BACKUPS')) !== '') {
    ixporch_tell('backup-shut', ixporch_shut(getenv('BACKUPS')));
}
foreach (ixporch_unreadable() as $path) {
    ixporch_tell('unreadable', $path);
}
$memcached = @stream_socket_client('tcp://' . getenv('MEMCACHED_ADDRESS'), $number, $why, 3);
ixporch_tell($memcached ? 'memcached' : 'memcached-silent', $memcached ? 'answers' : $why);
try {
    $settings = ixporch_settings();
    foreach (['CACHE_DRIVER', 'DOCTRINE_CACHE'] as $name) {
        if ($settings[$name] === 'memcached') {
            ixporch_tell('memcached-used-by', $name);
        }
    }
    ixporch_tell('doctrine-cache', $settings['DOCTRINE_CACHE']);
    ixporch_skins($settings);
    $database = ixporch_database($settings);
    ixporch_tell('sql-mode', $database->query('SELECT @@sql_mode')->fetchColumn());
    $version = $database->query('SELECT VERSION()')->fetchColumn();
    ixporch_tell('database', $version);
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    $tables = ixporch_tables($database);
    ixporch_tell('database-user', ixporch_account($database));
    ixporch_tell('database-name', $settings['DB_DATABASE']);
    $missing = ixporch_missing_rights($rights, (bool) array_filter($tables, 'ixporch_is_other'));
    foreach ($missing as $right) {
        ixporch_tell('missing-right', $right);
    }
    if (ixporch_is_distrusted($database, $rights)) {
        ixporch_tell('distrusted', implode(', ', ixporch_forbidden($database, $rights, ixporch_definers($database))));
    }
    if (!$missing && (ixporch_has_program('mysqldump') || ixporch_has_program('mariadb-dump'))) {
        ixporch_tell('dump-trouble', ixporch_trouble_of_dump($settings, $tables, $rights));
    }
    ixporch_tell('database-bytes', array_sum(array_column($tables, 'bytes')));
    foreach ($tables as $name => $table) {
        if (ixporch_is_other($table)) {
            ixporch_tell('other-engine', "$name ($table[engine])");
        }
    }
    if (!ixporch_may_set_definer($rights, $version)) {
        $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
        foreach (array_diff(ixporch_definers($database), [$own]) as $object => $owner) {
            ixporch_tell('foreign-definer', "$object ($owner)");
        }
    }
} catch (Throwable $trouble) {
    ixporch_tell('database-trouble', $trouble->getMessage());
}
foreach (['mysqldump', 'mariadb-dump', 'mysql', 'mariadb', 'zstd', 'gzip', 'tar'] as $program) {
    if (ixporch_has_program($program)) {
        ixporch_tell('program', $program);
    }
}
$process = proc_open('exec ' . escapeshellarg(PHP_BINARY) . ' artisan doctrine:schema:validate --no-ansi', [['file', '/dev/null', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes, null, ixporch_environment());
$said = stream_get_contents($pipes[1]);
$code = proc_close($process);
ixporch_tell('validate', "$code $said");
// What drifted is shown; how Doctrine prints its statements stands in docs/schema-review.md.
$drift = in_array($code, [2, 3], true) ? preg_replace('~^.*needs updating\.\.\.~s', '', (string) ixporch_pending()) : '';
foreach (array_slice(array_filter(array_map('trim', explode(";     \n", $drift)), 'strlen'), 0, 20) as $statement) {
    ixporch_tell('drift', substr($statement, 0, 300));
}
// Without this line it was broken off, and what it did not say is not known.
ixporch_tell('end', 'whole');
