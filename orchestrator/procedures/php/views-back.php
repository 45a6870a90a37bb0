<?php
// uses: backups.php, client.php, definitions.php, settings.php
// Makes the views and triggers those again that were there when the backup was made. What is as it was is not touched: where
// the database was restored from its dump, that is all of them.
$folder = ixporch_backup_folder();
$manifest = ixporch_manifest($folder);
if (!$manifest || !isset($manifest['definitions'])) {
    ixporch_fail("$folder holds no backup of the views: nothing was changed");
}
try {
    $database = ixporch_database(ixporch_settings());
    $now = ixporch_definitions($database);
    $broken = isset($manifest['broken_views']) ? $manifest['broken_views'] : [];
    foreach ($broken as $name => $why) {
        // Nobody can create a view that selects what is not there.
        unset($manifest['definitions']["VIEW $name"]);
        $is_there = isset($now["VIEW $name"]) ? 'it stays as it is now' : 'it cannot be created again';
        unset($now["VIEW $name"]);
        echo "view $name did not work before the run, so $is_there: $why\n";
    }
    foreach ($now as $object => $row) {
        $before = isset($manifest['definitions'][$object]) ? $manifest['definitions'][$object] : null;
        if ($before !== null && ixporch_without_definer($before) === ixporch_without_definer($row)) {
            continue;
        }
        ixporch_drop($database, $object);
        unset($now[$object]);
        echo ixporch_shown($object), $before === null ? " dropped: it did not exist before\n" : " dropped: it differs from the backup\n";
    }
    // A view may need one that comes after it: so often as there is any that can be made now.
    $missing = array_diff_key($manifest['definitions'], $now);
    do {
        $trouble = '';
        $left = count($missing);
        foreach ($missing as $object => $row) {
            try {
                $owner = ixporch_create($database, $row);
                unset($missing[$object]);
                echo ixporch_shown($object), ' restored', $owner === '' ? '' : ", now owned by the database user (before: $owner)", "\n";
            } catch (PDOException $why) {
                $trouble = ixporch_shown($object) . ' cannot be restored: ' . $why->getMessage() . "\nit was: $row[statement]";
            }
        }
    } while ($missing && count($missing) < $left);
} catch (Throwable $why) {
    $trouble = $why->getMessage();
}
if ($trouble !== '') {
    ixporch_fail($trouble);
}
