<?php
// Boots the application for the command line and for the web: composer's autoloader (fatal without it, as in
// Laravel), Debian's Doctrine, the .env file, and the classes that this release cannot do without.

define('BASE', dirname(__DIR__));

require BASE . '/vendor/autoload.php';
require 'Doctrine/ORM/autoload.php';
require 'Symfony/Component/Console/autoload.php';
require BASE . '/library/IXP/Version.php';
require __DIR__ . '/providers.php';

if (is_readable(BASE . '/.env')) {
    foreach (file(BASE . '/.env', FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) as $line) {
        if ($line[0] !== '#' && str_contains($line, '=')) {
            [$name, $value] = explode('=', $line, 2);
            if (getenv($name) === false) {
                putenv($name . '=' . trim($value, '"'));
            }
        }
    }
}

foreach (PROVIDERS as $class) {
    if (!class_exists($class)) {
        throw new Error("Class '$class' not found");
    }
}
