<?php
// uses: client.php, limits.php
// Backups of this host: BACKUPS has a folder for each run that made one, with a manifest and three archives.

// Where this host's backups are.
function ixporch_backups_folder()
{
    $folder = rtrim((string) getenv('BACKUPS'), '/');
    if ($folder === '') {
        ixporch_fail('BACKUPS does not name the folder of the backups');
    }
    return $folder;
}

// The folder of this run's backup, or of that of the run which is taken back; IXPORCH_STEP begins with the run.
function ixporch_backup_folder()
{
    $run = (string) getenv('IXPORCH_BACKUP_RUN') ?: strtok((string) getenv('IXPORCH_STEP'), '/');
    if (!preg_match('~^[0-9a-f-]{8,64}$~', (string) $run)) {
        ixporch_fail('IXPORCH_STEP does not name the run of the backup');
    }
    return ixporch_backups_folder() . "/$run";
}

// The manifest of a backup; null where it has none: then it is no backup.
function ixporch_manifest($folder)
{
    $manifest = json_decode((string) @file_get_contents("$folder/manifest.json"), true);
    return is_array($manifest) && isset($manifest['archives']) ? $manifest : null;
}

// All backups of this host, the newest first: folder => manifest.
function ixporch_backups()
{
    $known = [];
    foreach ((array) glob(ixporch_backups_folder() . '/*/manifest.json') as $file) {
        $manifest = ixporch_manifest(dirname($file));
        if ($manifest && !preg_match('~\.(new|old)$~', dirname($file))) {
            $known[dirname($file)] = $manifest;
        }
    }
    uasort($known, function ($one, $other) {
        return $other['started'] - $one['started'];
    });
    return $known;
}

// The backup with this name, or the beginning of it; the newest if the name is empty.
function ixporch_chosen_backup($name)
{
    foreach (ixporch_backups() as $folder => $manifest) {
        if ($name === '' || strpos(basename($folder), $name) === 0) {
            return [$folder, $manifest];
        }
    }
    ixporch_fail(ixporch_backups_folder() . ($name === '' ? ' holds no backup' : " holds no backup $name"));
}
