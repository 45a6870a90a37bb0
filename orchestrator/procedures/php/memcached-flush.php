<?php
// Flushes memcached on the address that is the first argument. If it does not run, nothing in it is stale; the way back tells
// that it could not be started, and its restart stays an open step.
$memcached = @stream_socket_client("tcp://$argv[1]", $number, $why, 5);
if (!$memcached) {
    fwrite(STDERR, "memcached does not run ($why): nothing in it is stale\nixporch-reason {\"code\":\"memcached-down\"}\n");
    exit(0);
}
stream_set_timeout($memcached, 5);
fwrite($memcached, "flush_all\r\nquit\r\n");
exit(strpos((string) stream_get_contents($memcached), 'OK') === 0 ? 0 : 1);
