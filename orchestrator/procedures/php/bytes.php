<?php
// A number of bytes for people.
function ixporch_bytes($bytes)
{
    $units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    $at = 0;
    for (; $bytes >= 1024 && $at < 4; $at++) {
        $bytes /= 1024;
    }
    return ($at === 0 || $bytes >= 10 ? round($bytes) : round($bytes, 1)) . " $units[$at]";
}
