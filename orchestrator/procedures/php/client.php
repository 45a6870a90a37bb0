<?php
// The clients of the database: their credentials come by an option file, never by an argument.
function ixporch_fail($why)
{
    fwrite(STDERR, "$why\n");
    exit(1);
}

// Fails with a reason that the controller words.
function ixporch_fail_because($why, array $reason)
{
    ixporch_fail("$why\nixporch-reason " . json_encode($reason));
}

function ixporch_quoted($name)
{
    return '`' . str_replace('`', '``', $name) . '`';
}

// The settings as an option file that only its owner can read, and that has no name any more: nothing is left of it
// whenever this script is ended.
function ixporch_option_file(array $settings)
{
    $socket = $settings['DB_SOCKET'];
    if ($socket === '' && in_array($settings['DB_HOST'], ['', 'localhost'], true)) {
        $socket = (string) ini_get('pdo_mysql.default_socket');
    }
    $options = ['host' => $settings['DB_HOST'], 'port' => $settings['DB_PORT'], 'socket' => $socket];
    $options += ['user' => $settings['DB_USERNAME'], 'password' => $settings['DB_PASSWORD']];
    $lines = ['[client]', 'default-character-set=utf8mb4', 'loose-max-allowed-packet=1G'];
    $line = function ($name, $value) {
        return $name . '="' . strtr($value, ['\\' => '\\\\', '"' => '\\"', "\n" => '\n']) . '"';
    };
    foreach (array_filter($options, 'strlen') as $name => $value) {
        $lines[] = $line($name, $value);
    }
    array_push($lines, '[mysql]', $line('database', $settings['DB_DATABASE']));
    if ((int) getenv('LOCK_WAIT_TIMEOUT') > 0) {
        $lines[] = $line('init-command', 'SET SESSION lock_wait_timeout = ' . (int) getenv('LOCK_WAIT_TIMEOUT'));
    }
    umask(0077);
    $path = tempnam(sys_get_temp_dir(), 'ixporch');
    $file = fopen($path, 'w+');
    unlink($path);
    $text = implode("\n", $lines) . "\n";
    if (fwrite($file, $text) !== strlen($text) || !fflush($file)) {
        ixporch_fail('the settings for the database\'s client could not be written into ' . sys_get_temp_dir() . ': is its disk full?');
    }
    return $file;
}

// What phpdotenv put into the environment is not handed on to other programs, nor are the settings of a login file.
function ixporch_environment()
{
    $environment = ['PATH' => (string) getenv('PATH'), 'LC_ALL' => 'C', 'MYSQL_TEST_LOGIN_FILE' => '/dev/null'];
    foreach (['HOME', 'IXPORCH_STEP'] as $name) {
        if (getenv($name) !== false) {
            $environment[$name] = getenv($name);
        }
    }
    return $environment;
}
