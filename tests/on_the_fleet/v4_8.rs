//! Hosts at v4.8.0, from where v4.9.0 is the hard upgrade: changes that never converge, steps that run once, a view that
//! selects what is dropped.

use crate::stage::Stage;

/// Brings a host to v4.8.0 by hand, as a person would, with rows that v4.9.0 moves.
const TO_V4_8: &str = r#"cd /srv/ixpmanager
sudo -u www-data git pull -q
sudo -u www-data bash -c "export HOME=/srv/ixpmanager/storage; composer install --no-interaction -q && bower --config.interactive=false --force-latest --quiet install"
restart() { systemctl reset-failed memcached; systemctl restart memcached; }
restart
sudo -u www-data php artisan doctrine:schema:update --force
restart
mysql ixp < tools/sql/views.sql
mysql ixp -e "INSERT INTO user (username) VALUES ('ada'), ('bob'); INSERT INTO contact (name, user_id) VALUES ('Ada', 1), ('Bob', 2); INSERT INTO switch (name, switchtype) VALUES ('sw1', 1); INSERT INTO bgpsessiondata (srcipaddressid, dstipaddressid, protocol, packetcount, timestamp, source) VALUES (1, 2, 4, 10, '2026-01-01', 'a'), (1, 2, 4, 5, '2026-01-02', 'b'), (2, 1, 4, 7, '2026-01-01', 'a')""#;

/// What a person confirms and skips to go to v4.9.0 on hosts of the fleet.
pub(crate) const TO_V4_9: [&str; 6] =
    ["--confirm-release", "v4.9.0", "--skip-check", "php-version", "--reason", "the fleet has PHP 8"];

/// Hosts at v4.8.0, with v4.9.0 upstream.
pub(crate) fn at_v4_8(hosts: &[&str]) -> Option<Stage> {
    let stage = Stage::of(hosts)?;
    to_v4_8(&stage, hosts);
    Some(stage)
}

/// Brings freshly reset hosts to v4.8.0, with v4.9.0 upstream.
pub(crate) fn to_v4_8(stage: &Stage, hosts: &[&str]) {
    stage.fleet.fleet(&[&["publish", "v4.8.0"], hosts].concat());
    for host in hosts {
        let said = stage.fleet.on(host, TO_V4_8);
        assert!(said.contains("Database schema updated successfully!"), "{host}: {said}");
    }
    stage.fleet.fleet(&[&["publish", "v4.9.0"], hosts].concat());
}

/// The fleet's inventory, told that some changes never converge.
pub(crate) fn accepting(stage: &Stage, approval: &str) -> String {
    let path = stage.inventory_with("", approval);
    let text = std::fs::read_to_string(&path).unwrap();
    let accepting = "[defaults]\nschema_never_converges = \"accept\"\n";
    std::fs::write(&path, text.replace("[defaults]\n", accepting)).unwrap();
    path
}
