<?php
// uses: jobs.php, limits.php, progress.php
// Waits until nothing of the installation runs any more: what was started before the site was closed goes on, and writes.
$until = time() + (int) getenv('QUIET_TIMEOUT');
while ($jobs = ixporch_jobs()) {
    if (time() >= $until) {
        fwrite(STDERR, "still running:\n" . implode("\n", $jobs) . "\nWait until they end, or stop them. `quiet_timeout` sets the time to wait. `writers` sets the command that stops permanent processes.\n");
        exit(1);
    }
    ixporch_progress(count($jobs) . ' artisan processes', 0, 0);
    sleep(1);
}
