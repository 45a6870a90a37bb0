<?php
// The installation's own settings. Its .env is read by the phpdotenv that it was installed with, version 2 to 5, so that
// quotes, comments and ${NAMES} mean what they mean to the application. The working folder is the installation's.
// `$vendor` is where its libraries are.
function ixporch_settings($vendor = 'vendor')
{
    if (!is_file("$vendor/autoload.php")) {
        throw new RuntimeException("$vendor/autoload.php is not there: run composer first");
    }
    require_once "$vendor/autoload.php";
    $dotenv = 'Dotenv\Dotenv';
    if (!class_exists($dotenv)) {
        throw new RuntimeException('vendor has no vlucas/phpdotenv to read .env with');
    }
    $ways = array_filter(['createArrayBacked', 'createImmutable', 'create'], function ($way) use ($dotenv) {
        return method_exists($dotenv, $way);
    });
    $way = reset($ways);
    try {
        $reader = $way ? $dotenv::$way(getcwd()) : new $dotenv(getcwd());
        $read = $reader->load();
    } catch (Throwable $trouble) {
        // What it says holds the value that it could not read.
        throw new RuntimeException('.env cannot be read: ' . get_class($trouble));
    }
    $settings = [];
    $names = ['DB_HOST', 'DB_PORT', 'DB_SOCKET', 'DB_DATABASE', 'DB_USERNAME', 'DB_PASSWORD', 'CACHE_DRIVER', 'DOCTRINE_CACHE', 'VIEW_SKIN', 'VIEW_SMARTY_SKIN'];
    foreach ($names as $name) {
        $known = [isset($read[$name]) ? $read[$name] : null, isset($_ENV[$name]) ? $_ENV[$name] : null, getenv($name)];
        $known = array_values(array_filter($known, 'is_string'));
        $settings[$name] = $known ? $known[0] : '';
    }
    foreach (['DB_DATABASE', 'DB_USERNAME'] as $name) {
        if ($settings[$name] === '') {
            throw new RuntimeException(".env does not say $name");
        }
    }
    return $settings;
}

// A connection to the installation's database. What goes wrong is told without a trace, whose arguments hold the password.
function ixporch_database(array $settings)
{
    $source = "mysql:dbname=$settings[DB_DATABASE];charset=utf8mb4";
    if ($settings['DB_SOCKET'] !== '') {
        $source .= ";unix_socket=$settings[DB_SOCKET]";
    } else {
        $source .= ';host=' . ($settings['DB_HOST'] === '' ? 'localhost' : $settings['DB_HOST']);
        $source .= $settings['DB_PORT'] === '' ? '' : ";port=$settings[DB_PORT]";
    }
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 5];
    $database = new PDO($source, $settings['DB_USERNAME'], $settings['DB_PASSWORD'], $options);
    // How long a statement waits for a lock that another session holds; the server's own limit is a day.
    if ((int) getenv('LOCK_WAIT_TIMEOUT') > 0) {
        $database->exec('SET SESSION lock_wait_timeout = ' . (int) getenv('LOCK_WAIT_TIMEOUT'));
    }
    return $database;
}
