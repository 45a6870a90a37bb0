<?php

namespace App;

use Doctrine\DBAL\DriverManager;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\ORMSetup;
use Doctrine\ORM\Tools\SchemaTool;
use Symfony\Component\Console\Application;

/** The entity manager and the console. */
final class Kernel
{
    /**
     * An entity manager over the XML mappings.
     *
     * Neither development mode nor a cache is asked for: Doctrine then keeps its metadata in memcached on
     * 127.0.0.1, and a release's new mappings are not seen until memcached has been restarted.
     */
    public static function entityManager(): EntityManager
    {
        $configuration = ORMSetup::createXMLMetadataConfiguration(
            [BASE . '/database/xml'],
            false,
            BASE . '/database/Proxies'
        );
        $configuration->setProxyNamespace('Proxies');
        $configuration->setAutoGenerateProxyClasses(false);

        $connection = DriverManager::getConnection([
            'driver' => 'pdo_mysql',
            'host' => getenv('DB_HOST') ?: '127.0.0.1',
            'dbname' => getenv('DB_DATABASE'),
            'user' => getenv('DB_USERNAME'),
            'password' => getenv('DB_PASSWORD'),
            'charset' => 'utf8mb4',
        ], $configuration);

        return new EntityManager($connection, $configuration);
    }

    /** What compares the database with the mappings: later releases here have the one of an older DBAL. */
    public static function schemaTool(EntityManager $entityManager): SchemaTool
    {
        return is_file(__DIR__ . '/OldSchemaTool.php') ? new OldSchemaTool($entityManager) : new SchemaTool($entityManager);
    }

    /** The file whose presence is maintenance mode. */
    public static function maintenanceFile(): string
    {
        return BASE . '/storage/framework/down';
    }

    /** All artisan commands. */
    public static function console(): Application
    {
        $application = new Application('IXP Manager', APPLICATION_VERSION);
        $application->addCommands([
            new Console\Down(),
            new Console\Up(),
            new Console\SchemaCreate(),
            new Console\SchemaUpdate(),
            new Console\SchemaValidate(),
            new Console\GenerateProxies(),
            new Console\Migrate(),
        ]);

        if (is_file(__DIR__ . '/Console/Commands/Upgrade/CopyContactNamesToUsers.php')) {
            $application->add(new Console\Commands\Upgrade\CopyContactNamesToUsers());
        }

        return $application;
    }
}
