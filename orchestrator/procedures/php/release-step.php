<?php
// uses: client.php, count.php, settings.php, watch-locks.php
// Does what a release needs once: an artisan command, or a statement. ROWS is a query for what it is still to be done for: it
// is not done again if there is nothing left, and it has failed if it leaves anything.

// A question of the command is answered with yes. Without a terminal, older versions of Symfony's console ask only if
// SHELL_INTERACTIVE is set, and only without --no-interaction.
function ixporch_artisan(array $words, array $inherited)
{
    $environment = ['SHELL_INTERACTIVE' => '1'] + $inherited;
    return ixporch_run_watched(array_merge($words, ['--no-ansi']), "yes\nyes\nyes\n", $environment);
}

$inherited = ixporch_inherited();
try {
    $rows = ixporch_count(ixporch_database(ixporch_settings()), getenv('ROWS'));
    if ($rows === 0) {
        echo "there is nothing to do\n";
        exit(0);
    }
    echo "to be done for $rows rows\n";
    if ((string) getenv('STATEMENT') !== '') {
        $changed = ixporch_database(ixporch_settings())->exec(getenv('STATEMENT'));
        echo "$changed rows written\n";
    } else {
        $code = ixporch_artisan(json_decode(getenv('COMMAND'), true), $inherited);
        if ($code !== 0) {
            ixporch_fail("artisan ended with exit code $code");
        }
    }
    $left = ixporch_count(ixporch_database(ixporch_settings()), getenv('ROWS'));
    if ($left !== 0) {
        ixporch_fail("$left of $rows rows are left: it was not, or not wholly, done");
    }
} catch (Throwable $trouble) {
    ixporch_fail($trouble->getMessage());
}
