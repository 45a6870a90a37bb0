<?php
// uses: count.php, settings.php
// Prints how many rows the query has that is the first argument. Nothing is changed.
try {
    echo ixporch_count(ixporch_database(ixporch_settings()), $argv[1]), "\n";
} catch (Throwable $trouble) {
    fwrite(STDERR, $trouble->getMessage() . "\n");
    exit(1);
}
