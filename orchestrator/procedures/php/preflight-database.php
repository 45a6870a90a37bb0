<?php
// uses: client.php, count.php, definitions.php, dump.php, programs.php, tables.php, tell.php
// What the preflight asks about the database, and whether a dump of it could be made and restored.

// Why the dump that an upgrade makes could not be made now; nothing where it could. No row is read.
function ixporch_trouble_of_dump(array $settings, array $tables, array $rights, array $broken)
{
    ob_start();
    $command = str_replace(' --lock-tables ', ' --skip-lock-tables ', ixporch_dump_command($tables, $rights, $settings['DB_DATABASE'], array_keys($broken)));
    ob_end_clean();
    $process = proc_open("exec $command --no-data", [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w'], ixporch_option_file($settings)], $pipes, null, ixporch_environment());
    $said = trim(stream_get_contents($pipes[2]));
    return proc_close($process) === 0 ? '' : $said;
}

// The number of the error with which the server refuses a trigger to the database user; 0: it does not, or it cannot be tried. None
// is made: it names a column that is not there, which the server finds last. What it waits for, others wait for, too: a second at most.
function ixporch_refusal_of_trigger(PDO $database, array $tables)
{
    // In a cluster (Galera), all nodes would take part.
    if (!$tables || $database->query("SHOW VARIABLES LIKE 'wsrep_on'")->fetch(PDO::FETCH_NUM) === ['wsrep_on', 'ON']) {
        return 0;
    }
    try {
        $database->exec('SET SESSION lock_wait_timeout = 1');
        $database->exec('CREATE TRIGGER ixporch_trial BEFORE INSERT ON ' . ixporch_quoted((string) key($tables)) . ' FOR EACH ROW SET NEW.ixporch_no_such_column = 1');
    } catch (PDOException $refusal) {
        $number = isset($refusal->errorInfo[1]) ? (int) $refusal->errorInfo[1] : 0;
        $database->exec('SET SESSION lock_wait_timeout = DEFAULT');
        return in_array($number, [1142, 1227, 1419], true) ? $number : 0;
    }
    return 0;
}

// What stands against a dump, or against its restore.
function ixporch_tell_rights(PDO $database, array $settings, array $rights, array $tables)
{
    ixporch_tell('database-user', ixporch_account($database));
    ixporch_tell('database-name', $settings['DB_DATABASE']);
    $missing = ixporch_missing_rights($rights, (bool) array_filter($tables, 'ixporch_is_other'));
    $refusal = in_array('TRIGGER', $missing, true) ? 0 : ixporch_refusal_of_trigger($database, $tables);
    if (in_array($refusal, [1142, 1227], true)) {
        $missing[] = 'TRIGGER';
    }
    foreach ($missing as $right) {
        ixporch_tell('missing-right', $right);
    }
    if ($refusal === 1419 || ixporch_is_distrusted($database, $rights)) {
        ixporch_tell('distrusted', implode(', ', preg_grep('~^(trigger|function) ~', array_keys(ixporch_definers($database)))));
    }
    if (!$missing && (ixporch_has_program('mysqldump') || ixporch_has_program('mariadb-dump'))) {
        $broken = ixporch_broken_views($database);
        foreach ($broken as $name => $why) {
            ixporch_tell('broken-view', "$name: $why");
        }
        ixporch_tell('dump-trouble', ixporch_trouble_of_dump($settings, $tables, $rights, $broken));
    }
}

function ixporch_tell_tables(array $tables)
{
    ixporch_tell('database-bytes', array_sum(array_column($tables, 'bytes')));
    foreach ($tables as $name => $table) {
        if (ixporch_is_other($table)) {
            ixporch_tell('other-engine', "$name ($table[engine])");
        }
    }
}

// Objects in the names of others, if the database user may not create them again in these names.
function ixporch_tell_definers(PDO $database, array $rights, $version)
{
    if (ixporch_may_set_definer($rights, $version)) {
        return;
    }
    $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    foreach (array_diff(ixporch_definers($database), [$own]) as $object => $owner) {
        ixporch_tell('foreign-definer', "$object ($owner)");
    }
}

// The settings by which the server takes no writes of the application. SUPER is let past read_only alone.
function ixporch_tell_read_only(PDO $database, array $rights)
{
    $is_super = (bool) array_intersect(['GLOBAL ALL PRIVILEGES', 'GLOBAL SUPER'], $rights);
    $names = ['read_only', 'super_read_only', 'innodb_read_only', 'transaction_read_only', 'tx_read_only'];
    $found = $database->query("SHOW VARIABLES WHERE Variable_name IN ('" . implode("', '", $names) . "')");
    foreach ($found->fetchAll(PDO::FETCH_KEY_PAIR) as $name => $value) {
        if (in_array(strtoupper($value), ['ON', '1'], true) && !($is_super && $name === 'read_only')) {
            ixporch_tell('read-only', $name);
        }
    }
}

// Transactions that are open for a minute or longer: they keep changes of their tables waiting. Only who has PROCESS sees them.
function ixporch_tell_transactions(PDO $database)
{
    try {
        $open = $database->query('SELECT p.ID, p.USER, p.HOST, TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) AS seconds
            FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
            WHERE p.DB = DATABASE() HAVING seconds >= 60 ORDER BY seconds DESC');
    } catch (PDOException $forbidden) {
        return;
    }
    foreach ($open->fetchAll(PDO::FETCH_NUM) as $row) {
        ixporch_tell('long-transaction', "session $row[0] of $row[1] from $row[2], for $row[3] s");
    }
}

// Dates of zero, where the server takes none: a change of their table fails. Large tables are not read for it.
function ixporch_tell_zero_dates(PDO $database, array $tables)
{
    $mode = $database->query('SELECT @@sql_mode')->fetchColumn();
    if (!preg_match('~STRICT_(TRANS|ALL)_TABLES~', $mode) || strpos($mode, 'NO_ZERO_DATE') === false) {
        return;
    }
    $columns = ixporch_rows($database, "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE IN ('date', 'datetime', 'timestamp')");
    $began = microtime(true);
    foreach ($columns as $column) {
        if (!isset($tables[$column[0]]) || $tables[$column[0]]['bytes'] > 100 * 1048576) {
            continue;
        }
        if (microtime(true) - $began > 10) {
            return;
        }
        $name = ixporch_quoted($column[1]);
        if ($database->query('SELECT 1 FROM ' . ixporch_quoted($column[0]) . " WHERE CAST($name AS CHAR(10)) = '0000-00-00' LIMIT 1")->fetchColumn()) {
            ixporch_tell('zero-date', "$column[0].$column[1]");
        }
    }
}

function ixporch_tell_database(PDO $database, array $settings)
{
    ixporch_tell('sql-mode', $database->query('SELECT @@sql_mode')->fetchColumn());
    $version = $database->query('SELECT VERSION()')->fetchColumn();
    ixporch_tell('database', $version);
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    ixporch_tell_read_only($database, $rights);
    $tables = ixporch_tables($database);
    ixporch_tell_rights($database, $settings, $rights, $tables);
    ixporch_tell_tables($tables);
    ixporch_tell_definers($database, $rights, $version);
    ixporch_tell_transactions($database);
    ixporch_limit_statements($database);
    try {
        ixporch_tell_zero_dates($database, $tables);
    } catch (PDOException $trouble) {
        // A table that cannot be read within that time is not known.
        return;
    }
}
