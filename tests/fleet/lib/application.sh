# The application layer: the miniature IXP Manager, release v4.4.0 installed by the documented means.
# shellcheck shell=bash

RELEASES=(v4.4.0 v4.5.0 v4.6.0 v4.8.0 v4.9.0)

application_identity() {
  {
    base_identity
    hub_identity
    declare -f application_account application_contents application_answers application_upstream application_install application_layer
    find "$FLEET_HOME/application" -type f -print0 | sort -z | xargs -0 sha256sum | sed "s#$FLEET_HOME##"
  } | sha256sum | cut -c1-12
}

application_environment() {
  cat <<'ENVIRONMENT'
APP_ENV=production
DOCTRINE_CACHE=memcached
DB_HOST=127.0.0.1
DB_DATABASE=ixp
DB_USERNAME=ixp
# Everything that only a real reader of .env understands.
DB_PASSWORD="secret #1 \"x\" \\y"
ENVIRONMENT
}

# An entity with hundreds of columns that may be NULL, as a database has them that grew for years.
application_answers() {
  local entities=$1/database/Entities/Answers.php mapping=$1/database/xml/Entities.Answers.dcm.xml number
  printf '<?php\n\nnamespace Entities;\n\nclass Answers\n{\n    protected $id;\n' > "$entities"
  printf '%s\n' '<?xml version="1.0" encoding="UTF-8"?>' \
    '<doctrine-mapping xmlns="http://doctrine-project.org/schemas/orm/doctrine-mapping">' \
    '  <entity name="Entities\Answers" table="answers">' \
    '    <id name="id" type="integer"><generator strategy="AUTO"/></id>' > "$mapping"
  for number in $(seq 330); do
    # shellcheck disable=SC2016 # PHP's dollar
    printf '    protected $answer%s;\n' "$number" >> "$entities"
    printf '    <field name="answer%s" type="string" length="5" nullable="true"/>\n' "$number" >> "$mapping"
  done
  echo '}' >> "$entities"
  printf '  </entity>\n</doctrine-mapping>\n' >> "$mapping"
}

# Makes the upstream repository: one commit and tag per release, each with its own lock file and proxies.
application_upstream() {
  local tree=$RUN/builder/root/root/upstream release
  hub_git init -q "$tree"
  application_environment > "$RUN/builder/root/root/environment"
  for release in common "${RELEASES[@]}"; do
    # With times of now: git takes a file of the same size and time for the same file.
    cp -a --no-preserve=timestamps "$FLEET_HOME/application/$release/." "$tree/"
    [ "$release" = common ] && continue
    [ "$release" != v4.8.0 ] || application_answers "$tree"
    if [ -e "$tree/REMOVED" ]; then
      (cd "$tree" && xargs rm -rf -- < REMOVED && rm REMOVED)
    fi
    cp "$RUN/builder/root/root/environment" "$tree/.env"
    in_host builder sh -ec 'cd /root/upstream; COMPOSER_ALLOW_SUPERUSER=1 composer update --no-interaction -q
      systemctl reset-failed memcached; systemctl restart memcached; ./artisan doctrine:generate:proxies >/dev/null'
    hub_git -C "$tree" add -A
    hub_git -C "$tree" commit -qm "Release ${release#v}"
    hub_git -C "$tree" tag "$release"
  done
  rm -rf "$HUB/git/ixpmanager.git"
  hub_git clone -q --bare "$tree" "$HUB/git/ixpmanager.git"
  rm -rf "$tree"
}

# application_account HOW: the database and its user, who is identified HOW the server does by itself, or otherwise.
application_account() {
  in_host builder mysql -e "CREATE DATABASE ixp; CREATE USER ixp@'127.0.0.1' IDENTIFIED $1 BY 'secret #1 \"x\" \\\\y'; GRANT ALL ON ixp.* TO ixp@'127.0.0.1'"
}

# The first release's tables, a few rows, and the views, which are root's.
application_contents() {
  in_host builder sh -ec 'cd /srv/ixpmanager
    sudo -u www-data ./artisan doctrine:schema:create
    mysql ixp -e "INSERT INTO cust (name, shortname, autsys) VALUES (\"Acme Networks\", \"acme\", 64500), (\"Beta ISP\", \"beta\", 64501); INSERT INTO virtualinterface (custid, name, mtu) VALUES (1, \"Po1\", 1500)"
    mysql ixp < tools/sql/views.sql'
}

# Installs the first release as the documentation has it: composer and bower as the web user.
application_install() {
  application_account ''
  application_upstream
  git -c safe.directory='*' -C "$HUB/git/ixpmanager.git" update-ref refs/heads/master "${RELEASES[0]}^{commit}"
  in_host builder sh -ec 'git clone -q git://hub.fleet.test/ixpmanager.git /srv/ixpmanager
    install -m 640 /root/environment /srv/ixpmanager/.env
    rm /root/environment
    chown -R www-data: /srv/ixpmanager
    sudo -u www-data bash -c "export HOME=/srv/ixpmanager/storage; cd /srv/ixpmanager && composer install --no-interaction -q && bower --config.interactive=false --quiet install"' > "$CACHE/application.log" 2>&1 && application_contents >> "$CACHE/application.log" 2>&1 ||
    { tail -20 "$CACHE/application.log" >&2; die "the application could not be installed"; }
}

# Sets APPLICATION; builds it where it is not there yet.
application_layer() {
  APPLICATION=$CACHE/application-$(application_identity)
  [ -e "$APPLICATION/.complete" ] && [ -d "$HUB/git/ixpmanager.git" ] && return
  say "building the application layer (once)"
  destroy_host builder
  prepare_host builder "$BASE"
  boot_host builder
  await_host builder
  application_install
  stop_host builder
  destroy_hosts
  rm -rf "$CACHE"/application-*
  keep_layer "$APPLICATION"
}
