<?php
// uses: settings.php
// What the installation is made of: PHP, commit, the digests of composer.lock and bower.json, and its database server.
// One line each; what cannot be found out has none. Nothing is changed.
function ixporch_commit()
{
    $head = trim((string) @file_get_contents('.git/HEAD'));
    if (strpos($head, 'ref: ') !== 0) {
        return $head;
    }
    $name = substr($head, 5);
    $commit = trim((string) @file_get_contents(".git/$name"));
    if ($commit !== '') {
        return $commit;
    }
    foreach ((array) @file('.git/packed-refs', FILE_IGNORE_NEW_LINES) as $line) {
        if (substr($line, 41) === $name) {
            return substr($line, 0, 40);
        }
    }
    return '';
}

echo 'php ', PHP_VERSION, "\n";
echo 'commit ', ixporch_commit(), "\n";
foreach (['composer.lock', 'bower.json'] as $file) {
    if (is_readable($file)) {
        echo "$file ", hash_file('sha256', $file), "\n";
    }
}
try {
    $database = ixporch_database(ixporch_settings());
    $version = $database->query('SELECT VERSION()')->fetchColumn();
    echo 'database ', stripos($version, 'mariadb') === false ? 'MySQL' : 'MariaDB', " $version\n";
} catch (Throwable $trouble) {
    fwrite(STDERR, 'the database server is not known: ' . $trouble->getMessage() . "\n");
}
