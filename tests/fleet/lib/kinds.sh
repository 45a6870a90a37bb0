# Hosts of other kinds than the plain one. A kind is a layer above the application's, with what such hosts have in place of what
# plain hosts have. It is built when a host of that kind is first wanted.
# shellcheck shell=bash
# Other parts use what is set here.
# shellcheck disable=SC2034

# Where other releases of Debian are fetched from; an old one may have moved to the archive.
DEBIAN_MIRRORS=("${IXPORCH_DEBIAN_MIRROR:-http://deb.debian.org/debian}" http://archive.debian.org/debian)
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# kind_identity KIND: changes with the recipe, and with the layers below.
kind_identity() {
  {
    base_identity
    declare -f fetch_packages install_packages "kind_$1"
    [ "$1" != mysql ] || declare -f mysql_settings mysql_unit mysql_wrapper
  } | sha256sum | cut -c1-12
}

data_identity() { { application_identity; kind_identity "$1"; declare -f "data_$1"; } | sha256sum | cut -c1-12; }

# apt_in FOLDER STATUS ARGUMENT...: this machine's apt with its state in a folder, for the system whose packages STATUS lists. It
# reads the sources and preferences in that folder alone, and verifies signatures.
apt_in() {
  local folder=$1 status=$2
  shift 2
  apt-get -qq -o "Dir::State=$folder" -o "Dir::State::status=$status" -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder" \
    -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/sources" -o Dir::Etc::preferences=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User= -o APT::Update::Error-Mode=any -o APT::Install-Recommends=false \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::Languages=none -o Acquire::GzipIndexes=false \
    -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false -o Debug::NoLocking=true "$@"
}

# fetch_packages FOLDER SUITE STATUS PACKAGE...: downloads packages of one release of Debian into FOLDER/archives, and what they
# need that STATUS does not list; prints their versions. The suite `this` is the Debian of the base layer, from where that came.
fetch_packages() {
  local folder=$1 suite=$2 status=$3 mirror
  shift 3
  for mirror in "${DEBIAN_MIRRORS[@]}"; do
    rm -rf "$folder"
    mkdir -p "$folder"/{sources,lists/partial,archives/partial}
    if [ "$suite" = this ]; then
      cp "$(debian_sources)" "$folder/sources/"
    else
      echo "deb [signed-by=$DEBIAN_KEYRING] $mirror $suite main" > "$folder/sources/suite.list"
    fi
    if apt_in "$folder" "$status" update && apt_in "$folder" "$status" --download-only -y install "$@" > /dev/null; then
      (cd "$folder/archives" && printf '%s\n' *.deb)
      return
    fi
  done
  die "packages of Debian ($suite) could not be downloaded: $*"
}

# install_packages ROOT ARCHIVES: installs all of them into a root folder; no service is started.
install_packages() {
  local root=$1 archives=$2
  mkdir "$root/packages"
  cp "$archives"/*.deb "$root/packages/"
  chroot "$root" sh -ec 'dpkg --force-unsafe-io --unpack /packages/*.deb; dpkg --force-unsafe-io --configure -a'
  rm -r "$root/packages"
}

# Apache with PHP-FPM as Debian configures them, also opcache.
kind_apache() {
  local root=$1 folder=$2
  fetch_packages "$folder" this "$root/var/lib/dpkg/status" apache2 php8.2-fpm
  install_packages "$root" "$folder/archives"
  ln -sfn /dev/null "$root/etc/systemd/system/ixp-web.service"
  cat > "$root/etc/apache2/sites-available/ixpmanager.conf" <<'SITE'
ServerName localhost
<VirtualHost *:80>
    DocumentRoot /srv/ixpmanager/public
    <Directory /srv/ixpmanager/public>
        Require all granted
        FallbackResource /index.php
    </Directory>
</VirtualHost>
SITE
  chroot "$root" sh -ec 'a2enmod proxy_fcgi setenvif; a2enconf php8.2-fpm; a2dissite 000-default; a2ensite ixpmanager'
}

# PHP 7.4 of Debian 11 as the system's `php`, beside Debian 12's PHP 8.2. Debian 12's libraries run under it, with two exceptions.
kind_php74() {
  local root=$1 folder=$2 package console=$1/usr/share/php/Symfony/Component/Console/autoload.php
  # They are unpacked: as packages they cannot be installed beside Debian 12's php-common.
  local packages=(
    php7.4-cli php7.4-common php7.4-intl php7.4-json php7.4-mbstring php7.4-mysql php7.4-opcache php7.4-readline php7.4-xml
    php-doctrine-collections php-igbinary php-memcached php-msgpack
  )
  local libraries=(libffi7 libicu67 libssl1.1)
  # Symfony uses functions of PHP 8, and does not load their replacement where PHP is always newer.
  fetch_packages "$folder" this "$root/var/lib/dpkg/status" php-symfony-polyfill-php80
  install_packages "$root" "$folder/archives"
  sed -i "0,/^require_once/s//require_once 'Symfony\/Polyfill\/Php80\/autoload.php';\n&/" "$console"
  fetch_packages "$folder" bullseye /dev/null "${packages[@]}"
  # Doctrine's collections 2 need PHP 8.1; its ORM takes version 1 as well.
  rm -r "$root/usr/share/php/Doctrine/Common/Collections"
  for package in "${packages[@]}" "${libraries[@]}"; do
    dpkg-deb --fsys-tarfile "$folder/archives/$package"_*.deb | tar -x -C "$root" --exclude='./usr/share/doc' --exclude='./usr/share/man'
  done
  cp "$root"/usr/share/php7.4-*/*/*.ini "$root/etc/php/7.4/mods-available/"
  cp "$root/usr/lib/php/7.4/php.ini-production.cli" "$root/etc/php/7.4/cli/php.ini"
  chroot "$root" sh -ec 'ldconfig; for module in /etc/php/7.4/mods-available/*.ini; do phpenmod -v 7.4 "$(basename "$module" .ini)"; done
    update-alternatives --install /usr/bin/php php /usr/bin/php7.4 74
    update-alternatives --set php /usr/bin/php7.4
    test "$(php -r "echo PHP_VERSION;" | cut -c1-4)" = 7.4.'
}

mysql_settings() {
  cat <<'SETTINGS'
# What a server has whose databases are replicated, and small sizes.
[mysqld]
basedir = /usr
skip-name-resolve
mysqlx = OFF
server_id = 1
gtid_mode = ON
enforce_gtid_consistency = ON
innodb_buffer_pool_size = 16M
innodb_redo_log_capacity = 8M
innodb_autoextend_increment = 1
max_connections = 30
SETTINGS
}

mysql_unit() {
  cat <<'UNIT'
[Unit]
Description=MySQL Community Server
After=network.target
ConditionDirectoryNotEmpty=/var/lib/mysql
[Service]
Type=notify
User=mysql
Group=mysql
ExecStart=/usr/sbin/mysqld
RuntimeDirectory=mysqld
LimitNOFILE=10000
[Install]
WantedBy=multi-user.target
UNIT
}

# Programs of another release of Debian run with its C library, by its own loader. The loader is called by the program's name, so that
# it has that name in the list of processes.
mysql_wrapper() {
  cat <<'WRAPPER'
#!/bin/sh
name=${0##*/}
exec "/opt/mysql/loader/$name" --library-path /opt/mysql/lib --argv0 "$0" "/opt/mysql/bin/$name" "$@"
WRAPPER
}

# MySQL in the place of MariaDB, in the version that Debian's unstable release has on that day: no other has it. Only its own
# libraries come with it.
kind_mysql() {
  local root=$1 folder=$2 program package loader libraries tree=$2/tree
  local programs=(mysql mysqladmin mysqlbinlog mysqlcheck mysqldump mysql_config_editor my_print_defaults)
  fetch_packages "$folder" sid /dev/null mysql-server mysql-client
  mkdir -p "$tree"
  for package in "$folder"/archives/{mysql-,lib,zlib}*.deb; do dpkg-deb -x "$package" "$tree"; done
  libraries=$(dirname "$tree"/usr/lib/*-linux-gnu*/ld-linux*.so*)
  loader=$(basename "$libraries"/ld-linux*.so*)

  chroot "$root" sh -ec 'dpkg --force-unsafe-io --purge $(dpkg-query -W -f "\${Package}\n" "mariadb-*" "libmariadb*" libdbd-mariadb-perl)'
  rm -rf "$root/var/lib/mysql" "$root/etc/mysql" "$root"/etc/systemd/system/mariadb.service* "$root/var/log/mysql"
  chroot "$root" sh -ec 'getent passwd mysql >/dev/null || useradd --system --user-group --home /nonexistent --shell /bin/false mysql'

  mkdir -p "$root"/opt/mysql/{bin,lib,loader} "$root/usr/lib/mysql" "$root/usr/share" "$root/etc"
  cp -a "$tree/etc/mysql" "$root/etc/"
  ln -sfn mysql.cnf "$root/etc/mysql/my.cnf"
  mysql_settings > "$root/etc/mysql/mysql.conf.d/z-fleet.cnf"
  cp -a "$tree/usr/share/mysql" "$root/usr/share/"
  cp -a "$tree/usr/lib/mysql/plugin" "$root/usr/lib/mysql/"
  mysql_wrapper > "$root/opt/mysql/wrapper"
  chmod 755 "$root/opt/mysql/wrapper"
  for program in "$tree/usr/sbin/mysqld" "${programs[@]/#/$tree/usr/bin/}"; do
    cp "$program" "$root/opt/mysql/bin/"
    ln -s "../lib/$loader" "$root/opt/mysql/loader/${program##*/}"
    ln -sfn /opt/mysql/wrapper "$root${program#"$tree"}"
  done
  for program in "$root"/opt/mysql/bin/* "$root"/usr/lib/mysql/plugin/*.so; do
    "$libraries/$loader" --library-path "$libraries" --list "$program"
  done | awk -v folder="$libraries/" 'index($3, folder) == 1 { print $3 }' | sort -u > "$folder/libraries"
  xargs cp -L "$libraries/$loader" -t "$root/opt/mysql/lib" < "$folder/libraries"

  mysql_unit > "$root/etc/systemd/system/mysql.service"
  ln -sfn mysql.service "$root/etc/systemd/system/mysqld.service"
  ln -sfn ../mysql.service "$root/etc/systemd/system/multi-user.target.wants/mysql.service"
  chroot "$root" sh -ec 'install -d -o mysql -g mysql -m 700 /var/lib/mysql /var/lib/mysql-files /var/lib/mysql-keyring
    install -d -o mysql -g adm -m 750 /var/log/mysql'
}

# The application's database on MySQL: root comes in by the socket, as Debian has it, and the application by caching_sha2_password.
data_mysql() {
  in_host builder sh -ec 'mysqld --initialize-insecure --user=mysql || { cat /var/log/mysql/error.log; exit 1; }; systemctl start mysql'
  in_host builder mysql -e "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'; ALTER USER root@localhost IDENTIFIED WITH auth_socket"
  application_account 'WITH caching_sha2_password'
  application_contents
}

make_kind() {
  local root=$RUN/builder/root
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  "kind_$1" "$root" "$RUN/builder/packages"
  rm "$root/usr/sbin/policy-rc.d"
}

# in_log KIND COMMAND...: a part of building a kind, by the fleet's own program: a function that is called in a condition would go on
# after errors.
in_log() {
  local log=$CACHE/$2-$1.log
  shift
  "$FLEET_HOME/fleet" "$@" > "$log" 2>&1 < /dev/null || { tail -20 "$log" >&2; die "the layer could not be built; see $log"; }
}

# kind_layers KIND: sets KIND_LAYERS, the layers of a kind above the application's; builds what is not there yet.
kind_layers() {
  local kind=$1 layer data
  layer=$CACHE/kind-$kind-$(kind_identity "$kind")
  if [ ! -e "$layer/.complete" ]; then
    say "building the layer of the kind $kind (once)"
    destroy_host "h-$kind"
    destroy_host builder
    mkdir -p "$RUN/builder"/{upper,work,root}
    echo "$BASE" > "$RUN/builder/lower"
    mount_host builder
    in_log "$kind" make_kind "$kind"
    rm -rf "$CACHE/kind-$kind"-*
    keep_layer "$layer"
  fi
  KIND_LAYERS=$layer
  declare -F "data_$kind" > /dev/null || return 0
  data=$CACHE/data-$kind-$(data_identity "$kind")
  if [ ! -e "$data/.complete" ]; then
    destroy_host "h-$kind"
    destroy_host builder
    prepare_host builder "$layer:$APPLICATION:$BASE"
    boot_host builder
    await_host builder
    in_log "$kind" make_data "$kind"
    stop_host builder
    rm -rf "$CACHE/data-$kind"-*
    keep_layer "$data"
  fi
  KIND_LAYERS=$data:$layer
}
