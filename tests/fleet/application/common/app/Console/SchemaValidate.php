<?php

namespace App\Console;

use App\Kernel;
use Doctrine\ORM\Tools\SchemaValidator;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** laravel-doctrine's `doctrine:schema:validate`: exit code 1 for bad mappings, 2 for a database out of sync, 3 for both. */
final class SchemaValidate extends Command
{
    protected function configure(): void
    {
        $this->setName('doctrine:schema:validate');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $entityManager = Kernel::entityManager();
        $validator = new SchemaValidator($entityManager);
        $exit = 0;

        $output->writeln('');
        $output->writeln('Validating for <info>default</info> entity manager...');
        $errors = $validator->validateMapping();
        if ($errors === []) {
            $output->writeln('<info>[Mapping]  OK - The mapping files are correct.</info>');
        }
        foreach ($errors as $class => $messages) {
            $output->writeln("<error>[Mapping]  FAIL - The entity-class '$class' mapping is invalid:</error>");
            foreach ($messages as $message) {
                $output->writeln("* $message");
            }
            $exit = 1;
        }
        $metadata = $entityManager->getMetadataFactory()->getAllMetadata();
        if (Kernel::schemaTool($entityManager)->getUpdateSchemaSql($metadata, true) === []) {
            $output->writeln('<info>[Database] OK - The database schema is in sync with the mapping files.</info>');

            return $exit;
        }
        $output->writeln('<error>[Database] FAIL - The database schema is not in sync with the current mapping file.</error>');

        return $exit + 2;
    }
}
