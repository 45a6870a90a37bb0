<?php

namespace App\Console;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** Laravel 5's `up`: says that the site is live and exits 0 even where the file could not be removed. */
final class Up extends Command
{
    protected function configure(): void
    {
        $this->setName('up');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        @unlink(Kernel::maintenanceFile());
        $output->writeln('<info>Application is now live.</info>');

        return 0;
    }
}
