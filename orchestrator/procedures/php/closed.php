<?php
// The file that keeps the site closed, so that it is told from another one of the same name; null where the site is open.
function ixporch_closed()
{
    clearstatcache();
    $file = @stat('storage/framework/down');
    return $file ? [$file['ino'], $file['ctime']] : null;
}
