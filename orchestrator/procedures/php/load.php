<?php
// uses: archive.php, bytes.php, client.php, programs.php, progress.php, settings.php, tables.php
// Loading a dump: what it depends on, and how it is done.
// The client that loads; ends the script where there is none.
function ixporch_client()
{
    foreach (['mysql', 'mariadb'] as $program) {
        if (ixporch_has_program($program)) {
            return $program;
        }
    }
    ixporch_fail('neither mysql nor mariadb is installed, so no dump can be loaded: nothing was changed');
}

// Ends the script where a dump of these objects, whose longest line has so many bytes, could not be loaded here.
function ixporch_must_be_loadable(PDO $database, array $settings, array $definers, $longest)
{
    $rights = ixporch_rights($database, $settings['DB_DATABASE']);
    $others = array_filter(ixporch_tables($database), 'ixporch_is_other');
    $missing = ixporch_missing_rights($rights, (bool) $others);
    $user = ixporch_account($database);
    if ($missing) {
        $list = implode(', ', $missing);
        ixporch_fail("the database user lacks the privileges that a dump and its restore need: $list\nas the database's administrator: GRANT $list ON `$settings[DB_DATABASE]`.* TO $user");
    }
    $forbidden = ixporch_forbidden($database, $rights, $definers);
    if ($forbidden) {
        ixporch_fail('a restore could not recreate ' . implode(', ', $forbidden) . ': the binary log is on, and the database user may not create triggers or functions'
            . "\nas the database's administrator: SET GLOBAL log_bin_trust_function_creators = 1, and set it in my.cnf");
    }
    $packet = (int) $database->query('SELECT @@max_allowed_packet')->fetchColumn();
    if ($longest >= $packet) {
        ixporch_fail('a row of the dump has ' . ixporch_bytes($longest) . ', but the server takes at most ' . ixporch_bytes($packet) . " (max_allowed_packet)\nas the database's administrator: SET GLOBAL max_allowed_packet = " . 2 * $longest);
    }
    $strict = $database->query('SELECT @@innodb_strict_mode')->fetchColumn();
    if ($strict && ixporch_relaxed($settings) === '') {
        $fixed = array_column(ixporch_rows($database, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
            AND ENGINE = 'InnoDB' AND CREATE_OPTIONS LIKE '%row_format=FIXED%'"), 0);
        if ($fixed) {
            ixporch_fail('the server is strict (innodb_strict_mode), so a restore could not recreate these tables: ' . implode(', ', $fixed) . "\nfor each of them: ALTER TABLE NAME ROW_FORMAT = DYNAMIC");
        }
    }
    // PHP may come to a database by a way that the client does not know.
    $client = ixporch_start(ixporch_client() . ' --defaults-file=/dev/fd/3 --batch', [['pipe', 'r'], ['file', '/dev/null', 'w'], 3 => ixporch_option_file($settings)], $pipes);
    fwrite($pipes[0], "SELECT 1;\n");
    fclose($pipes[0]);
    $code = proc_close($client);
    if ($code !== 0) {
        ixporch_fail(ixporch_client() . " cannot reach the database with the settings of .env, although PHP can (exit code $code): no dump can be loaded");
    }
}

// Loads a dump; gives why it could not be loaded, or nothing. Whose objects may not be created in their former owner's name become the database user's.
function ixporch_load(array $settings, $file, $total, $keeps_definers, $own)
{
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $client = ixporch_start(ixporch_client() . ' --defaults-file=/dev/fd/3 --batch', [['pipe', 'r'], STDOUT, 3 => ixporch_option_file($settings)], $to);
    $name = '`((?:[^`]|``)*)`@`((?:[^`]|``)*)`';
    $definer = "~^(/\*!\d+ (?:CREATE\*/ /\*!\d+ )?|CREATE )DEFINER=$name~";
    $bytes = 0;
    $is_whole = fwrite($to[0], ixporch_relaxed($settings)) !== false;
    while ($is_whole && ($line = fgets($from[1])) !== false) {
        $bytes += strlen($line);
        if (!$keeps_definers && preg_match($definer, $line, $match) && "$match[2]@$match[3]" !== $own) {
            $line = $match[1] . substr($line, strlen($match[0]));
        }
        $is_whole = @fwrite($to[0], $line) === strlen($line);
        ixporch_progress('loading', $bytes, $total);
    }
    fclose($from[1]);
    fclose($to[0]);
    $codes = [proc_close($client), proc_close($reader)];
    if (!$is_whole || $codes !== [0, 0]) {
        return 'the dump could not be loaded (exit codes ' . implode(', ', $codes) . ')';
    }
    return '';
}

// What lets tables come back that a strict server would not make anew, such as those that were MyISAM once.
function ixporch_relaxed(array $settings)
{
    $relaxed = 'SET SESSION innodb_strict_mode = 0';
    try {
        ixporch_database($settings)->exec($relaxed);
        return "$relaxed;\n";
    } catch (PDOException $refused) {
        return '';
    }
}

// Whether views may be created in the names of all these accounts: tried on one of no use.
function ixporch_may_create_as(PDO $database, array $owners)
{
    try {
        foreach (array_unique($owners) as $owner) {
            $at = strrpos($owner, '@');
            $account = ixporch_quoted(substr($owner, 0, $at)) . '@' . ixporch_quoted(substr($owner, $at + 1));
            $database->exec('DROP VIEW IF EXISTS ixporch_trialv');
            $database->exec("CREATE DEFINER=$account VIEW ixporch_trialv AS SELECT 1 AS one");
        }
        $database->exec('DROP VIEW IF EXISTS ixporch_trialv');
        return true;
    } catch (PDOException $refused) {
        return false;
    }
}
