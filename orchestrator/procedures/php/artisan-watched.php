<?php
// uses: client.php, watch-locks.php
// Runs artisan with these arguments, and ends a statement that waits too long for a lock (LOCK_WAIT_TIMEOUT, in seconds).
exit(ixporch_run_watched(array_merge([PHP_BINARY], array_slice($argv, 1)), '', ixporch_environment()));
