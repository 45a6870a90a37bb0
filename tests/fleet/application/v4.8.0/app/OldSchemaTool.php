<?php

namespace App;

use Doctrine\DBAL\Platforms\MariaDBPlatform;
use Doctrine\ORM\EntityManagerInterface;
use Doctrine\ORM\Tools\SchemaTool;

/**
 * The schema tool over DBAL 2.5: it takes MariaDB's word for a missing default, the text NULL, for a default of that text, and
 * so finds a change of every column that may be NULL, now and after each update. MySQL does not say NULL there.
 */
final class OldSchemaTool extends SchemaTool
{
    private $connection;

    public function __construct(EntityManagerInterface $entityManager)
    {
        parent::__construct($entityManager);
        $this->connection = $entityManager->getConnection();
    }

    public function getUpdateSchemaSql(array $classes, $saveMode = false)
    {
        $manager = $this->connection->createSchemaManager();
        $platform = $this->connection->getDatabasePlatform();
        $installed = $manager->createSchema();
        foreach ($installed->getTables() as $table) {
            foreach ($table->getColumns() as $column) {
                if ($platform instanceof MariaDBPlatform && !$column->getNotnull() && $column->getDefault() === null) {
                    $column->setDefault('NULL');
                }
            }
        }
        $difference = $manager->createComparator()->compareSchemas($installed, $this->getSchemaFromMetadata($classes));

        return $saveMode ? $difference->toSaveSql($platform) : $difference->toSql($platform);
    }
}
