<?php
// uses: below.php, tell.php
// What the preflight asks about the settings of the installation.

// The skins of the installation's own that its settings name, with the number of their files.
function ixporch_skins(array $settings)
{
    foreach (['VIEW_SKIN' => 'resources/skins', 'VIEW_SMARTY_SKIN' => 'application/views/_skins'] as $name => $folder) {
        $skin = basename($settings[$name]);
        if ($skin !== '' && is_dir("$folder/$skin")) {
            $files = array_filter(iterator_to_array(ixporch_below("$folder/$skin"), false), 'is_file');
            ixporch_tell('skin', "$folder/$skin " . count($files));
        }
    }
}

// Which database the application uses if its configuration is cached (artisan config:cache): Laravel does not read .env then.
function ixporch_tell_cached(array $settings)
{
    $file = 'bootstrap/cache/config.php';
    try {
        $cached = is_file($file) ? include $file : null;
    } catch (Throwable $trouble) {
        // The application says so itself: artisan does not answer then.
        return;
    }
    if (!is_array($cached) || !isset($cached['database']['default'], $cached['database']['connections'])) {
        return;
    }
    $name = $cached['database']['default'];
    $used = isset($cached['database']['connections'][$name]) ? $cached['database']['connections'][$name] : [];
    foreach (['DB_HOST' => 'host', 'DB_PORT' => 'port', 'DB_DATABASE' => 'database', 'DB_USERNAME' => 'username'] as $setting => $key) {
        $value = isset($used[$key]) ? (string) $used[$key] : '';
        // What .env does not say has a default in the configuration.
        if ($settings[$setting] !== '' && $value !== $settings[$setting]) {
            ixporch_tell('cached-setting', "$setting is $value in $file, and $settings[$setting] in .env");
        }
    }
}

function ixporch_tell_settings(array $settings)
{
    ixporch_tell_cached($settings);
    foreach (['CACHE_DRIVER', 'DOCTRINE_CACHE'] as $name) {
        if ($settings[$name] === 'memcached') {
            ixporch_tell('memcached-used-by', $name);
        }
    }
    ixporch_tell('doctrine-cache', $settings['DOCTRINE_CACHE']);
    ixporch_skins($settings);
}
