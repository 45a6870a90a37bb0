<?php

namespace App\Console;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** Writes Doctrine's proxy classes; used when a release is made, since upstream keeps them in git. */
final class GenerateProxies extends Command
{
    protected function configure(): void
    {
        $this->setName('doctrine:generate:proxies');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $entityManager = Kernel::entityManager();
        $folder = $entityManager->getConfiguration()->getProxyDir();
        $entityManager->getProxyFactory()->generateProxyClasses(
            $entityManager->getMetadataFactory()->getAllMetadata(),
            $folder
        );
        $output->writeln("Proxy classes generated to \"<info>$folder</info>\"");

        return 0;
    }
}
