<?php

namespace App\Console;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * laravel-doctrine's `doctrine:schema:update`: exit code 0 for in sync, for pending and for applied alike, five
 * spaces before the first statement, `;` and five spaces between statements, nothing after the last.
 */
final class SchemaUpdate extends Command
{
    protected function configure(): void
    {
        $this->setName('doctrine:schema:update')
            ->addOption('clean', null, InputOption::VALUE_NONE)
            ->addOption('sql', null, InputOption::VALUE_NONE)
            ->addOption('force', null, InputOption::VALUE_NONE);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $entityManager = Kernel::entityManager();
        $tool = Kernel::schemaTool($entityManager);
        $keepUnknownTables = !$input->getOption('clean');

        $output->writeln('');
        $output->writeln('Checking if database connected to <info>default</info> entity manager needs updating...');
        $metadata = $entityManager->getMetadataFactory()->getAllMetadata();
        $statements = $tool->getUpdateSchemaSql($metadata, $keepUnknownTables);

        if ($statements === []) {
            $output->writeln('<error>Nothing to update - your database is already in sync with the current entity metadata.</error>');

            return 0;
        }
        if ($input->getOption('sql')) {
            $output->writeln('     ' . implode(';     ' . PHP_EOL, $statements));

            return 0;
        }
        $count = count($statements);
        if (!$input->getOption('force')) {
            $output->writeln(sprintf('The Schema-Tool would execute "%d" queries to update the database.', $count));

            return 1;
        }
        $output->writeln('Updating database schema...');
        $tool->updateSchema($metadata, $keepUnknownTables);
        $words = $count === 1 ? 'query was' : 'queries were';
        $output->writeln(sprintf('<info>Database schema updated successfully! "%d" %s executed</info>', $count, $words));

        return 0;
    }
}
