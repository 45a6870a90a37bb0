<?php
// uses: client.php, tables.php, tell.php
// What the preflight asks about the mapping and the schema.
function ixporch_tell_schema()
{
    $process = proc_open('exec ' . escapeshellarg(PHP_BINARY) . ' artisan doctrine:schema:validate --no-ansi', [['file', '/dev/null', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes, null, ixporch_environment());
    $said = stream_get_contents($pipes[1]);
    $code = proc_close($process);
    ixporch_tell('validate', "$code $said");
    // What drifted is shown; how Doctrine prints its statements stands in docs/schema-review.md.
    $drift = in_array($code, [2, 3], true) ? preg_replace('~^.*needs updating\.\.\.~s', '', (string) ixporch_pending()) : '';
    foreach (array_slice(array_filter(array_map('trim', explode(";     \n", $drift)), 'strlen'), 0, 20) as $statement) {
        ixporch_tell('drift', substr($statement, 0, 300));
    }
}
