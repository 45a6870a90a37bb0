<?php
// How far something is, for whoever follows this step, at most once in a second.
function ixporch_progress($what, $done, $total)
{
    static $told = 0;
    if (time() > $told) {
        $told = time();
        echo "progress $done $total $what\n";
    }
}
