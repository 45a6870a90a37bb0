<?php
// uses: users.php
// artisan processes of this installation, such as those that cron started.

// Whose processes count: those that may write to the database of the installation. Anybody can name a process `artisan`.
function ixporch_users_of_jobs()
{
    $own = fileowner('/proc/self');
    $web = getenv('WEB_USER') === false ? $own : ixporch_id('WEB_USER');
    return [0, $own, $web, (int) @fileowner('.git'), (int) getenv('SUDO_UID')];
}

function ixporch_jobs()
{
    $jobs = [];
    $users = ixporch_users_of_jobs();
    foreach ((array) glob('/proc/[0-9]*/cmdline') as $file) {
        $words = explode("\0", (string) @file_get_contents($file));
        $at = array_search('artisan', array_map('basename', $words), true);
        if ($at === false || !in_array(@fileowner(dirname($file)), $users, true)) {
            continue;
        }
        // cron starts them in a home folder, by their whole path; where another user's process is cannot be seen.
        $folder = @readlink(dirname($file) . '/cwd');
        $path = $words[$at][0] === '/' ? $words[$at] : ($folder === false ? 'artisan' : "$folder/$words[$at]");
        if (realpath($path) === realpath('artisan')) {
            $jobs[] = implode(' ', array_slice($words, $at, 4));
        }
    }
    return $jobs;
}
