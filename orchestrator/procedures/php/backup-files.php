<?php
// uses: archive.php
// The files' part of a backup: the settings, and what composer and bower installed.
const IXPORCH_SETTINGS_PATHS = ['.env', 'composer.json', 'composer.lock', 'bower.json', '.bowerrc', 'config', 'resources/skins', 'application/configs', 'application/views/_skins', 'public/.htaccess', 'public/logos'];
const IXPORCH_COMPONENT_PATHS = ['vendor', 'public/bower_components', 'database/Proxies', 'bootstrap/cache'];

// What of these paths is there, a folder by what is in it: it may be a link, and need not be this user's own.
function ixporch_there(array $paths)
{
    $there = [];
    foreach (array_filter($paths, 'file_exists') as $path) {
        $names = is_dir($path) ? array_values(array_diff((array) scandir($path), ['.', '..'])) : [];
        $below = array_map(function ($name) use ($path) {
            return "$path/$name";
        }, $names);
        $there = array_merge($there, is_dir($path) ? $below : [$path]);
    }
    return $there;
}

function ixporch_tar($options, array $paths)
{
    $names = $paths ? implode(' ', array_map('escapeshellarg', array_merge(['--'], $paths))) : '--files-from=/dev/null';
    return "tar --create --file=- $options $names";
}

// Packs settings and components; gives what the manifest says of the two archives. Settings are kept by what they say, also
// where they are links; one that only another user can read, or a link to nothing, is named, and left out. Of components
// those that this user can write: composer and bower could change no others.
function ixporch_pack_files($folder)
{
    $kinds = [
        'settings' => [array_filter(IXPORCH_SETTINGS_PATHS, 'file_exists'), '--dereference --ignore-failed-read', [0, 1]],
        'components' => [array_filter(IXPORCH_COMPONENT_PATHS, 'is_writable'), '', [0]],
    ];
    $archives = [];
    foreach ($kinds as $name => list($paths, $options, $codes)) {
        $archives[$name] = ixporch_pack(ixporch_tar($options, ixporch_there($paths)), [], $folder, "$name.tar", 0, $codes);
        unset($archives[$name]['tail']);
        $archives[$name]['paths'] = array_values($paths);
    }
    return $archives;
}
