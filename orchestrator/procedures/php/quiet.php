<?php
// Waits until nothing of the installation runs any more: what was started before the site was closed goes on, and writes.
$until = time() + (int) getenv('QUIET_TIMEOUT');
while ($jobs = ixporch_jobs()) {
    if (time() >= $until) {
        fwrite(STDERR, "still running:\n" . implode("\n", $jobs) . "\nwait for their end, or stop them; quiet_timeout says how long is waited, and writers how what never ends is stopped\n");
        exit(1);
    }
    ixporch_progress(count($jobs) . ' artisan processes', 0, 0);
    sleep(1);
}
