<?php
// Boots the application for the command line and for the web: composer's autoloader (fatal without it, as in
// Laravel), Debian's Doctrine, the .env file, and the classes that this release cannot do without.

define('BASE', dirname(__DIR__));

require BASE . '/vendor/autoload.php';
require 'Doctrine/ORM/autoload.php';
require 'Symfony/Component/Console/autoload.php';
require is_file(BASE . '/version.php') ? BASE . '/version.php' : BASE . '/library/IXP/Version.php';
require __DIR__ . '/providers.php';

// Later than Laravel 5, phpdotenv does not put what it reads into the environment unless it is told to.
Dotenv\Dotenv::createUnsafeImmutable(BASE)->safeLoad();

foreach (PROVIDERS as $class) {
    if (!class_exists($class)) {
        throw new Error("Class '$class' not found");
    }
}
