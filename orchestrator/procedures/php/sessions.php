<?php
// uses: settings.php
// Sessions of the database that wait for a lock, or that may hold one. Without the right PROCESS, the database user sees its own.

// Statements of the database user that change tables or views and wait, in sessions that began after `$after`: by the session's
// number, how long, what they wait for, and their words. How long a statement waits the server does not tell, so it is counted from
// when it was first seen to wait.
function ixporch_waiting(PDO $database, $after)
{
    static $seen = [];
    $query = 'SELECT ID, STATE, INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID > ' . (int) $after . "
        AND USER = SUBSTRING_INDEX(USER(), '@', 1) AND STATE LIKE 'Waiting for%lock%' AND INFO REGEXP '^[[:space:]]*(ALTER|CREATE|DROP|RENAME|TRUNCATE)'";
    $waiting = $still = [];
    foreach ($database->query($query)->fetchAll(PDO::FETCH_NUM) as $row) {
        $statement = preg_replace('~\s+~', ' ', substr(trim($row[2]), 0, 120));
        $key = "$row[0] $statement";
        $still[$key] = isset($seen[$key]) ? $seen[$key] : time();
        $waiting[(int) $row[0]] = ['seconds' => time() - $still[$key], 'state' => $row[1], 'statement' => $statement];
    }
    $seen = $still;
    return $waiting;
}

// The other sessions of the database, the longest first. Of what they run, only the kind is told: it may hold data.
function ixporch_other_sessions(PDO $database, array $waiting)
{
    $but = implode(', ', array_merge(['CONNECTION_ID()'], array_keys($waiting)));
    $query = "SELECT ID, USER, HOST, COMMAND, TIME, INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID NOT IN ($but) ORDER BY TIME DESC";
    $told = [];
    foreach ($database->query($query)->fetchAll(PDO::FETCH_NUM) as $row) {
        $kind = $row[5] === null ? '' : ' ' . strtok(trim($row[5]), " \t\n(");
        $told[] = "session $row[0] of $row[1] from $row[2] ($row[3]$kind for $row[4] s)";
    }
    if (!$told) {
        return 'no other session of this database is visible to its user; as the database\'s administrator: SHOW FULL PROCESSLIST';
    }
    $more = count($told) - 3;
    return implode(', ', array_slice($told, 0, 3)) . ($more > 0 ? " and $more more" : '');
}

// What a statement waited for, if that is why it failed (error 1205).
function ixporch_why_locked(PDOException $trouble, array $settings)
{
    if (!isset($trouble->errorInfo[1]) || (int) $trouble->errorInfo[1] !== 1205) {
        return '';
    }
    $limit = getenv('LOCK_WAIT_TIMEOUT');
    return "\nit waited $limit s (lock_wait_timeout) for a lock that another session holds: " . ixporch_other_sessions(ixporch_database($settings), []);
}
