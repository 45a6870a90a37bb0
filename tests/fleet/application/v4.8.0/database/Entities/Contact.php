<?php

namespace Entities;

class Contact
{
    protected $id;
    protected $name;
    protected $userId;
}
