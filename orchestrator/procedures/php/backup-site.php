<?php
// uses: closed.php
// How the site is when its backup is begun: since when, how it is closed, and where its logs end.
function ixporch_state_of_site()
{
    $state = ['started' => time(), 'closed' => ixporch_closed(), 'logs' => []];
    foreach ((array) glob('storage/logs/*.log') as $log) {
        $state['logs'][$log] = filesize($log);
    }
    return $state;
}
