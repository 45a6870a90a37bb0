<?php
// uses: client.php
// Empties what the application keeps of its own code and settings. What a release does not have, or cannot do now, is said.
foreach (['cache:clear', 'config:clear', 'route:clear', 'view:clear', 'doctrine:clear:metadata:cache', 'doctrine:clear:query:cache', 'doctrine:clear:result:cache'] as $command) {
    $process = proc_open('exec ' . escapeshellarg(PHP_BINARY) . " artisan $command --no-ansi --no-interaction", [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['file', '/dev/null', 'w']], $pipes, null, ixporch_environment());
    $code = proc_close($process);
    if ($code !== 0) {
        echo "artisan $command: exit code $code\n";
    }
}
