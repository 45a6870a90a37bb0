<?php
// uses: http.php
// Before the site is opened: whether the application is whole, as far as that is seen without a web server.
function ixporch_run($command)
{
    $process = proc_open("exec $command", [['file', '/dev/null', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes);
    $said = stream_get_contents($pipes[1]);
    return [proc_close($process), trim($said)];
}

// Files below these folders that the application could not write to.
function ixporch_not_writable(array $folders)
{
    $found = [];
    foreach (array_filter($folders, 'is_dir') as $folder) {
        $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST, RecursiveIteratorIterator::CATCH_GET_CHILD);
        foreach ($files as $path => $file) {
            // What is its own it can make writable: git and composer leave such files in their caches.
            $is_meant = strpos($path, 'storage/.') !== 0 && strpos(basename($path), '.git') !== 0 && $path !== 'storage/framework/down';
            $is_there = $is_meant && !$file->isLink() && file_exists($path);
            if ($is_there && !is_writable($path) && @fileowner($path) !== fileowner('/proc/self')) {
                $found[] = $path;
            }
        }
    }
    return $found;
}

// What bower.json names and is not there, or is empty; and what the pages load of it, by the layouts that all of them have.
function ixporch_missing_components()
{
    $wanted = json_decode((string) @file_get_contents('bower.json'), true);
    $names = isset($wanted['dependencies']) ? array_keys($wanted['dependencies']) : [];
    $missing = array_filter($names, function ($name) {
        return count((array) @scandir("public/bower_components/$name")) <= 2;
    });
    foreach ($wanted ? (array) glob('resources/views/layouts/*.php') : [] as $layout) {
        preg_match_all('~\bbower_components/[\w./-]+\.(?:js|css)\b~', (string) @file_get_contents($layout), $found);
        $missing = array_merge($missing, array_filter($found[0], function ($file) {
            return (int) @filesize("public/$file") === 0;
        }));
    }
    return array_unique($missing);
}

$artisan = escapeshellarg(PHP_BINARY) . ' artisan';
$troubles = [];
list($code, $said) = ixporch_run("$artisan --version");
if ($code !== 0) {
    $troubles[] = "artisan does not start (exit code $code)";
}
$version = ixporch_installed_version();
$wanted = (string) getenv('TARGET_VERSION');
if ($version === '') {
    $troubles[] = 'the code does not say which version it is';
} elseif ($wanted !== '' && $version !== $wanted) {
    $troubles[] = "the code says that it is version $version, and the target's is $wanted";
}
$missing = ixporch_missing_components();
if ($missing) {
    $troubles[] = 'front-end components are missing: ' . implode(', ', $missing);
}
$files = ixporch_not_writable(['storage', 'bootstrap/cache']);
if ($files) {
    $troubles[] = count($files) . ' files cannot be written by the web user, such as ' . implode(', ', array_slice($files, 0, 3));
}
if ($code === 0 && version_compare($version, '4.9.0', '>=') && glob('database/migrations/*_*.php')) {
    list($code, $said) = ixporch_run("$artisan migrate:status --no-ansi");
    if (preg_match('~^\s*\|\s*No?\s*\||\bPending\b|No migrations found~m', $said)) {
        $troubles[] = "migrations are pending: artisan migrate --force\n$said";
    }
}
if ($troubles) {
    fwrite(STDERR, implode("\n", $troubles) . "\n");
    exit(1);
}
echo "version $version\n";
