<?php

namespace Entities;

class BGPSessionData
{
    protected $id;
    protected $srcipaddressid;
    protected $dstipaddressid;
    protected $protocol;
    protected $packetcount;
    protected $timestamp;
    protected $source;
}
