<?php
// uses: count.php, settings.php
// Asks what the preflight asked for the releases that are installed: RELEASE_CHECKS is a list of [name, query, what, remedy].
// Nothing is changed.
try {
    $database = ixporch_database(ixporch_settings());
    $is_bad = false;
    foreach ((array) json_decode((string) getenv('RELEASE_CHECKS'), true) as list($name, $query, $what, $remedy)) {
        try {
            $rows = ixporch_count($database, $query);
        } catch (PDOException $trouble) {
            if (!ixporch_is_of_another_release($trouble)) {
                throw $trouble;
            }
            // What the installed release does not have cannot stand in the way.
            $rows = 0;
        }
        if ($rows === 0) {
            echo "$name: good\n";
            continue;
        }
        $is_bad = true;
        fwrite(STDERR, "$name: $rows $what\n  help: $remedy\n  see them: $query\n");
    }
    exit($is_bad ? 1 : 0);
} catch (Throwable $trouble) {
    fwrite(STDERR, 'the checks of the release could not be asked: ' . $trouble->getMessage() . "\n");
    exit(1);
}
