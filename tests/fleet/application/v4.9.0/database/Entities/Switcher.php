<?php

namespace Entities;

class Switcher
{
    protected $id;
    protected $name;
}
