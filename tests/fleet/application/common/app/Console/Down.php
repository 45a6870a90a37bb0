<?php

namespace App\Console;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** Laravel 5's `down`: the same text and exit code whether the site was down already or not. */
final class Down extends Command
{
    protected function configure(): void
    {
        $this->setName('down')
            ->addOption('message', null, InputOption::VALUE_REQUIRED)
            ->addOption('retry', null, InputOption::VALUE_REQUIRED);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $state = ['time' => time(), 'message' => $input->getOption('message'), 'retry' => $input->getOption('retry')];
        if (@file_put_contents(Kernel::maintenanceFile(), json_encode($state)) === false) {
            throw new \ErrorException('file_put_contents(' . Kernel::maintenanceFile() . '): failed to open stream');
        }
        $output->writeln('<comment>Application is now in maintenance mode.</comment>');

        return 0;
    }
}
