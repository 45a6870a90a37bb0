<?php
// uses: backups.php, bytes.php
// The backups of this host, the newest first.
$backups = ixporch_backups();
foreach ($backups as $folder => $manifest) {
    $bytes = array_sum(array_column($manifest['archives'], 'bytes'));
    echo gmdate('Y-m-d H:i:s\Z', $manifest['started']), '  ', basename($folder), '  ', count($manifest['tables']), ' tables  ', ixporch_bytes($bytes), "  $folder\n";
}
if (!$backups) {
    echo "no backup\n";
}
