<?php

namespace App\Console;

use App\Kernel;
use Doctrine\ORM\Tools\SchemaTool;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** Creates all tables; used once, when the application layer is installed. */
final class SchemaCreate extends Command
{
    protected function configure(): void
    {
        $this->setName('doctrine:schema:create');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $entityManager = Kernel::entityManager();
        (new SchemaTool($entityManager))->createSchema($entityManager->getMetadataFactory()->getAllMetadata());
        $output->writeln('<info>Database schema created successfully!</info>');

        return 0;
    }
}
