<?php
// uses: client.php, programs.php, progress.php
// Archives of backups. What goes into an archive and comes out of it passes through here, so that it can be counted and
// compared.
const IXPORCH_CHUNK = 262144;

// The length of the longest line of what it is told piece by piece.
function ixporch_longest_line($chunk, array &$seen)
{
    $lines = explode("\n", $chunk);
    $seen['open'] += strlen($lines[0]);
    $seen['longest'] = max($seen['longest'], $seen['open']);
    if (count($lines) > 1) {
        $seen['open'] = strlen(end($lines));
        $seen['longest'] = max($seen['longest'], max(array_map('strlen', $lines)));
    }
}

// Passes on what is read, as long as it can be written; gives whether all of it was written, and what the manifest says
// of it.
function ixporch_pass_on($from, $to, $name, $total)
{
    $hash = hash_init('sha256');
    $bytes = 0;
    $tail = '';
    $seen = ['open' => 0, 'longest' => 0];
    $is_written = true;
    while ($is_written && ($chunk = fread($from, IXPORCH_CHUNK)) !== false && $chunk !== '') {
        hash_update($hash, $chunk);
        $bytes += strlen($chunk);
        $tail = substr($tail . $chunk, -512);
        ixporch_longest_line($chunk, $seen);
        $is_written = @fwrite($to, $chunk) === strlen($chunk);
        ixporch_progress($name, $bytes, $total);
    }
    return [$is_written, ['plain_bytes' => $bytes, 'plain_sha256' => hash_final($hash), 'longest_line' => $seen['longest'], 'tail' => $tail]];
}

// Writes what $command prints into a compressed file; gives what the manifest says of it. $total is about how much it
// will be.
function ixporch_pack($command, array $streams, $folder, $name, $total, array $good = [0])
{
    $is_zstd = ixporch_has_program('zstd');
    $file = $name . ($is_zstd ? '.zst' : '.gz');
    $target = fopen("$folder/$file", 'xb');
    if (!$target) {
        ixporch_fail("$folder/$file cannot be written");
    }
    $source = ixporch_start($command, [['file', '/dev/null', 'r'], ['pipe', 'w']] + $streams, $from);
    $packer = ixporch_start($is_zstd ? 'zstd -q -c' : 'gzip -c', [['pipe', 'r'], $target], $to);
    list($is_written, $plain) = ixporch_pass_on($from[1], $to[0], $name, $total);
    fclose($from[1]);
    fclose($to[0]);
    $codes = [proc_close($source), proc_close($packer)];
    fclose($target);
    if (!$is_written || $codes[1] !== 0) {
        ixporch_fail("$folder/$file could not be written (is the disk full? the packer exited with $codes[1])");
    }
    if (!in_array($codes[0], $good, true)) {
        ixporch_fail(strtok($command, ' ') . " exited with $codes[0]");
    }
    ixporch_check_archive("$folder/$file", $plain);
    return ['file' => $file, 'bytes' => filesize("$folder/$file"), 'sha256' => hash_file('sha256', "$folder/$file")] + $plain;
}

// Why what an archive holds is not what was written into it; nothing where it is.
function ixporch_trouble_of_content($file, array $known)
{
    $reader = ixporch_start(ixporch_unpacker($file), [['file', $file, 'r'], ['pipe', 'w']], $from);
    $hash = hash_init('sha256');
    $bytes = 0;
    while (($chunk = fread($from[1], IXPORCH_CHUNK)) !== false && $chunk !== '') {
        hash_update($hash, $chunk);
        $bytes += strlen($chunk);
        ixporch_progress('reading ' . basename($file), $bytes, $known['plain_bytes']);
    }
    fclose($from[1]);
    $code = proc_close($reader);
    if ($code !== 0) {
        return "$file cannot be unpacked (exit code $code)";
    }
    $is_same = $bytes === $known['plain_bytes'] && hash_final($hash) === $known['plain_sha256'];
    return $is_same ? '' : "$file is damaged: its content differs from what was written";
}

// Reads an archive to its end; gives why it is not what its manifest says, or nothing.
function ixporch_trouble_of_archive($file, array $known)
{
    if (!is_readable($file)) {
        return "$file is missing, or cannot be read";
    }
    if (isset($known['sha256']) && hash_file('sha256', $file) !== $known['sha256']) {
        return "$file is damaged: its sha256 differs";
    }
    return ixporch_trouble_of_content($file, $known);
}

function ixporch_check_archive($file, array $known)
{
    $trouble = ixporch_trouble_of_archive($file, $known);
    if ($trouble !== '') {
        ixporch_fail($trouble);
    }
}

function ixporch_unpacker($file)
{
    return substr($file, -4) === '.zst' ? 'zstd -q -d -c' : 'gzip -d -c';
}
