<?php
// What is in the database: its tables with a checksum of their rows each, and what the database user may do with it.
function ixporch_rows(PDO $database, $query)
{
    return $database->query($query)->fetchAll(PDO::FETCH_NUM);
}

// The base tables by name, with engine, size and number of rows as the server estimates them.
function ixporch_tables(PDO $database)
{
    $tables = [];
    $rows = ixporch_rows($database, "SELECT TABLE_NAME, ENGINE, COALESCE(DATA_LENGTH, 0) FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_NAME");
    foreach ($rows as $row) {
        $tables[$row[0]] = ['engine' => (string) $row[1], 'bytes' => (int) $row[2]];
    }
    return $tables;
}

// A checksum of the rows of each table, with their number: 'rows checksum'.
function ixporch_checksums(PDO $database, array $names)
{
    $sums = [];
    foreach ($names as $name) {
        $quoted = ixporch_quoted($name);
        $sum = $database->query("CHECKSUM TABLE $quoted")->fetch(PDO::FETCH_NUM);
        $rows = $database->query("SELECT COUNT(*) FROM $quoted")->fetchColumn();
        $sums[$name] = "$rows $sum[1]";
        ixporch_progress('checksums', count($sums), count($names));
    }
    return $sums;
}

// The names whose values differ between two lists, also where one of them does not have it.
function ixporch_differing(array $one, array $other)
{
    $names = array_keys($one + $other);
    return array_values(array_filter($names, function ($name) use ($one, $other) {
        return !isset($one[$name], $other[$name]) || $one[$name] !== $other[$name];
    }));
}

// What the database user may do in its database, in capital letters. Roles are among what SHOW GRANTS tells.
function ixporch_rights(PDO $database, $schema)
{
    $rights = [];
    foreach (ixporch_rows($database, 'SHOW GRANTS') as $row) {
        if (!preg_match('~^GRANT (.*?) ON (?:TABLE )?(`(?:[^`]|``)*`|\*)\.(`(?:[^`]|``)*`|\*) TO ~i', $row[0], $grant) || $grant[3] !== '*') {
            continue;
        }
        if ($grant[2] !== '*') {
            // The name is a pattern, in which `_` and `%` stand for others.
            $pattern = preg_quote(str_replace('``', '`', substr($grant[2], 1, -1)), '~');
            $pattern = strtr($pattern, ['\\\\_' => '_', '\\\\%' => '%', '_' => '.', '%' => '.*']);
            if (!preg_match("~^$pattern\$~s", $schema)) {
                continue;
            }
        }
        foreach (preg_split('~,\s*~', strtoupper($grant[1])) as $right) {
            $rights[] = ($grant[2] === '*' ? 'GLOBAL ' : '') . $right;
            $rights[] = $right;
        }
    }
    return array_values(array_unique($rights));
}

// Those of the rights that a backup and its restore need which are missing.
function ixporch_missing_rights(array $rights)
{
    if (in_array('ALL PRIVILEGES', $rights, true)) {
        return [];
    }
    $needed = ['SELECT', 'INSERT', 'CREATE', 'DROP', 'ALTER', 'INDEX', 'REFERENCES', 'LOCK TABLES', 'CREATE VIEW', 'SHOW VIEW', 'TRIGGER'];
    return array_values(array_diff($needed, $rights));
}

// Whether objects may be created in somebody else's name.
function ixporch_may_set_definer(array $rights)
{
    $global = ['ALL PRIVILEGES', 'SUPER', 'SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER'];
    return (bool) array_intersect(preg_filter('~^~', 'GLOBAL ', $global), $rights);
}

// Views, triggers, routines and events with their definers: 'view name' => definer.
function ixporch_definers(PDO $database)
{
    $rows = ixporch_rows($database, "SELECT CONCAT('view ', TABLE_NAME), DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
        UNION ALL SELECT CONCAT('trigger ', TRIGGER_NAME), DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
        UNION ALL SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME), DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
        UNION ALL SELECT CONCAT('event ', EVENT_NAME), DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()");
    $definers = [];
    foreach ($rows as $row) {
        $definers[$row[0]] = $row[1];
    }
    ksort($definers);
    return $definers;
}

// What Doctrine says is pending; compared before and after, it tells whether the schema is the same to the application.
function ixporch_pending()
{
    $artisan = escapeshellarg(PHP_BINARY) . ' artisan doctrine:schema:update --sql';
    $process = proc_open("exec $artisan", [['file', '/dev/null', 'r'], ['pipe', 'w'], STDERR], $pipes, null, ixporch_environment());
    $said = stream_get_contents($pipes[1]);
    return proc_close($process) === 0 ? trim($said) : null;
}
