<?php

namespace App\Console\Commands\Upgrade;

use App\Kernel;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Component\Console\Question\ConfirmationQuestion;

/**
 * What is done once after the upgrade to v4.9.0: the names of users come from their contacts, which lose their link to the
 * user. How often it was done is counted.
 */
final class CopyContactNamesToUsers extends Command
{
    protected function configure(): void
    {
        $this->setName('ixp-manager:upgrade:copy-contact-names');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        // The console of that time takes no answer from what is no terminal, unless it is told to.
        if (!stream_isatty(STDIN) && getenv('SHELL_INTERACTIVE') === false) {
            $input->setInteractive(false);
        }
        $question = new ConfirmationQuestion('Copy the names of contacts to their users? (yes/no) [no] ', false);
        if (!$this->getHelper('question')->ask($input, $output, $question)) {
            $output->writeln('Nothing was done.');

            return 1;
        }
        $connection = Kernel::entityManager()->getConnection();
        $connection->executeStatement('CREATE TABLE IF NOT EXISTS copied_names (at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)');
        $copied = $connection->transactional(function ($connection) {
            $connection->executeStatement('INSERT INTO copied_names () VALUES ()');
            $copied = $connection->executeStatement(
                'UPDATE user u JOIN contact c ON c.user_id = u.id SET u.name = c.name'
            );
            $connection->executeStatement('UPDATE contact SET user_id = NULL');

            return $copied;
        });
        $output->writeln("Names of $copied users were copied.");

        return 0;
    }
}
