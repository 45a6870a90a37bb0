<?php
// uses: watch-locks.php
// Runs the command that its arguments are, and ends a statement that waits too long for a lock (LOCK_WAIT_TIMEOUT, in seconds).
exit(ixporch_run_watched(array_slice($argv, 1), '', ixporch_inherited()));
