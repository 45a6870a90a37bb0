<?php
// uses: http.php, site-trouble.php, tell.php, users.php
// What the preflight asks about the web site and its server.

// What the checks after the upgrade would say of the site as it is now. A closed one is not looked at.
function ixporch_tell_site()
{
    if ((string) getenv('URL') === '' || file_exists('storage/framework/down')) {
        return;
    }
    putenv('ANSWER_TIMEOUT=10');
    $trouble = ixporch_trouble_of_site(ixporch_installed_version());
    if ($trouble !== '') {
        ixporch_tell('site-trouble', getenv('URL') . ": $trouble");
    }
}

// The settings files of web servers that are about this installation: those that name its folder, and the pools of PHP-FPM that run
// as this user.
function ixporch_web_files()
{
    $me = trim(ixporch_output_of('id -un', $code));
    $files = [];
    foreach (['/etc/php/*/fpm/pool.d/*.conf', '/etc/php-fpm.d/*.conf'] as $pools) {
        foreach ((array) glob($pools) as $file) {
            $text = (string) @file_get_contents($file);
            if ($me !== '' && preg_match('~^\s*user\s*=\s*"?' . preg_quote($me, '~') . '"?\s*$~m', $text)) {
                $files[$file] = $text;
            }
        }
    }
    foreach (['/etc/{apache2,nginx}/sites-enabled/*', '/etc/{apache2,nginx}/conf-enabled/*', '/etc/{nginx,httpd}/conf.d/*.conf', getcwd() . '/public/.htaccess'] as $sites) {
        foreach ((array) glob($sites, GLOB_BRACE) as $file) {
            $text = (string) @file_get_contents($file);
            if (basename($file) === '.htaccess' || strpos($text, getcwd() . '/public') !== false) {
                $files[$file] = $text;
            }
        }
    }
    return $files;
}

// Where the web server gives the application another database than .env does. Its variables count before .env.
function ixporch_tell_web_settings(array $settings)
{
    $forms = ['env\[(DB_\w+)\]\s*=\s*', 'SetEnv\s+"?(DB_\w+)"?\s+', 'fastcgi_param\s+(DB_\w+)\s+'];
    foreach (ixporch_web_files() as $file => $text) {
        preg_match_all('~^\s*(?:' . implode('|', $forms) . ')(?:"([^"\n]*)"|\'([^\'\n]*)\'|([^;\s]+))~mi', $text, $found, PREG_SET_ORDER);
        foreach ($found as $match) {
            $name = $match[1] . $match[2] . $match[3];
            $value = implode('', array_slice($match, 4));
            $is_compared = in_array($name, ['DB_HOST', 'DB_PORT', 'DB_SOCKET', 'DB_DATABASE', 'DB_USERNAME'], true);
            if ($is_compared && $value !== $settings[$name]) {
                ixporch_tell('web-setting', "$name is $value in $file, and " . ($settings[$name] === '' ? 'not set' : $settings[$name]) . ' in .env');
            }
        }
    }
}
