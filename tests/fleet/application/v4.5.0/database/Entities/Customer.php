<?php

namespace Entities;

class Customer
{
    protected $id;
    protected $name;
    protected $shortname;
    protected $autsys;
    protected $peeringPolicy;
    protected $virtualInterfaces;
}
