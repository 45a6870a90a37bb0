<?php
// uses: jobs.php, programs.php, tell.php
// What the preflight asks about the machine: memory, processes, memcached, programs.

// What can be had of memory, in bytes.
function ixporch_memory()
{
    preg_match_all('~^(?:MemAvailable|SwapFree):\s+(\d+) kB~m', (string) @file_get_contents('/proc/meminfo'), $found);
    return array_sum($found[1]) * 1024;
}

function ixporch_tell_memory_and_jobs()
{
    ixporch_tell('memory', ixporch_memory());
    foreach (ixporch_jobs() as $job) {
        ixporch_tell('job', $job);
    }
}

function ixporch_tell_memcached($address)
{
    $memcached = @stream_socket_client("tcp://$address", $number, $why, 3);
    ixporch_tell($memcached ? 'memcached' : 'memcached-silent', $memcached ? 'answers' : $why);
}

function ixporch_tell_programs()
{
    foreach (['mysqldump', 'mariadb-dump', 'mysql', 'mariadb', 'zstd', 'gzip', 'tar'] as $program) {
        if (ixporch_has_program($program)) {
            ixporch_tell('program', $program);
        }
    }
}
