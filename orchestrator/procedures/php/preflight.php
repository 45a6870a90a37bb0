<?php
// uses: preflight-php.php, preflight-machine.php, preflight-files.php, preflight-backups.php, preflight-settings.php
// uses: preflight-database.php, preflight-releases.php, preflight-schema.php, preflight-web.php, settings.php, tell.php
// What stands against an upgrade, as far as it can be seen while the site is open. Nothing is changed.
if ((string) ini_get('open_basedir') !== '') {
    // This is shown only if something fails: then that is probably why, and PHP may not say so.
    fwrite(STDERR, 'open_basedir restriction in effect: ' . ini_get('open_basedir') . "\n");
}
ixporch_tell_php();
ixporch_tell_memory_and_jobs();
ixporch_tell_foreign();
ixporch_tell_backups(getenv('BACKUPS'));
ixporch_tell_unreadable();
ixporch_tell_memcached(getenv('MEMCACHED_ADDRESS'));
try {
    $settings = ixporch_settings();
    ixporch_tell_settings($settings);
    ixporch_tell_web_settings($settings);
    ixporch_tell_database(ixporch_database($settings), $settings);
    ixporch_tell_releases(ixporch_database($settings), getenv('RELEASE_QUERIES'));
} catch (Throwable $trouble) {
    ixporch_tell('database-trouble', $trouble->getMessage());
}
ixporch_tell_programs();
ixporch_tell_site();
ixporch_tell_schema();
// Without this line it was broken off, and what it did not say is not known.
ixporch_tell('end', 'whole');
