<?php

namespace Entities;

class VirtualInterface
{
    protected $id;
    protected $name;
    protected $mtu;
    protected $customer;
}
