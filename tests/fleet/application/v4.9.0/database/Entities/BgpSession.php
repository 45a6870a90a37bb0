<?php

namespace Entities;

class BgpSession
{
    protected $id;
    protected $srcipaddressid;
    protected $protocol;
    protected $dstipaddressid;
    protected $packetcount;
    protected $lastSeen;
    protected $source;
}
