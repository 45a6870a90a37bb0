//! `cargo demo`: a real upgrade over real SSH against a small embedded fleet, one host failing on purpose.
#![expect(clippy::print_stdout, reason = "it is a demonstration")]

use std::path::Path;
use std::process::{Command, ExitCode};

use ixporch_tests::embedded::EmbeddedFleet;

/// Set for the child process, which is the program `ixporch` itself.
const AS_PROGRAM: &str = "IXPORCH_DEMO_RUNS_THE_PROGRAM";

const HOSTS: [&str; 4] = ["ixp-staging", "ixp1", "ixp2", "ixp3"];

fn main() -> ExitCode {
    if std::env::var_os(AS_PROGRAM).is_some() {
        return ixporch::cli::main();
    }
    let folder = std::env::temp_dir().join(format!("ixporch-demo-{}", std::process::id()));
    match demo(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!(
                "error: the demo cannot be run: {error}\nhelp: it needs git, sh and a writable {}",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}

fn demo(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let fleet = runtime.block_on(EmbeddedFleet::start(folder, &HOSTS));
    for host in &fleet.hosts {
        host.publish_next_release();
    }
    fleet.host("ixp2").break_composer();
    let inventory = fleet.inventory(&[("staging", &HOSTS[..1]), ("prod", &HOSTS[1..])], "");
    let (inventory, state) = (inventory.display().to_string(), folder.join("state").display().to_string());
    println!(
        "Four IXP Manager hosts in this process, at release v4.4.0; upstream has v4.5.0. SSH, sh and git are real;\n\
         php with artisan, composer, bower, memcached and the database are stand-ins (shell scripts).\n\
         composer is broken on ixp2, on purpose.\n\n\
         $ ixporch upgrade --inventory {inventory} --yes\n"
    );
    let status = Command::new(std::env::current_exe()?)
        .env(AS_PROGRAM, "1")
        .args(["--state-dir", &state, "upgrade", "--inventory", &inventory, "--yes"])
        .status()?;
    println!("\nexit code {}: one host failed, and was rolled back\n", status.code().unwrap_or(-1));
    for host in &fleet.hosts {
        let site = if host.in_maintenance() { "in maintenance" } else { "open" };
        println!("  {:12} {}  {site}", host.name, host.describe());
    }
    println!(
        "\nThe hosts end with this demo. Its journal stays; look further:\n\
         \n  cargo run -q -p ixporch -- --state-dir {state} report latest --host ixp2\
         \n  cargo run -q -p ixporch -- --state-dir {state} logs latest ixp2 composer\
         \n  cargo run -q -p ixporch -- --state-dir {state} --format json report\
         \n  cargo run -q -p ixporch -- init /tmp/inventory.toml     # an inventory of your own\n\
         \nRemove it with: rm -r {}\n",
        folder.display()
    );
    Ok(())
}
