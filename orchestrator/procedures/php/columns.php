<?php
// uses: settings.php
// The columns of the database, a line of JSON for each: table, name and definition. Nothing is changed.
try {
    $database = ixporch_database(ixporch_settings());
    $server = (string) $database->query('SELECT VERSION()')->fetchColumn();
    // MariaDB writes defaults as SQL since 10.2.7: NULL, a number, a text in quotes, or an expression.
    $version = preg_replace('/^5\.5\.5-/', '', $server);
    $writes_sql = stripos($server, 'mariadb') !== false && version_compare($version, '10.2.7', '>=');
    $columns = $database->query(
        'SELECT c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE, c.COLUMN_DEFAULT, c.EXTRA,
                c.COLLATION_NAME, t.TABLE_COLLATION, c.COLUMN_COMMENT
         FROM information_schema.COLUMNS c
         LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
         WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION'
    );
    foreach ($columns->fetchAll(PDO::FETCH_NUM) as $column) {
        list($table, $name, $type, $nullable, $default, $extra, $collation, $of_table, $comment) = $column;
        $is_generated = stripos($extra, 'DEFAULT_GENERATED') !== false;
        $expression = $is_generated || ($default !== null && stripos($default, 'current_timestamp') === 0);
        if ($writes_sql && $default !== null) {
            if ($default === 'NULL') {
                $default = null;
            } elseif (preg_match("/^'(.*)'\$/s", $default, $quoted)) {
                $default = str_replace(["''", '\\\\'], ["'", '\\'], $quoted[1]);
            } else {
                $expression = !is_numeric($default);
            }
        }
        echo json_encode([$table, $name, [
            'type' => $type,
            'nullable' => $nullable === 'YES',
            'default' => $default,
            'expression' => $expression,
            'extra' => $extra,
            'collation' => $collation,
            'table_collation' => $of_table,
            'comment' => $comment,
        ]], JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
    }
} catch (Throwable $trouble) {
    fwrite(STDERR, 'the columns of the database are not known: ' . $trouble->getMessage() . "\n");
    exit(1);
}
