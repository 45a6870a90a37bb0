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

function ixporch_tell_settings(array $settings)
{
    foreach (['CACHE_DRIVER', 'DOCTRINE_CACHE'] as $name) {
        if ($settings[$name] === 'memcached') {
            ixporch_tell('memcached-used-by', $name);
        }
    }
    ixporch_tell('doctrine-cache', $settings['DOCTRINE_CACHE']);
    ixporch_skins($settings);
}
