<?php
// uses: count.php, tell.php
// What releases ask the database before they are installed: of each query, the number of its rows. One that does not fit this
// release's tables has no answer; of others it is told that they could not be asked.
function ixporch_tell_releases(PDO $database, $queries)
{
    ixporch_limit_statements($database);
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
