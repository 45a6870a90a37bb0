<?php
// uses: client.php, sessions.php, settings.php
// Runs a program, and looks meanwhile whether a statement of the database user waits for a lock that another session holds.

// How long a statement may wait, in seconds.
function ixporch_lock_wait()
{
    return max(1, (int) getenv('LOCK_WAIT_TIMEOUT'));
}

// The environment as this script was started with it: what phpdotenv adds later is for nobody else. PHP 7.0 gives it by
// $_SERVER alone.
function ixporch_inherited()
{
    $own = ['PHP_SELF', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_TRANSLATED', 'DOCUMENT_ROOT', 'LOCK_WAIT_TIMEOUT', 'ROWS', 'COMMAND', 'STATEMENT'];
    return array_filter(array_diff_key($_SERVER, array_flip($own)), 'is_string');
}

// The number of a session that is older than all that will be begun; null: nobody can look.
function ixporch_first_session(&$database)
{
    try {
        $database = ixporch_database(ixporch_settings());
        return (int) $database->query('SELECT CONNECTION_ID()')->fetchColumn();
    } catch (Throwable $trouble) {
        return null;
    }
}

// The streams of the program are those of this script, but for its input. Gives its exit code.
function ixporch_run_watched(array $words, $input, array $environment)
{
    $database = null;
    $after = ixporch_first_session($database);
    $command = 'exec ' . implode(' ', array_map('escapeshellarg', $words));
    $program = proc_open($command, [['pipe', 'r'], STDOUT, STDERR], $pipes, null, $environment);
    if (!$program) {
        ixporch_fail('it could not be started');
    }
    @fwrite($pipes[0], $input);
    fclose($pipes[0]);
    $looked = microtime(true);
    $why = '';
    while (($status = proc_get_status($program)) && $status['running']) {
        usleep(50000);
        // What takes only a moment is not looked at.
        if ($after === null || microtime(true) - $looked < 2) {
            continue;
        }
        $looked = microtime(true);
        try {
            $database = $database ?: ixporch_database(ixporch_settings());
            $why = ixporch_look_at_locks($database, $after) ?: $why;
        } catch (Throwable $trouble) {
            // Whoever cannot look waits as before.
            $database = null;
        }
    }
    if ($why !== '') {
        fwrite(STDERR, "$why\n");
    }
    return $status['signaled'] ? 128 + $status['termsig'] : $status['exitcode'];
}

// Says who waits, and ends statements that have waited too long. Gives why, if it ended one.
function ixporch_look_at_locks(PDO $database, $after)
{
    static $told = 0;
    $why = '';
    $waiting = ixporch_waiting($database, $after);
    foreach ($waiting as $session => $wait) {
        $others = ixporch_other_sessions($database, $waiting);
        if ($wait['seconds'] >= ixporch_lock_wait()) {
            try {
                $database->exec("KILL QUERY $session");
            } catch (PDOException $over) {
                // It has ended by itself.
                continue;
            }
            $why = "it waited $wait[seconds] s (lock_wait_timeout) for a lock that another session holds: $others\nthe statement was: $wait[statement]";
        } elseif (time() - $told >= 10) {
            $told = time();
            fwrite(STDERR, "waiting for $wait[seconds] s ($wait[state]): $wait[statement]\n  others: $others\n");
        }
    }
    return $why;
}
