//! Backups on real hosts, and what is waited for before one is made.

use crate::stage::Stage;

#[test]
fn backups_are_listed_read_again_loaded_copied_and_removed() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0", "h1", "h2"]);
    // h2 has no zstd, a table that no transaction covers, and a job of artisan; what writes by itself is stopped meanwhile.
    stage.sql("h2", "CREATE TABLE old_counters (id INT PRIMARY KEY, n INT) ENGINE = MyISAM; INSERT INTO old_counters VALUES (1, 7), (2, 9)");
    stage.fleet.on("h2", "mv /usr/bin/zstd /usr/bin/zstd-away; cd /srv/ixpmanager; setsid sudo -u www-data php -r 'sleep(300);' artisan irrdb:update >/dev/null 2>&1 </dev/null &
         setsid sh -c 'until ls /home/ops/.ixporch/runs/*/h2/*-quiet/begun; do sleep 0.05; done; sleep 1.5; pkill -f irrdb:update' >/dev/null 2>&1 </dev/null &");
    let waves = "[[waves]]\nname = \"all\"\nhosts = \"h1,h2\"\n";
    let inventory = stage.inventory_with(waves, "any");
    let text = std::fs::read_to_string(&inventory).unwrap();
    let writers = "writers = { stop = \"touch /root/writers-stopped\", start = \"rm /root/writers-stopped\" }\nbackup_keep = 1\n";
    std::fs::write(&inventory, text.replacen("[defaults]\n", &format!("[defaults]\n{writers}"), 1)).unwrap();
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--inventory", &inventory]);
        stage.program.run(&all)
    };
    let upgraded = run(&["upgrade", "--yes"]);
    assert_eq!(upgraded.code, 0, "{upgraded}");
    assert!(upgraded.stderr.contains("artisan is running: artisan irrdb:update"), "{upgraded}");
    let report = stage.program.json(&["--format", "json", "report"]);
    let steps = report["waves"][0]["hosts"][1]["steps"].as_array().unwrap().clone();
    let quiet = steps.iter().find(|step| step["step"] == "quiet").unwrap();
    assert!(quiet["milliseconds"].as_u64().unwrap() > 900, "it waited for the job: {quiet:#}");
    let order: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    let place = |id: &str| order.iter().position(|step| *step == id).unwrap();
    assert!(place("writers-stop") < place("backup") && place("health-web") < place("writers-start"));
    assert_eq!(
        stage.fleet.on(
            "h2",
            "ls /root/writers-stopped 2>/dev/null; ls /var/backups/ixporch/h2/*/database.sql.gz | wc -l"
        ),
        "1"
    );

    let listed = run(&["backup", "list"]);
    assert_eq!(listed.stdout.matches(" tables  ").count(), 2, "{listed}");
    stage.fleet.on("h2", "mysql -e \"GRANT ALL ON scratch.* TO ixp@'127.0.0.1'\"");
    let rehearsed = run(&["backup", "verify", "--limit", "h2", "--restore-into", "scratch", "--yes"]);
    assert!(
        rehearsed.stdout.contains("loaded into scratch: 3 tables with the rows that they had"),
        "{rehearsed}"
    );
    assert_eq!(stage.sql("h2", "SHOW DATABASES LIKE 'scratch'"), "");
    let refused = run(&["backup", "verify", "--limit", "h2", "--restore-into", "ixp", "--yes"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert_eq!(stage.sql("h2", "SELECT COUNT(*) FROM old_counters"), "2");

    let copy = stage.program.home().join("copy");
    let fetched = run(&["backup", "fetch", "h2", "--to", &copy.display().to_string()]);
    assert_eq!(fetched.code, 0, "{fetched}");
    let sums = |files: &str| format!("cd {files}; sha256sum *.gz | sort");
    let here =
        std::process::Command::new("sh").args(["-c", &sums(&copy.display().to_string())]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&here.stdout).trim(),
        stage.fleet.on("h2", &sums("/var/backups/ixporch/h2/*-*"))
    );

    // A byte that changed is found, and such a backup is not restored.
    stage.fleet.on("h1", "f=$(ls /var/backups/ixporch/h1/*/database.sql.zst); printf x | dd of=$f bs=1 seek=200 conv=notrunc 2>/dev/null");
    let verified = run(&["backup", "verify"]);
    assert_eq!(verified.code, 5, "{verified}");
    assert!(verified.stdout.contains("its sha256 differs"), "{verified}");
    let back = stage.program.run(&["rollback", "--yes", "--limit", "h1", &upgraded_run(&stage)]);
    assert_eq!(back.code, 5, "{back}");
    assert!(!stage.in_maintenance("h1"), "nothing was begun: its site stays open");
    assert_eq!(stage.sql("h1", "SELECT COUNT(*) FROM audit_log"), "0", "the new schema is as it was");
}

/// The oldest run of this controller.
fn upgraded_run(stage: &Stage) -> String {
    let runs = stage.program.home().join(".local/state/ixporch/runs");
    let mut names: Vec<String> =
        std::fs::read_dir(runs).unwrap().map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.remove(0)
}
