<?php
// Makes the views and triggers of tools/sql/views.sql anew. The file is given to the mysql client, since DELIMITER is the
// client's. It drops each object before it creates it: so whether the rights suffice is tried on objects of no use first,
// and what was there before is put back where the file cannot be run to its end.
const IXPORCH_FILE = 'tools/sql/views.sql';
const IXPORCH_TRIAL = 'ixporch_trial';

function ixporch_fail($why)
{
    fwrite(STDERR, "$why\n");
    exit(1);
}

// The views and triggers that the file creates: [['VIEW', 'name'], …].
function ixporch_objects($sql)
{
    $sql = preg_replace(['~/\*(?!!).*?\*/~s', '~^\s*(--\s|#).*$~m'], '', $sql);
    $name = '`?([\w$]+)`?';
    $words = '(?:OR\s+REPLACE\s+|ALGORITHM\s*=\s*\w+\s+|DEFINER\s*=\s*\S+\s+|SQL\s+SECURITY\s+\w+\s+)*';
    preg_match_all("~\\bCREATE\\s+$words(VIEW|TRIGGER)\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?$name~i", $sql, $found, PREG_SET_ORDER);
    return array_map(function ($match) {
        return [strtoupper($match[1]), $match[2]];
    }, $found);
}

// The statement that creates an object as it is now; null where there is none.
function ixporch_definition(PDO $database, $kind, $name)
{
    $table = $kind === 'VIEW' ? 'VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME' : 'TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME';
    $known = $database->prepare("SELECT 1 FROM information_schema.$table = ?");
    $known->execute([$name]);
    if (!$known->fetchColumn()) {
        return null;
    }
    $row = $database->query("SHOW CREATE $kind `$name`")->fetch(PDO::FETCH_ASSOC);
    return $row[$kind === 'VIEW' ? 'Create View' : 'SQL Original Statement'];
}

function ixporch_drop_trial(PDO $database)
{
    foreach (['VIEW', 'TRIGGER', 'TABLE'] as $kind) {
        $database->exec("DROP $kind IF EXISTS " . IXPORCH_TRIAL . strtolower($kind[0]));
    }
}

// Tries what the file is going to do, on objects that nobody else knows.
function ixporch_try_rights(PDO $database, array $kinds)
{
    $trial = IXPORCH_TRIAL;
    try {
        ixporch_drop_trial($database);
        $database->exec("CREATE VIEW {$trial}v AS SELECT 1 AS one");
        $database->query("SHOW CREATE VIEW {$trial}v")->fetchAll();
        if (in_array('TRIGGER', $kinds, true)) {
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
        ixporch_fail('the rights of the database user do not suffice, so nothing was changed: ' . $why);
    }
}

// The settings as an option file that only its owner can read, and that has no name any more: nothing is left of it
// whenever this script is ended.
function ixporch_option_file(array $settings)
{
    $socket = $settings['DB_SOCKET'];
    if ($socket === '' && in_array($settings['DB_HOST'], ['', 'localhost'], true)) {
        $socket = (string) ini_get('pdo_mysql.default_socket');
    }
    $options = ['host' => $settings['DB_HOST'], 'port' => $settings['DB_PORT'], 'socket' => $socket];
    $options += ['user' => $settings['DB_USERNAME'], 'password' => $settings['DB_PASSWORD']];
    $lines = ['[client]', 'default-character-set=utf8mb4'];
    $line = function ($name, $value) {
        return $name . '="' . strtr($value, ['\\' => '\\\\', '"' => '\\"', "\n" => '\n']) . '"';
    };
    foreach (array_filter($options, 'strlen') as $name => $value) {
        $lines[] = $line($name, $value);
    }
    array_push($lines, '[mysql]', $line('database', $settings['DB_DATABASE']));
    umask(0077);
    $path = tempnam(sys_get_temp_dir(), 'ixporch');
    $file = fopen($path, 'w+');
    unlink($path);
    fwrite($file, implode("\n", $lines) . "\n");
    fflush($file);
    return $file;
}

// Puts back what is not there any more.
function ixporch_put_back(PDO $database, array $before)
{
    foreach ($before as $object) {
        list($kind, $name, $definition) = $object;
        if ($definition === null || ixporch_definition($database, $kind, $name) !== null) {
            continue;
        }
        $word = strtolower($kind);
        // As another user's only a user with more rights may create it.
        foreach ([$definition, preg_replace('~\sDEFINER\s*=\s*`(?:[^`]|``)*`@`(?:[^`]|``)*`~', '', $definition, 1)] as $statement) {
            try {
                $database->exec($statement);
                fwrite(STDERR, "$word $name: put back as it was\n");
                continue 2;
            } catch (PDOException $trouble) {
                $why = $trouble->getMessage();
            }
        }
        fwrite(STDERR, "$word $name: it is gone, and cannot be put back ($why). It was:\n$definition\n");
    }
}

if (!is_readable(IXPORCH_FILE)) {
    ixporch_fail(IXPORCH_FILE . ' is not there: this release has no such file');
}
$objects = ixporch_objects(file_get_contents(IXPORCH_FILE));
if (!$objects) {
    ixporch_fail(IXPORCH_FILE . ' creates no view');
}
try {
    $settings = ixporch_settings();
    $database = ixporch_database($settings);
    ixporch_try_rights($database, array_column($objects, 0));
    $before = [];
    foreach ($objects as $object) {
        $before[] = [$object[0], $object[1], ixporch_definition($database, $object[0], $object[1])];
    }
} catch (Throwable $trouble) {
    ixporch_fail('nothing was changed: ' . $trouble->getMessage());
}
$streams = [['file', IXPORCH_FILE, 'r'], STDOUT, STDERR, ixporch_option_file($settings)];
$client = proc_open('exec mysql --defaults-file=/dev/fd/3 --batch', $streams, $pipes);
$code = $client ? proc_close($client) : -1;
try {
    if ($code !== 0) {
        ixporch_put_back($database, $before);
        ixporch_fail(IXPORCH_FILE . " could not be run to its end (mysql exited with $code)");
    }
    foreach ($objects as $object) {
        list($kind, $name) = $object;
        if (ixporch_definition($database, $kind, $name) === null) {
            ixporch_fail(strtolower($kind) . " $name is not there, although mysql says that it succeeded");
        }
        if ($kind === 'VIEW') {
            $database->query("SELECT * FROM `$name` LIMIT 0")->fetchAll();
        }
        echo strtolower($kind), " $name was made anew\n";
    }
} catch (PDOException $trouble) {
    ixporch_fail($trouble->getMessage());
}
