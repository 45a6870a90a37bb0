<?php

namespace App\Console;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Laravel 5.5's `migrate` on a production system: without --force it asks, and without a terminal does nothing and exits 0. */
final class Migrate extends Command
{
    protected function configure(): void
    {
        $this->setName('migrate')->addOption('force', null, InputOption::VALUE_NONE);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        if (!$input->getOption('force')) {
            $output->writeln('Command Cancelled!');

            return 0;
        }
        $connection = Kernel::entityManager()->getConnection();
        if (!$connection->executeQuery("SHOW TABLES LIKE 'migrations'")->fetchOne()) {
            $connection->executeStatement('CREATE TABLE migrations (migration VARCHAR(191) PRIMARY KEY, batch INT NOT NULL)');
            $output->writeln('Migration table created successfully.');
        }
        $done = $connection->executeQuery('SELECT migration FROM migrations')->fetchFirstColumn();
        $count = 0;
        foreach (glob(BASE . '/database/migrations/*_*.php') ?: [] as $file) {
            $name = basename($file, '.php');
            if (in_array($name, $done, true)) {
                continue;
            }
            $output->writeln("Migrating: $name");
            $connection->executeStatement(require $file);
            $connection->insert('migrations', ['migration' => $name, 'batch' => 1]);
            $output->writeln("Migrated:  $name");
            $count++;
        }
        if ($count === 0) {
            $output->writeln('Nothing to migrate.');
        }

        return 0;
    }
}
