<?php

namespace Entities;

class BgpSession
{
    protected $id;
    protected $packetcount;
    protected $source;
}
