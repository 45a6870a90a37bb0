<?php
// uses: settings.php
// The types of the database's columns, one on a line: table, column and type, between tabs. Nothing is changed.
try {
    $columns = ixporch_database(ixporch_settings())->query(
        'SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION'
    );
    foreach ($columns->fetchAll(PDO::FETCH_NUM) as $column) {
        echo implode("\t", $column), "\n";
    }
} catch (Throwable $trouble) {
    fwrite(STDERR, 'the columns of the database are not known: ' . $trouble->getMessage() . "\n");
    exit(1);
}
