<?php
// How many rows a query has. What is counted is not sent.
function ixporch_count(PDO $database, $query)
{
    return (int) $database->query("SELECT COUNT(*) FROM ($query) counted")->fetchColumn();
}
