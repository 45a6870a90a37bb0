<?php
// uses: client.php, definitions.php, load.php, sessions.php, settings.php
// Makes the views and triggers of tools/sql/views.sql anew. The file is given to the mysql client, since DELIMITER is the
// client's. It drops each object before it creates it: so whether the rights suffice is tried on objects of no use first,
// and what was there before is put back where the file cannot be run to its end.
const IXPORCH_FILE = 'tools/sql/views.sql';
const IXPORCH_TRIAL = 'ixporch_trial';

// The views and triggers that the file creates or drops: 'VIEW name' => whether it creates it.
function ixporch_objects($sql)
{
    $sql = preg_replace(['~/\*(?!!).*?\*/~s', '~(^|\s)(--([ \t].*)?|#.*)$~m'], '', $sql);
    $name = '(?:`[^`]+`\s*\.\s*|[\w$]+\s*\.\s*)?(`(?:[^`]|``)+`|[\w$]+)';
    $words = '(?:OR\s+REPLACE\s+|ALGORITHM\s*=\s*\w+\s+|DEFINER\s*=\s*\S+\s+|SQL\s+SECURITY\s+\w+\s+)*';
    $pattern = "~\\b(CREATE|DROP)\\s+$words(VIEW|TRIGGER)\\s+(?:IF\\s+(?:NOT\\s+)?EXISTS\\s+)?$name~i";
    preg_match_all($pattern, $sql, $found, PREG_SET_ORDER);
    $objects = [];
    foreach ($found as $match) {
        $bare = $match[3][0] === '`' ? str_replace('``', '`', substr($match[3], 1, -1)) : $match[3];
        $object = strtoupper($match[2]) . ' ' . $bare;
        $is_made = strtoupper($match[1]) === 'CREATE';
        $objects[$object] = $is_made || !empty($objects[$object]);
    }
    return $objects;
}

function ixporch_drop_trial(PDO $database)
{
    foreach (['VIEW', 'TRIGGER', 'TABLE'] as $kind) {
        $database->exec("DROP $kind IF EXISTS " . IXPORCH_TRIAL . strtolower($kind[0]));
    }
}

// Tries what the file is going to do, on objects that nobody else knows.
function ixporch_try_rights(PDO $database, $has_triggers)
{
    $trial = IXPORCH_TRIAL;
    try {
        ixporch_drop_trial($database);
        $database->exec("CREATE VIEW {$trial}v AS SELECT 1 AS one");
        $database->query("SHOW CREATE VIEW {$trial}v")->fetchAll();
        if ($has_triggers) {
            $database->exec("CREATE TABLE {$trial}t (id INT)");
            $database->exec("CREATE TRIGGER {$trial}t BEFORE INSERT ON {$trial}t FOR EACH ROW SET NEW.id = NEW.id");
        }
        ixporch_drop_trial($database);
    } catch (PDOException $trouble) {
        $why = $trouble->getMessage();
        foreach (['VIEW', 'TABLE'] as $kind) {
            try {
                $database->exec("DROP $kind IF EXISTS $trial" . strtolower($kind[0]));
            } catch (PDOException $left) {
                $why .= "\nleft behind: the " . strtolower($kind) . " $trial" . strtolower($kind[0]) . ': ' . $left->getMessage();
            }
        }
        ixporch_fail('the database user lacks privileges; nothing was changed: ' . $why);
    }
}

// Makes views of others the database user's own, and leaves them as they are: those of an administrator could not be dropped by the
// file on MySQL (error 1227). A view that does not fit its tables any more can only be replaced by another one.
function ixporch_take_over(PDO $database, array $before, array &$replaced)
{
    if (stripos($database->query('SELECT VERSION()')->fetchColumn(), 'mariadb') !== false) {
        return;
    }
    $own = $database->query('SELECT CURRENT_USER()')->fetchColumn();
    foreach (array_filter($before) as $object => $row) {
        list($kind, $name) = explode(' ', $object, 2);
        $definer = $database->prepare('SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?');
        $definer->execute([$name]);
        if ($kind !== 'VIEW' || $definer->fetchColumn() === $own) {
            continue;
        }
        try {
            ixporch_create($database, ['statement' => preg_replace('~^CREATE ~', 'CREATE OR REPLACE ', ixporch_without_definer($row))] + $row);
        } catch (PDOException $trouble) {
            if (!in_array((int) $trouble->errorInfo[1], IXPORCH_BROKEN, true)) {
                throw $trouble;
            }
            $database->exec('CREATE OR REPLACE VIEW ' . ixporch_quoted($name) . ' AS SELECT 1 AS one');
            $replaced[] = $name;
        }
    }
}

// Puts back what is not there any more, over a connection of its own: the one before may have been lost with the server.
function ixporch_put_back(array $settings, array $before, array $replaced)
{
    foreach (array_filter($before) as $object => $row) {
        $shown = ixporch_shown($object);
        try {
            $database = ixporch_database($settings);
            if (in_array(substr($object, strlen('VIEW ')), $replaced, true)) {
                $database->exec('DROP VIEW IF EXISTS ' . ixporch_quoted(substr($object, strlen('VIEW '))));
            }
            if (ixporch_definition($database, $object) === null) {
                $owner = ixporch_create($database, $row);
                $how = $owner === '' ? 'restored' : "restored, now owned by the database user (before: $owner)";
                fwrite(STDERR, "$shown: $how\n");
            }
        } catch (Throwable $trouble) {
            fwrite(STDERR, "$shown: it may be missing, and cannot be restored (" . $trouble->getMessage() . "). It was:\n$row[statement]\n");
        }
    }
}

if (!is_readable(IXPORCH_FILE)) {
    ixporch_fail(IXPORCH_FILE . ' is missing: this release does not have it');
}
$objects = ixporch_objects(file_get_contents(IXPORCH_FILE));
if (!array_filter($objects)) {
    ixporch_fail(IXPORCH_FILE . ' creates no view');
}
try {
    $settings = ixporch_settings();
    $database = ixporch_database($settings);
    ixporch_try_rights($database, (bool) preg_grep('~^TRIGGER ~', array_keys($objects)));
    $before = [];
    foreach (array_keys($objects) as $object) {
        $before[$object] = ixporch_definition($database, $object);
    }
} catch (Throwable $trouble) {
    ixporch_fail('nothing was changed: ' . $trouble->getMessage());
}
// Whatever ends this script, what was there before is written down.
foreach (array_filter($before) as $object => $row) {
    fwrite(STDERR, ixporch_shown($object) . " was:\n$row[statement]\n");
}
$replaced = [];
try {
    ixporch_take_over($database, $before, $replaced);
} catch (PDOException $trouble) {
    ixporch_put_back($settings, $before, $replaced);
    ixporch_fail(IXPORCH_FILE . ' was not run: ' . $trouble->getMessage());
}
$streams = [['file', IXPORCH_FILE, 'r'], STDOUT, STDERR, ixporch_option_file($settings)];
$client = proc_open('exec ' . ixporch_client() . ' --defaults-file=/dev/fd/3 --batch', $streams, $pipes, null, ixporch_environment());
$code = $client ? proc_close($client) : -1;
if ($code !== 0) {
    ixporch_put_back($settings, $before, $replaced);
    $others = ixporch_other_sessions(ixporch_database($settings), []);
    ixporch_fail(IXPORCH_FILE . " did not run to its end (the client exited with $code)\nif it waited for a lock (error 1205): $others");
}
try {
    $database = ixporch_database($settings);
    foreach (array_keys(array_filter($objects)) as $object) {
        list($kind, $name) = explode(' ', $object, 2);
        if (ixporch_definition($database, $object) === null) {
            ixporch_fail(ixporch_shown($object) . ' is missing, although mysql reported success');
        }
        if ($kind === 'VIEW') {
            $database->query('SELECT * FROM ' . ixporch_quoted($name) . ' LIMIT 0')->fetchAll();
        }
        echo ixporch_shown($object), " recreated\n";
    }
} catch (PDOException $trouble) {
    ixporch_fail($trouble->getMessage());
}
