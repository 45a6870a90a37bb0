<?php

namespace Entities;

class User
{
    protected $id;
    protected $username;
    protected $name;
}
