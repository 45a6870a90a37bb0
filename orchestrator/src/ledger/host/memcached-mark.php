<?php
// Prints the process id and the uptime of memcached on the address that is the first argument: a restart changes them.
$memcached = @stream_socket_client("tcp://$argv[1]", $number, $why, 5);
if (!$memcached) {
    exit(1);
}
stream_set_timeout($memcached, 5);
fwrite($memcached, "stats\r\nquit\r\n");
$known = ['pid' => '?', 'uptime' => '?'];
while (($line = fgets($memcached)) !== false) {
    if (preg_match('~^STAT (pid|uptime) (\d+)~', $line, $found)) {
        $known[$found[1]] = $found[2];
    }
}
echo "memcached $known[pid] $known[uptime]";
