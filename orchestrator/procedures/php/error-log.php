<?php
// uses: backups.php
// What the application logged as an error since the run began: what is in its logs beyond where they ended when the backup
// was made. It is shown, and nothing follows from it.
$manifest = ixporch_manifest(ixporch_backup_folder());
$known = $manifest && isset($manifest['logs']) ? $manifest['logs'] : [];
$lines = [];
foreach ((array) glob('storage/logs/*.log') as $file) {
    $stream = @fopen($file, 'r');
    if (!$stream) {
        continue;
    }
    $size = filesize($file);
    $from = isset($known[$file]) && $known[$file] <= $size ? $known[$file] : 0;
    fseek($stream, $from);
    while (count($lines) < 1000 && ($line = fgets($stream, 4096)) !== false) {
        if (preg_match('~^\[\d{4}-[^\]]*\] \S+\.(ERROR|CRITICAL|ALERT|EMERGENCY): ~', $line)) {
            // Statements hold the values that were in them.
            $lines[] = substr(preg_replace('~ ?(?:\(SQL: |with params \[).*~', ' …', rtrim($line)), 0, 300);
        }
    }
}
if ($lines) {
    echo count($lines), " errors were logged since the run began\n", implode("\n", array_slice($lines, -20)), "\n";
}
