<?php
// How many rows a query has. What is counted is not sent.
function ixporch_count(PDO $database, $query)
{
    return (int) $database->query("SELECT COUNT(*) FROM ($query) counted")->fetchColumn();
}

// A long table is not read to its end for a look: statements end after 5 seconds, in the words of MariaDB or of MySQL.
function ixporch_limit_statements(PDO $database)
{
    foreach (['max_statement_time = 5', 'max_execution_time = 5000'] as $limit) {
        try {
            $database->exec("SET SESSION $limit");
        } catch (PDOException $unknown) {
            continue;
        }
    }
}

// Whether a query asks for a column or a table that this release does not have.
function ixporch_is_of_another_release(PDOException $trouble)
{
    return isset($trouble->errorInfo[1]) && in_array((int) $trouble->errorInfo[1], [1054, 1146], true);
}
