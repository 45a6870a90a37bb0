<?php
// All files and folders below a folder; what goes away meanwhile, or cannot be looked into, is left out.
function ixporch_below($folder)
{
    try {
        $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST, RecursiveIteratorIterator::CATCH_GET_CHILD);
        foreach ($files as $path => $file) {
            yield $path;
        }
    } catch (UnexpectedValueException $closed) {
        return;
    }
}
