<?php
// One fact on a line: its name, a tab, its value.
function ixporch_tell($name, $value)
{
    echo $name, "\t", strtr(trim((string) $value), "\n\t", '  '), "\n";
}
