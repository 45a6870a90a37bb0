# The base layer: a Debian 12 with all that an IXP Manager host has, before the application.
# shellcheck shell=bash

BASE_PACKAGES=(
  systemd systemd-sysv dbus libpam-systemd openssh-server openssh-client sudo git ca-certificates iproute2 procps
  php-cli php-mysql php-memcached php-mbstring php-xml php-doctrine-orm php-symfony-console php-symfony-cache php-vlucas-phpdotenv
  composer unzip zstd nodejs memcached mariadb-server mariadb-client dash busybox
  dropbear-bin tinysshd
)
BOWER=bower@1.8.14

base_identity() {
  { printf '%s\n' "${BASE_PACKAGES[@]}" "$BOWER"; declare -f base_configure base_database_settings; } | sha256sum | cut -c1-12
}

# Small enough for twenty database servers beside one another.
base_database_settings() {
  cat <<'SETTINGS'
[mysqld]
skip-name-resolve
innodb_buffer_pool_size = 16M
innodb_log_file_size = 8M
innodb_autoextend_increment = 1
innodb_temp_data_file_path = ibtmp1:1M:autoextend
aria_pagecache_buffer_size = 1M
key_buffer_size = 1M
max_connections = 30
SETTINGS
}

base_configure() {
  local root=$1 unit
  rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/dbus/machine-id
  : > "$root/etc/machine-id"
  echo 'nameserver 127.0.0.1' > "$root/etc/resolv.conf"

  mkdir -p "$root"/etc/systemd/system/mariadb.service.d "$root"/etc/systemd/system.conf.d "$root"/etc/systemd/journald.conf.d
  printf '[Service]\nExecStartPost=\n' > "$root/etc/systemd/system/mariadb.service.d/fleet.conf"
  printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > "$root/etc/systemd/system.conf.d/fleet.conf"
  printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=4M\n' > "$root/etc/systemd/journald.conf.d/fleet.conf"
  for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service phpsessionclean.timer \
    dpkg-db-backup.timer fstrim.timer systemd-pstore.service console-getty.service getty@tty1.service \
    dev-hugepages.mount systemd-update-utmp-runlevel.service systemd-tmpfiles-clean.timer systemd-firstboot.service \
    tinysshd.socket dropbear.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
  done

  cat > "$root/etc/ssh/sshd_config.d/fleet.conf" <<'SSHD'
HostKey /etc/ssh/ssh_host_ed25519_key
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
SSHD

  chroot "$root" useradd -m -s /bin/bash ops
  echo 'ops ALL=(ALL:ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/ops"
  chmod 440 "$root/etc/sudoers.d/ops"
  chroot "$root" useradd -m -s /bin/bash -G sudo opspw
  echo 'opspw:swordfish' | chroot "$root" chpasswd

  cat > "$root/etc/systemd/system/ixp-web.service" <<'UNIT'
[Unit]
Description=The web site of the miniature IXP Manager
After=mariadb.service memcached.service
ConditionPathExists=/srv/ixpmanager/public/index.php
[Service]
User=www-data
WorkingDirectory=/srv/ixpmanager
ExecStart=/usr/bin/php -S 0.0.0.0:80 -t public public/index.php
AmbientCapabilities=CAP_NET_BIND_SERVICE
[Install]
WantedBy=multi-user.target
UNIT
  ln -sfn ../ixp-web.service "$root/etc/systemd/system/multi-user.target.wants/ixp-web.service"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
}

# The file in which this machine says from where it has Debian 12.
debian_sources() {
  local sources=/etc/apt/sources.list.d/debian.sources
  [ -f "$sources" ] || sources=/etc/apt/sources.list
  echo "$sources"
}

# Sets BASE; builds it where it is not there yet (about a minute and a half).
base_layer() {
  BASE=$CACHE/base-$(base_identity)
  [ -e "$BASE/.complete" ] && return
  install_tools
  mkdir -p "$CACHE"
  local temporary npm
  temporary=$(mktemp -d /dev/shm/ixporch-base.XXXXXX)
  base_database_settings > "$CACHE/database.cnf"
  say "building the base layer (once)"
  (cd / && npm install --silent --no-fund --no-audit --prefix "$CACHE/npm" "$BOWER") > "$CACHE/npm.log" 2>&1 &
  npm=$!
  # dpkg syncs a great deal: it is built in memory, then copied.
  mmdebstrap --mode=root --variant=minbase --include="$(IFS=,; echo "${BASE_PACKAGES[*]}")" \
    --aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook="mkdir -p \"\$1/etc/mysql/mariadb.conf.d\" && cp '$CACHE/database.cnf' \"\$1/etc/mysql/mariadb.conf.d/90-fleet.cnf\"" \
    bookworm "$temporary" "$(debian_sources)" > "$CACHE/mmdebstrap.log" 2>&1 || { tail -20 "$CACHE/mmdebstrap.log" >&2; rm -rf "$temporary"; die "mmdebstrap failed"; }
  wait "$npm" || { tail -5 "$CACHE/npm.log" >&2; rm -rf "$temporary"; die "npm could not install bower"; }
  mkdir -p "$temporary/usr/local/lib/node_modules"
  cp -a "$CACHE/npm/node_modules/bower" "$temporary/usr/local/lib/node_modules/"
  ln -sfn ../lib/node_modules/bower/bin/bower "$temporary/usr/local/bin/bower"
  base_configure "$temporary"
  destroy_hosts
  rm -rf "$CACHE"/{base,kind,data}-*
  cp -a "$temporary" "$BASE"
  rm -rf "$temporary"
  touch "$BASE/.complete"
}
