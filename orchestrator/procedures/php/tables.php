<?php
// uses: client.php, progress.php
// What is in the database: its tables with a checksum of their rows each, and what the database user may do with it.
function ixporch_rows(PDO $database, $query)
{
    return $database->query($query)->fetchAll(PDO::FETCH_NUM);
}

// Whether no transaction covers a table.
function ixporch_is_other(array $table)
{
    return strcasecmp($table['engine'], 'InnoDB') !== 0;
}

// The database user as it is written in statements.
function ixporch_account(PDO $database)
{
    $user = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    $at = strrpos($user, '@');
    return $database->quote(substr($user, 0, $at)) . '@' . $database->quote(substr($user, $at + 1));
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

// The tables of which a dump does not keep every bit, and so not the checksum: it prints FLOAT with six digits, and dates and times
// of old servers come back in the format of the new one.
function ixporch_inexact(PDO $database)
{
    try {
        $database->exec('SET SESSION show_old_temporals = 1');
    } catch (PDOException $unknown) {
        // Only MySQL has it; MariaDB tells by itself.
    }
    return array_column(ixporch_rows($database, "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
        AND (DATA_TYPE = 'float' OR COLUMN_TYPE LIKE '%/* 5.5 binary format */%' OR COLUMN_TYPE LIKE '%/* mariadb-5.3 */%')"), 0);
}

// A checksum of the rows of each table, with their number: 'rows checksum'.
function ixporch_checksums(PDO $database, array $names)
{
    $sums = [];
    foreach ($names as $name) {
        $quoted = ixporch_quoted($name);
        $rows = $database->query("SELECT COUNT(*) FROM $quoted")->fetchColumn();
        $sum = $database->query("CHECKSUM TABLE $quoted")->fetch(PDO::FETCH_NUM);
        $sums[$name] = "$rows $sum[1]";
        ixporch_progress('checksums', count($sums), count($names));
    }
    return $sums;
}

// The tables that differ between two lists of checksums, also where one of them does not have it. Where one has no checksum,
// the numbers of rows are compared.
function ixporch_differing(array $one, array $other)
{
    $names = array_keys($one + $other);
    return array_values(array_filter($names, function ($name) use ($one, $other) {
        if (!isset($one[$name], $other[$name])) {
            return true;
        }
        list($rows, $sum) = explode(' ', $one[$name]);
        list($others, $another) = explode(' ', $other[$name]);
        return $rows !== $others || ($sum !== '' && $another !== '' && $sum !== $another);
    }));
}

// What the database user may do in its database, in capital letters. Roles are among what SHOW GRANTS tells.
function ixporch_rights(PDO $database, $schema)
{
    $rights = [];
    // Other modes quote names in another way.
    $mode = $database->query('SELECT @@sql_mode')->fetchColumn();
    $database->exec("SET SESSION sql_mode = ''");
    $grants = ixporch_rows($database, 'SHOW GRANTS');
    $database->exec('SET SESSION sql_mode = ' . $database->quote($mode));
    foreach ($grants as $row) {
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
function ixporch_missing_rights(array $rights, $has_others)
{
    $needed = ['SELECT', 'INSERT', 'CREATE', 'DROP', 'ALTER', 'INDEX', 'REFERENCES', 'CREATE VIEW', 'SHOW VIEW', 'TRIGGER'];
    if ($has_others) {
        $needed[] = 'LOCK TABLES';
    }
    return ixporch_has_rights($rights, ['ALL PRIVILEGES']) ? [] : array_values(array_diff($needed, $rights));
}

function ixporch_has_rights(array $rights, array $wanted)
{
    return in_array('ALL PRIVILEGES', $rights, true) || !array_diff($wanted, $rights);
}

// Whether routines and events can be read and created again: only then are they part of a dump, and of its restore.
function ixporch_has_routines(array $rights)
{
    return ixporch_has_rights($rights, ['CREATE ROUTINE', 'ALTER ROUTINE']);
}

function ixporch_has_events(array $rights)
{
    return ixporch_has_rights($rights, ['EVENT']);
}

// Whether the server lets the database user create no trigger and no function: it writes a binary log, and trusts only who
// has SUPER (error 1419).
function ixporch_is_distrusted(PDO $database, array $rights)
{
    $server = $database->query('SELECT @@log_bin, @@log_bin_trust_function_creators')->fetch(PDO::FETCH_NUM);
    return $server[0] && !$server[1] && !array_intersect(['GLOBAL ALL PRIVILEGES', 'GLOBAL SUPER'], $rights);
}

// Those of these objects that could not be created again therefore.
function ixporch_forbidden(PDO $database, array $rights, array $definers)
{
    return ixporch_is_distrusted($database, $rights) ? array_values(preg_grep('~^(trigger|function) ~', array_keys($definers))) : [];
}

// Whether objects may probably be created in somebody else's name. MySQL wants SYSTEM_USER for the names of accounts that have it.
function ixporch_may_set_definer(array $rights, $version)
{
    $global = function ($right) use ($rights) {
        return in_array("GLOBAL $right", $rights, true);
    };
    $wants_system_user = stripos($version, 'mariadb') === false && version_compare($version, '8.0.16', '>=');
    $may = array_filter(['SUPER', 'SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER'], $global);
    return $global('ALL PRIVILEGES') || ($may && (!$wants_system_user || $global('SYSTEM_USER')));
}

// What the tables are made of, as a digest: columns and keys.
function ixporch_schema_digest(PDO $database)
{
    $columns = ixporch_rows($database, 'SELECT TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, EXTRA
        FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 3');
    $keys = ixporch_rows($database, 'SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, SUB_PART
        FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, 3');
    $text = serialize([$columns, $keys]);
    // The old formats of dates and times come back as the new ones.
    return hash('sha256', preg_replace('~ /\* (5\.5 binary format|mariadb-5\.3) \*/~', '', $text));
}

// All that SHOW CREATE says of tables, routines and events, and the database's own settings, as a digest. A dump that was loaded may
// say the same in other words, so it only tells that nothing was changed.
function ixporch_shape(PDO $database)
{
    $shape = [ixporch_rows($database, 'SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()')];
    $objects = ixporch_rows($database, "SELECT 'TABLE', TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'
        UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
        UNION ALL SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() ORDER BY 1, 2");
    foreach ($objects as $object) {
        $shape[] = $database->query("SHOW CREATE $object[0] " . ixporch_quoted($object[1]))->fetch(PDO::FETCH_NUM);
    }
    $shape[] = ixporch_rows($database, 'SELECT TRIGGER_NAME, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_TIMING, ACTION_STATEMENT
        FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1');
    return hash('sha256', serialize($shape));
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
