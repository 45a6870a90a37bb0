<?php
// uses: client.php, programs.php, tables.php
// How the database is dumped.
// The options of the dump: what cannot be read within one transaction is locked while it is read. Views that do not work are
// left out (`$but`).
function ixporch_dump_command(array $tables, array $rights, $schema, array $but = [])
{
    $program = ixporch_has_program('mysqldump') ? 'mysqldump' : 'mariadb-dump';
    if (!ixporch_has_program($program)) {
        ixporch_fail('neither mysqldump nor mariadb-dump is installed, so no dump can be made');
    }
    $process = ixporch_start("$program --no-defaults --help", [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $help = stream_get_contents($pipes[1]);
    proc_close($process);
    $options = ['--defaults-file=/dev/fd/3', '--quick', '--triggers', '--hex-blob', '--skip-add-locks', '--default-character-set=utf8mb4'];
    $others = array_filter($tables, 'ixporch_is_other');
    if ($others) {
        $options[] = '--lock-tables';
        echo 'locked while they are read, since not all are InnoDB: ', implode(', ', array_keys($others)), "\n";
    } else {
        $options[] = '--single-transaction';
    }
    foreach (['--events' => ixporch_has_events($rights), '--routines' => ixporch_has_routines($rights)] as $option => $is_allowed) {
        if ($is_allowed) {
            $options[] = $option;
        } else {
            echo "the dump is made without $option, since the database user could not recreate them; a restore leaves them as they are\n";
        }
    }
    // What MySQL's program does by itself and the database user may not do: other versions, and MariaDB's, do not know all of these.
    $mysql = ['no-tablespaces' => '--no-tablespaces', 'set-gtid-purged' => '--set-gtid-purged=OFF', 'column-statistics' => '--column-statistics=0', 'masking-policies' => '--skip-masking-policies'];
    foreach ($mysql as $known => $option) {
        if (strpos($help, "--$known") !== false) {
            $options[] = $option;
        }
    }
    foreach ($but as $view) {
        $options[] = escapeshellarg("--ignore-table=$schema.$view");
    }
    return $program . ' ' . implode(' ', $options) . ' ' . escapeshellarg($schema);
}
