//! A staged rollout of real hosts with one look at their schemas.

use crate::stage::Stage;

const WAVES: &str = "
[[waves]]
name = \"staging\"
hosts = \"@staging\"
[[waves]]
name = \"canary\"
hosts = \"@prod\"
count = 1
[[waves]]
name = \"prod\"
hosts = \"@prod\"
";

#[test]
fn the_one_host_with_a_column_of_its_own_goes_back_and_the_others_are_upgraded() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    stage.sql("h4", "ALTER TABLE cust ADD legacy_code INT DEFAULT NULL");
    stage.sql("h4", "UPDATE cust SET legacy_code = 7");
    let before = stage.made_of("h4");
    let inventory = stage.inventory_with(WAVES, "review");
    // The plan, what is pending on staging (and on everybody else), and the outlier.
    let (code, shown) = stage.program.at_a_terminal(&["upgrade", "--inventory", &inventory], "y\ny\nn\n");
    assert_eq!(code, Some(7), "{shown}");
    let outcomes: Vec<String> =
        stage.outcomes().into_iter().map(|(host, outcome, _)| host + " " + &outcome).collect();
    assert_eq!(outcomes, ["h1 upgraded", "h2 upgraded", "h3 upgraded", "h4 held"], "{shown}");
    for words in [
        "pending schema changes: 1 host: 2 additions",
        "pending schema changes: 3 hosts: 2 additions; 1 host: 2 additions, 1 drop",
        "compared with group 1:",
        "only here ! ALTER TABLE cust DROP legacy_code   (drops a column)",
        "destructive changes:",
        "Execute group 2 (2 additions, 1 drop) on 1 host? [y/N]",
    ] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    assert_eq!(shown.matches("[y/N]").count(), 3, "a person is asked once for what is the same\n{shown}");
    for host in ["h1", "h2", "h3"] {
        assert_eq!(stage.describe(host), "v4.5.0");
        assert_eq!(stage.artisan(host, "doctrine:schema:validate").1, 0);
    }
    assert_eq!(stage.made_of("h4"), before, "h4 is not as it was");
    assert!(!stage.in_maintenance("h4"));
    let site = stage.fleet.on("h4", "php -r 'echo file_get_contents(\"http://127.0.0.1/\");'");
    assert_eq!(site, "IXP Manager V4.4.0 customers=2");
    let left = stage.fleet.on("h4", "ls -d /home/ops/.ixporch /srv/ixpmanager/.git/ixporch.lock 2>/dev/null");
    assert_eq!(left, "");
}
