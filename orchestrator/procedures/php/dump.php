<?php
// How the database is dumped.
// The options of the dump: what cannot be read within one transaction is locked while it is read.
function ixporch_dump_command(array $tables, array $rights, $schema)
{
    $program = ixporch_has_program('mysqldump') ? 'mysqldump' : 'mariadb-dump';
    if (!ixporch_has_program($program)) {
        ixporch_fail('neither mysqldump nor mariadb-dump is there to make a dump with');
    }
    $process = ixporch_start("$program --no-defaults --help", [['file', '/dev/null', 'r'], ['pipe', 'w']], $pipes);
    $help = stream_get_contents($pipes[1]);
    proc_close($process);
    $options = ['--defaults-file=/dev/fd/3', '--quick', '--triggers', '--hex-blob', '--skip-add-locks', '--default-character-set=utf8mb4'];
    $others = array_filter($tables, function ($table) {
        return strcasecmp($table['engine'], 'InnoDB') !== 0;
    });
    if ($others) {
        $options[] = '--lock-tables';
        echo 'locked while they are read, since not all are InnoDB: ', implode(', ', array_keys($others)), "\n";
    } else {
        $options[] = '--single-transaction';
    }
    $all = in_array('ALL PRIVILEGES', $rights, true);
    foreach (['--events' => 'EVENT', '--routines' => 'CREATE ROUTINE'] as $option => $right) {
        if ($all || in_array($right, $rights, true)) {
            $options[] = $option;
        } else {
            echo "the database user has no right $right, and sees none of those: the dump is made without $option\n";
        }
    }
    foreach (['no-tablespaces' => '', 'set-gtid-purged' => '=OFF', 'column-statistics' => '=0'] as $option => $value) {
        if (strpos($help, "--$option") !== false) {
            $options[] = "--$option$value";
        }
    }
    return $program . ' ' . implode(' ', $options) . ' ' . escapeshellarg($schema);
}
