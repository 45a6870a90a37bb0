<?php
// uses: client.php, programs.php, prune.php
// How a backup comes to its place: complete and on disk, or not at all.

// The empty folder that a backup is made in.
function ixporch_make_folder($new)
{
    ixporch_remove($new);
    if (!mkdir($new, 0700)) {
        ixporch_fail("$new could not be created");
    }
}

// Writes the manifest, without which a folder is no backup, and takes the room that a restore needs on a full disk.
function ixporch_write_manifest($new, array $manifest)
{
    $text = json_encode($manifest, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n";
    if (file_put_contents("$new/manifest.json", $text) !== strlen($text)) {
        ixporch_fail("$new/manifest.json could not be written: is the disk full?");
    }
    $room = "$new/restore-room";
    if (file_put_contents($room, str_repeat(' ', 256)) !== 256) {
        ixporch_fail("$room could not be written: is the disk full?");
    }
    $files = ["$new/manifest.json", $room, $new];
    foreach ($manifest['archives'] as $archive) {
        $files[] = "$new/$archive[file]";
    }
    ixporch_sync($files);
}

// Gives the backup its name. Where the host came back to its start and goes again, this is the start from now on.
function ixporch_put_in_place($new, $folder, $base)
{
    ixporch_remove("$folder.old");
    if (is_dir($folder)) {
        rename($folder, "$folder.old");
    }
    if (!rename($new, $folder)) {
        ixporch_fail("$new could not be renamed to $folder");
    }
    ixporch_sync([$base]);
    ixporch_remove("$folder.old");
}
