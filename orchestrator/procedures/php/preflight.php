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

// How many files below a folder somebody else owns, with one of them, and their size.
function ixporch_foreign($folder, &$bytes)
{
    $count = 0;
    $sample = '';
    $me = function_exists('posix_geteuid') ? posix_geteuid() : fileowner('/proc/self');
    $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST, RecursiveIteratorIterator::CATCH_GET_CHILD);
    foreach ($files as $path => $file) {
        $bytes += $file->isFile() ? $file->getSize() : 0;
        if (!$file->isLink() && $file->getOwner() !== $me && ($folder !== 'storage' || !is_writable($path))) {
            $count++;
            $sample = $path;
        }
    }
    return $count ? "$count $sample" : '';
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
ixporch_tell('backup-free', ixporch_free(getenv('BACKUP_DIR')));
list($host, $port) = explode(':', getenv('MEMCACHED_ADDRESS')) + ['', '11211'];
$memcached = @stream_socket_client('tcp://' . getenv('MEMCACHED_ADDRESS'), $number, $why, 3);
ixporch_tell($memcached ? 'memcached' : 'memcached-silent', $memcached ? 'answers' : $why);
try {
    $settings = ixporch_settings();
    foreach (['CACHE_DRIVER', 'DOCTRINE_CACHE'] as $name) {
        if ($settings[$name] === 'memcached') {
            ixporch_tell('memcached-used-by', $name);
        }
    }
    $database = ixporch_database($settings);
    ixporch_tell('database', $database->query('SELECT VERSION()')->fetchColumn());
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    ixporch_tell('database-user', $database->query('SELECT CURRENT_USER()')->fetchColumn());
    ixporch_tell('database-name', $settings['DB_DATABASE']);
    foreach (ixporch_missing_rights($rights) as $right) {
        ixporch_tell('missing-right', $right);
    }
    $tables = ixporch_tables($database);
    ixporch_tell('database-bytes', array_sum(array_column($tables, 'bytes')));
    foreach ($tables as $name => $table) {
        if (strcasecmp($table['engine'], 'InnoDB') !== 0) {
            ixporch_tell('other-engine', "$name ($table[engine])");
        }
    }
    if (!ixporch_may_set_definer($rights)) {
        $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
        foreach (array_diff(ixporch_definers($database), [$own]) as $object => $owner) {
            ixporch_tell('foreign-definer', "$object ($owner)");
        }
    }
} catch (Throwable $trouble) {
    ixporch_tell('database-trouble', $trouble->getMessage());
}
foreach (['mysqldump', 'mariadb-dump', 'mysql', 'zstd', 'gzip', 'tar'] as $program) {
    if (ixporch_has_program($program)) {
        ixporch_tell('program', $program);
    }
}
$process = proc_open('exec ' . escapeshellarg(PHP_BINARY) . ' artisan doctrine:schema:validate --no-ansi', [['file', '/dev/null', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes, null, ixporch_environment());
$said = stream_get_contents($pipes[1]);
ixporch_tell('validate', proc_close($process) . ' ' . $said);
