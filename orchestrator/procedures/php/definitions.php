<?php
// uses: client.php
// Views and triggers by their definitions, as the database tells them and can be told them again.
// What of a connection's settings a definition depends on.
const IXPORCH_SESSION = ['sql_mode', 'character_set_client', 'collation_connection'];

// What a server says of a view that does not work: columns, tables, rights or accounts are not there any more.
const IXPORCH_BROKEN = [1054, 1142, 1143, 1146, 1356, 1449];

// 'VIEW name' for people: only the kind in small letters.
function ixporch_shown($object)
{
    list($kind, $name) = explode(' ', $object, 2);
    return strtolower($kind) . " $name";
}

// What SHOW CREATE says of an object as it is now; null where there is none.
function ixporch_definition(PDO $database, $object)
{
    list($kind, $name) = explode(' ', $object, 2);
    $table = $kind === 'VIEW' ? 'VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME' : 'TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME';
    $known = $database->prepare("SELECT 1 FROM information_schema.$table = ?");
    $known->execute([$name]);
    if (!$known->fetchColumn()) {
        return null;
    }
    try {
        $row = $database->query("SHOW CREATE $kind " . ixporch_quoted($name))->fetch(PDO::FETCH_ASSOC);
    } catch (PDOException $trouble) {
        if ($kind !== 'VIEW') {
            throw $trouble;
        }
        // One that does not work may not be shown.
        $select = $database->prepare('SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?');
        $select->execute([$name]);
        return ['statement' => 'CREATE VIEW ' . ixporch_quoted($name) . ' AS ' . $select->fetchColumn()];
    }
    $statement = ['statement' => $row[$kind === 'VIEW' ? 'Create View' : 'SQL Original Statement']];
    return $statement + array_intersect_key($row, array_flip(IXPORCH_SESSION));
}

// Creates an object as SHOW CREATE told it; gives its former owner where it could not be that one's again.
function ixporch_create(PDO $database, array $row)
{
    foreach (array_intersect_key($row, array_flip(IXPORCH_SESSION)) as $name => $value) {
        $database->exec("SET SESSION $name = " . $database->quote($value));
    }
    try {
        $database->exec($row['statement']);
        return '';
    } catch (PDOException $trouble) {
        // As another user's only a user with more rights may create it.
        $definer = '~\sDEFINER\s*=\s*(`(?:[^`]|``)*`@`(?:[^`]|``)*`)~';
        if (!preg_match($definer, $row['statement'], $match)) {
            throw $trouble;
        }
        $database->exec(preg_replace($definer, '', $row['statement'], 1));
        return $match[1];
    }
}

// Drops a view or a trigger, whoever owns it. MySQL lets the database user replace a view of an administrator, but not drop
// it (error 1227).
function ixporch_drop(PDO $database, $object)
{
    list($kind, $name) = explode(' ', $object, 2);
    $quoted = ixporch_quoted($name);
    try {
        $database->exec("DROP $kind IF EXISTS $quoted");
    } catch (PDOException $refused) {
        if ($kind !== 'VIEW' || (int) $refused->errorInfo[1] !== 1227) {
            throw $refused;
        }
        $database->exec("CREATE OR REPLACE VIEW $quoted AS SELECT 1 AS one");
        $database->exec("DROP VIEW $quoted");
    }
}

// All views and triggers of the database: 'VIEW name' => what SHOW CREATE says of it.
function ixporch_definitions(PDO $database)
{
    $names = $database->query("SELECT CONCAT('VIEW ', TABLE_NAME) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
        UNION ALL SELECT CONCAT('TRIGGER ', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()");
    $definitions = [];
    foreach ($names->fetchAll(PDO::FETCH_COLUMN) as $object) {
        $definitions[$object] = ixporch_definition($database, $object);
    }
    return array_filter($definitions);
}

// The views that do not work, and why: they select what is not there any more, or belong to an account that is not there. A dump
// dies of them.
function ixporch_broken_views(PDO $database)
{
    $broken = [];
    $names = $database->query('SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()');
    foreach ($names->fetchAll(PDO::FETCH_COLUMN) as $name) {
        try {
            $database->query('SELECT * FROM ' . ixporch_quoted($name) . ' LIMIT 0')->fetchAll();
        } catch (PDOException $trouble) {
            $code = isset($trouble->errorInfo[1]) ? (int) $trouble->errorInfo[1] : 0;
            if (!in_array($code, IXPORCH_BROKEN, true)) {
                throw $trouble;
            }
            $broken[$name] = $trouble->getMessage();
        }
    }
    return $broken;
}

// What an object does, whoever's it is.
function ixporch_without_definer(array $row)
{
    return preg_replace('~\sDEFINER\s*=\s*`(?:[^`]|``)*`@`(?:[^`]|``)*`~', '', $row['statement'], 1);
}
