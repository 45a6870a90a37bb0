//! The trap that the two restarts of memcached exist for is real on these hosts.

use crate::stage::Stage;

#[test]
fn without_the_first_restart_the_schema_stays_stale_and_everything_says_success() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0", "h1"]);
    stage.fleet.on(
        "h1",
        "cd /srv/ixpmanager && sudo -u www-data sh -ec 'export HOME=/srv/ixpmanager/storage
           php artisan down; git pull -q --ff-only; composer install --no-interaction -q'",
    );
    let (said, code) = stage.artisan("h1", "doctrine:schema:update --force");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Database schema updated successfully!"), "{said}");
    assert_eq!(stage.artisan("h1", "doctrine:schema:validate").1, 0, "the stale cache was not believed");
    stage.fleet.on("h1", "systemctl restart memcached");
    let (said, code) = stage.artisan("h1", "doctrine:schema:validate");
    assert_eq!(code, 2, "the schema is not stale: {said}");
}

#[test]
fn a_restart_that_restarts_nothing_fails_its_proof() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    stage.fleet.fleet(&["publish", "v4.5.0", "h1"]);
    let inventory = std::fs::read_to_string(stage.fleet.inventory()).unwrap();
    let folder = std::path::Path::new(&stage.fleet.inventory()).parent().unwrap().join("var");
    let before = stage.memcached_start("h1");
    for service in ["memcached.service", "none"] {
        let lying = stage.program.home().join("inventory.toml");
        let text = inventory.replace("\"var/", &format!("\"{}/", folder.display())).replace(
            "[groups.staging]\n",
            &format!("[groups.staging]\non_failure = \"stop\"\nmemcached = {{ restart = \"true\", service = \"{service}\" }}\n"),
        );
        std::fs::write(&lying, text).unwrap();
        let path = lying.display().to_string();
        let ended = stage.program.run(&["upgrade", "--yes", "--limit", "h1", "--inventory", &path]);
        assert_eq!(ended.code, 6, "{ended}");
        assert!(ended.stdout.contains("it reported success, but memcached did not restart"), "{ended}");
    }
    assert_eq!(stage.memcached_start("h1"), before);
}
