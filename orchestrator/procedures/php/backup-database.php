<?php
// uses: archive.php, client.php, definitions.php, dump.php, load.php, programs.php, tables.php
// The database's part of a backup: a dump, and what is needed to tell later whether it came back as it was.

// Everything of the database that a dump is compared with; ends the script where the dump could not be loaded again.
function ixporch_contents(PDO $database, array $settings)
{
    $definers = ixporch_definers($database);
    ixporch_must_be_loadable($database, $settings, $definers, 0);
    $definitions = ixporch_definitions($database);
    $tables = ixporch_tables($database);
    if (!$tables) {
        ixporch_fail("the database $settings[DB_DATABASE] has no tables; check DB_DATABASE in .env");
    }
    $broken = ixporch_broken_views($database);
    foreach ($broken as $name => $why) {
        echo "view $name does not work, so only its definition is kept: $why\n";
    }
    return ['definers' => $definers, 'definitions' => $definitions, 'tables' => $tables, 'broken' => $broken];
}

// What tells whether the database is the same later.
function ixporch_measures(PDO $database, array $tables)
{
    return [
        'sums' => ixporch_checksums($database, array_keys($tables)),
        'digest' => ixporch_schema_digest($database),
        'shape' => ixporch_shape($database),
        'inexact' => ixporch_inexact($database),
        'server' => $database->query('SELECT VERSION()')->fetchColumn(),
    ];
}

// Dumps the database into an archive; gives what the manifest says of it.
function ixporch_dump(PDO $database, array $settings, array $contents, $folder)
{
    $tables = $contents['tables'];
    $schema = $settings['DB_DATABASE'];
    $command = ixporch_dump_command($tables, ixporch_rights($database, $schema), $schema, array_keys($contents['broken']));
    $dump = ixporch_pack($command, [3 => ixporch_option_file($settings)], $folder, 'database.sql', array_sum(array_column($tables, 'bytes')));
    if (strpos($dump['tail'], '-- Dump completed') === false) {
        ixporch_fail('the dump is incomplete: its last line is not "-- Dump completed"');
    }
    unset($dump['tail']);
    return $dump;
}

// The checksums that a restored database must have: none where a dump does not keep every bit.
function ixporch_sums_of_dump(array $measures)
{
    $sums = $measures['sums'];
    foreach (array_intersect($measures['inexact'], array_keys($sums)) as $name) {
        $sums[$name] = strtok($sums[$name], ' ') . ' ';
    }
    return $sums;
}

// Ends the script where the dump holds fewer tables than the database has.
function ixporch_check_tables_of_dump(array $dump, array $tables, $folder)
{
    $reader = ixporch_start(ixporch_unpacker($dump['file']) . " | grep -c '^CREATE TABLE '", [['file', "$folder/$dump[file]", 'r'], ['pipe', 'w']], $pipes);
    $count = (int) stream_get_contents($pipes[1]);
    proc_close($reader);
    if ($count < count($tables)) {
        ixporch_fail("the dump holds $count tables, and the database has " . count($tables));
    }
}
