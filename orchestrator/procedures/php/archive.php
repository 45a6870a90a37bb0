<?php
// Backups of this host: BACKUPS has a folder for each run that made one, with a manifest and three archives. What goes
// into an archive and comes out of it passes through here, so that it can be counted and compared.
umask(0077);
ini_set('memory_limit', '-1');
const IXPORCH_CHUNK = 262144;

// Where this host's backups are.
function ixporch_backups_folder()
{
    $folder = rtrim((string) getenv('BACKUPS'), '/');
    if ($folder === '') {
        ixporch_fail('BACKUPS does not name the folder of the backups');
    }
    return $folder;
}

// The folder of this run's backup, or of that of the run which is taken back; IXPORCH_STEP begins with the run.
function ixporch_backup_folder()
{
    $run = (string) getenv('IXPORCH_BACKUP_RUN') ?: strtok((string) getenv('IXPORCH_STEP'), '/');
    if (!preg_match('~^[0-9a-f-]{8,64}$~', (string) $run)) {
        ixporch_fail('IXPORCH_STEP does not name the run of the backup');
    }
    return ixporch_backups_folder() . "/$run";
}

// The manifest of a backup; null where it has none: then it is no backup.
function ixporch_manifest($folder)
{
    $manifest = json_decode((string) @file_get_contents("$folder/manifest.json"), true);
    return is_array($manifest) && isset($manifest['archives']) ? $manifest : null;
}

// All backups of this host, the newest first: folder => manifest.
function ixporch_backups()
{
    $known = [];
    foreach ((array) glob(ixporch_backups_folder() . '/*/manifest.json') as $file) {
        $manifest = ixporch_manifest(dirname($file));
        if ($manifest && !preg_match('~\.(new|old)$~', dirname($file))) {
            $known[dirname($file)] = $manifest;
        }
    }
    uasort($known, function ($one, $other) {
        return $other['started'] - $one['started'];
    });
    return $known;
}

// The backup whose folder begins so; the newest where none is named.
function ixporch_chosen_backup($name)
{
    foreach (ixporch_backups() as $folder => $manifest) {
        if ($name === '' || strpos(basename($folder), $name) === 0) {
            return [$folder, $manifest];
        }
    }
    ixporch_fail(ixporch_backups_folder() . ($name === '' ? ' holds no backup' : " holds no backup $name"));
}

function ixporch_has_program($name)
{
    foreach (explode(':', (string) getenv('PATH')) as $folder) {
        if (is_executable("$folder/$name")) {
            return true;
        }
    }
    return false;
}

// Starts a program; $streams are its descriptors besides standard error.
function ixporch_start($command, array $streams, &$pipes)
{
    $started = proc_open("exec $command", $streams + [2 => STDERR], $pipes, null, ixporch_environment());
    if (!$started) {
        ixporch_fail(strtok($command, ' ') . ' could not be started');
    }
    return $started;
}

// How far something is, for whoever follows this step, at most once in a second.
function ixporch_progress($what, $done, $total)
{
    static $told = 0;
    if (time() > $told) {
        $told = time();
        echo "progress $done $total $what\n";
    }
}

// The length of the longest line of what it is told piece by piece.
function ixporch_longest_line($chunk, array &$seen)
{
    $lines = explode("\n", $chunk);
    $seen['open'] += strlen($lines[0]);
    $seen['longest'] = max($seen['longest'], $seen['open']);
    if (count($lines) > 1) {
        $seen['open'] = strlen(end($lines));
        $seen['longest'] = max($seen['longest'], max(array_map('strlen', $lines)));
    }
}

// Writes what $command prints into a compressed file; gives what the manifest says of it. $total is about how much it will be.
function ixporch_pack($command, array $streams, $folder, $name, $total, array $good = [0])
{
    $is_zstd = ixporch_has_program('zstd');
    $file = $name . ($is_zstd ? '.zst' : '.gz');
    $target = fopen("$folder/$file", 'xb');
    if (!$target) {
        ixporch_fail("$folder/$file cannot be written");
    }
    $source = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']] + $streams, $from);
    $packer = ixporch_start($is_zstd ? 'zstd -q -c' : 'gzip -c', [['pipe', 'r'], $target], $to);
    $hash = hash_init('sha256');
    $bytes = 0;
    $tail = '';
    $seen = ['open' => 0, 'longest' => 0];
    $is_written = true;
    while ($is_written && ($chunk = fread($from[1], IXPORCH_CHUNK)) !== false && $chunk !== '') {
        hash_update($hash, $chunk);
        $bytes += strlen($chunk);
        $tail = substr($tail . $chunk, -512);
        ixporch_longest_line($chunk, $seen);
        $is_written = @fwrite($to[0], $chunk) === strlen($chunk);
        ixporch_progress($name, $bytes, $total);
    }
    fclose($from[1]);
    fclose($to[0]);
    $codes = [proc_close($source), proc_close($packer)];
    fclose($target);
    if (!$is_written || $codes[1] !== 0) {
        ixporch_fail("$folder/$file could not be written (is the disk full? the packer exited with $codes[1])");
    }
    if (!in_array($codes[0], $good, true)) {
        ixporch_fail(strtok($command, ' ') . " exited with $codes[0]");
    }
    $digest = hash_final($hash);
    ixporch_check_archive("$folder/$file", ['plain_bytes' => $bytes, 'plain_sha256' => $digest]);
    return [
        'file' => $file,
        'bytes' => filesize("$folder/$file"),
        'sha256' => hash_file('sha256', "$folder/$file"),
        'plain_bytes' => $bytes,
        'plain_sha256' => $digest,
        'longest_line' => $seen['longest'],
        'tail' => $tail,
    ];
}

// Reads an archive to its end; gives why it is not what its manifest says, or nothing.
function ixporch_trouble_of_archive($file, array $known)
{
    if (!is_readable($file)) {
        return "$file is missing, or cannot be read";
    }
    if (isset($known['sha256']) && hash_file('sha256', $file) !== $known['sha256']) {
        return "$file is damaged: its sha256 differs";
    }
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $hash = hash_init('sha256');
    $bytes = 0;
    while (($chunk = fread($from[1], IXPORCH_CHUNK)) !== false && $chunk !== '') {
        hash_update($hash, $chunk);
        $bytes += strlen($chunk);
        ixporch_progress('reading ' . basename($file), $bytes, $known['plain_bytes']);
    }
    fclose($from[1]);
    $code = proc_close($reader);
    if ($code !== 0) {
        return "$file cannot be unpacked (exit code $code)";
    }
    $is_same = $bytes === $known['plain_bytes'] && hash_final($hash) === $known['plain_sha256'];
    return $is_same ? '' : "$file is damaged: its content differs from what was written";
}

function ixporch_check_archive($file, array $known)
{
    $trouble = ixporch_trouble_of_archive($file, $known);
    if ($trouble !== '') {
        ixporch_fail($trouble);
    }
}

function ixporch_unpacker($file)
{
    return substr($file, -4) === '.zst' ? 'zstd -q -d -c' : 'gzip -d -c';
}

// A number of bytes for people.
function ixporch_bytes($bytes)
{
    $units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    $at = 0;
    for (; $bytes >= 1024 && $at < 4; $at++) {
        $bytes /= 1024;
    }
    return ($at === 0 || $bytes >= 10 ? round($bytes) : round($bytes, 1)) . " $units[$at]";
}

// Everything below these paths is on the disk.
function ixporch_sync(array $paths)
{
    $process = ixporch_start('sync ' . implode(' ', array_map('escapeshellarg', $paths)), [['file', '/dev/null', 'r'], STDOUT], $pipes);
    if (proc_close($process) !== 0) {
        ixporch_fail('the files could not be synced to disk');
    }
}
