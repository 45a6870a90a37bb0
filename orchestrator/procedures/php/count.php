<?php
// How many rows a query has. What is counted is not sent.
function ixporch_count(PDO $database, $query)
{
    return (int) $database->query("SELECT COUNT(*) FROM ($query) counted")->fetchColumn();
}

// Whether a query asks for a column or a table that this release does not have.
function ixporch_is_of_another_release(PDOException $trouble)
{
    return isset($trouble->errorInfo[1]) && in_array((int) $trouble->errorInfo[1], [1054, 1146], true);
}
