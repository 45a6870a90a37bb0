<?php
// uses: count.php, tell.php
// What releases ask the database before they are installed: of each query, the number of its rows. One that does not fit this
// release's tables has no answer; of others it is told that they could not be asked.
function ixporch_tell_releases(PDO $database, $queries)
{
    // A long table is not read to its end for a look: statements end after 5 seconds, in the words of MariaDB or of MySQL.
    foreach (['max_statement_time = 5', 'max_execution_time = 5000'] as $limit) {
        try {
            $database->exec("SET SESSION $limit");
        } catch (PDOException $unknown) {
            continue;
        }
    }
    foreach ((array) json_decode((string) $queries, true) as $name => $query) {
        try {
            ixporch_tell('release', "$name " . ixporch_count($database, $query));
        } catch (PDOException $trouble) {
            if (!ixporch_is_of_another_release($trouble)) {
                ixporch_tell('release-unasked', $name);
            }
        }
    }
}
