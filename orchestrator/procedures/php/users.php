<?php
// uses: client.php, programs.php
// Users of the host, and what programs print.

// What a program prints, and whether it succeeded.
function ixporch_output_of($command, &$code)
{
    $process = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $output = stream_get_contents($pipes[1]);
    $code = proc_close($process);
    return $output;
}

// The number of the user that a variable names; with `g` that of its group.
function ixporch_id($variable, $what = 'u')
{
    $id = trim(ixporch_output_of("id -$what " . escapeshellarg((string) getenv($variable)), $code));
    if ($code !== 0) {
        ixporch_fail('there is no user ' . getenv($variable));
    }
    return (int) $id;
}
