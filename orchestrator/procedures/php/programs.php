<?php
// uses: client.php, limits.php
// Other programs, which scripts start.
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

// Everything below these paths is on the disk.
function ixporch_sync(array $paths)
{
    $process = ixporch_start('sync ' . implode(' ', array_map('escapeshellarg', $paths)), [['file', '/dev/null', 'r'], STDOUT], $pipes);
    if (proc_close($process) !== 0) {
        ixporch_fail('the files could not be synced to disk');
    }
}
