<?php
// Loads a dump; gives why it could not be loaded, or nothing. Whose objects may not be created in their former owner's name become the database user's.
function ixporch_load(array $settings, $file, $total, $keeps_definers, $own)
{
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $client = ixporch_start('mysql --defaults-file=/dev/fd/3 --batch', [['pipe', 'r'], STDOUT, 3 => ixporch_option_file($settings)], $to);
    $name = '`((?:[^`]|``)*)`@`((?:[^`]|``)*)`';
    $definer = "~^(/\*!\d+ (?:CREATE\*/ /\*!\d+ )?|CREATE )DEFINER=$name~";
    $bytes = 0;
    $is_whole = true;
    while ($is_whole && ($line = fgets($from[1])) !== false) {
        $bytes += strlen($line);
        if (!$keeps_definers && preg_match($definer, $line, $match) && "$match[2]@$match[3]" !== $own) {
            $line = $match[1] . substr($line, strlen($match[0]));
        }
        $is_whole = @fwrite($to[0], $line) === strlen($line);
        ixporch_progress('loading', $bytes, $total);
    }
    fclose($from[1]);
    fclose($to[0]);
    $codes = [proc_close($client), proc_close($reader)];
    if (!$is_whole || $codes !== [0, 0]) {
        return 'the dump could not be loaded (exit codes ' . implode(', ', $codes) . ')';
    }
    return '';
}
