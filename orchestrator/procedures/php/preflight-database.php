<?php
// uses: client.php, dump.php, programs.php, tables.php, tell.php
// What the preflight asks about the database, and whether a dump of it could be made and restored.

// Why the dump that an upgrade makes could not be made now; nothing where it could. No row is read.
function ixporch_trouble_of_dump(array $settings, array $tables, array $rights)
{
    ob_start();
    $command = str_replace(' --lock-tables ', ' --skip-lock-tables ', ixporch_dump_command($tables, $rights, $settings['DB_DATABASE']));
    ob_end_clean();
    $process = proc_open("exec $command --no-data", [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w'], ixporch_option_file($settings)], $pipes, null, ixporch_environment());
    $said = trim(stream_get_contents($pipes[2]));
    return proc_close($process) === 0 ? '' : $said;
}

// What stands against a dump, or against its restore.
function ixporch_tell_rights(PDO $database, array $settings, array $rights, array $tables)
{
    ixporch_tell('database-user', ixporch_account($database));
    ixporch_tell('database-name', $settings['DB_DATABASE']);
    $missing = ixporch_missing_rights($rights, (bool) array_filter($tables, 'ixporch_is_other'));
    foreach ($missing as $right) {
        ixporch_tell('missing-right', $right);
    }
    if (ixporch_is_distrusted($database, $rights)) {
        ixporch_tell('distrusted', implode(', ', ixporch_forbidden($database, $rights, ixporch_definers($database))));
    }
    if (!$missing && (ixporch_has_program('mysqldump') || ixporch_has_program('mariadb-dump'))) {
        ixporch_tell('dump-trouble', ixporch_trouble_of_dump($settings, $tables, $rights));
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
}
