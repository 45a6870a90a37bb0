//! What OpenSSH's settings say of hosts counts where the inventory says nothing: asked by `ssh -G`, tried on real servers.

use std::path::Path;
use std::process::{Command, Stdio};

use ixporch_tests::program::Ended;
use ixporch_tests::sshd::Sshd;

use crate::stage::{Stage, program};

/// A host `a`, a real server at its place, and OpenSSH's settings in the file `config`, which the inventory names.
struct Scene {
    stage: Stage,
    sshd: Sshd,
}

impl Scene {
    /// `None` if there is no sshd. `lines` go into the server's configuration, `config` into OpenSSH's settings, with FOLDER
    /// and PORT in it.
    fn new(lines: &str, config: &str) -> Option<Self> {
        let stage = Stage::new(&[("all", &["a"])]);
        let folder = stage.folder.path().to_owned();
        ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &text(&folder.join("new-key"))]);
        std::fs::rename(folder.join("new-key"), folder.join("key")).unwrap();
        std::fs::rename(folder.join("new-key.pub"), folder.join("key.pub")).unwrap();
        let sshd = Sshd::start_configured(&folder, "sshd", &lines.replace("FOLDER", &text(&folder)))?;
        std::fs::write(folder.join("known_hosts"), sshd.known_hosts_line(sshd.port)).unwrap();
        let port = stage.fleet.host("a").port;
        stage.change_inventory(
            &format!("address = \"127.0.0.1\"\nport = {port}\n"),
            "ssh_config = \"config\"\n",
        );
        let scene = Self { stage, sshd };
        scene.configure(config);
        Some(scene)
    }

    fn folder(&self) -> &Path {
        self.stage.folder.path()
    }

    fn configure(&self, config: &str) {
        let config =
            config.replace("FOLDER", &text(self.folder())).replace("PORT", &self.sshd.port.to_string());
        std::fs::write(self.folder().join("config"), config).unwrap();
    }

    /// Takes settings out of the inventory.
    fn without(self, lines: &[&str]) -> Self {
        for line in lines {
            self.stage.change_inventory(line, "");
        }
        self
    }

    /// Who logs in.
    fn user(&self) -> String {
        let inventory = text(&self.stage.inventory);
        let arguments = ["--format", "json", "inventory", "explain", "a", "--inventory", &inventory];
        self.stage.program.json(&arguments)["settings"]["user"]["value"].as_str().unwrap().to_owned()
    }

    /// `status` by ixporch's own transport; OpenSSH's client must come to the same end.
    fn status(&self) -> Ended {
        let ended = self.stage.run(&["status"]);
        let by_openssh = self.status_by_openssh();
        let case = std::thread::current().name().unwrap_or_default().replace('_', " ");
        let row = format!("{case:110} russh {:3} openssh {:3}", ended.code, by_openssh.code);
        ixporch_tests::say(&row);
        assert_eq!(ended.code, by_openssh.code, "{row}\n{ended}\nby ssh:\n{by_openssh}");
        ended
    }

    /// `status` of the same inventory with `transport = "openssh"`.
    fn status_by_openssh(&self) -> Ended {
        let inventory = &self.stage.inventory;
        let text = std::fs::read_to_string(inventory).unwrap();
        std::fs::write(inventory, text.replace("[hosts.a]\n", "[hosts.a]\ntransport = \"openssh\"\n"))
            .unwrap();
        let ended = self.stage.run(&["status"]);
        std::fs::write(inventory, text).unwrap();
        ended
    }
}

const KEY: &str = "identity_files = [\"key\"]\n";
const KNOWN_HOSTS: &str = "known_hosts = [\"known_hosts\"]\n";

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn ssh_keygen(arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "ssh-keygen {arguments:?}");
}

#[test]
fn a_host_is_reached_as_ssh_reaches_it() {
    let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n  IdentityFile FOLDER/ke%%y\n\
                  \x20 UserKnownHostsFile \"FOLDER/known hosts\"\nInclude FOLDER/more\nMatch host 127.0.0.1\n  HostKeyAlias the-%h\n";
    let Some(scene) = Scene::new("", config) else { return };
    let scene = scene.without(&[KEY, KNOWN_HOSTS]);
    let folder = scene.folder();
    std::fs::rename(folder.join("key"), folder.join("ke%y")).unwrap();
    std::fs::write(folder.join("more"), "Host a\n  HostKeyAlias console\n").unwrap();
    let line = scene.sshd.known_hosts_line(1).replace("[127.0.0.1]:1", "console");
    std::fs::write(folder.join("known hosts"), line).unwrap();
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");

    let explained = scene.stage.run(&["inventory", "explain", "a"]);
    let port = scene.sshd.port;
    for (setting, value) in [("port", port.to_string()), ("host_key_alias", "\"console\"".to_owned())] {
        let row = explained.stdout.lines().find(|row| row.starts_with(setting)).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, [setting, &value, "config"], "{explained}");
    }
    let plan =
        scene.stage.program.json(&["--format", "json", "plan", "--inventory", &text(&scene.stage.inventory)]);
    let host = &plan["plan"]["waves"][0]["hosts"][0];
    assert_eq!((&host["address"], &host["port"]), (&"127.0.0.1".into(), &port.into()), "{plan}");
}

#[test]
fn the_inventory_comes_before_the_settings_of_openssh() {
    let Some(scene) =
        Scene::new("", "Host a\n  HostName 192.0.2.1\n  Port 1\n  User nobody\n  ProxyJump nowhere\n")
    else {
        return;
    };
    let port = scene.sshd.port;
    let lines = format!("ssh_config = \"config\"\naddress = \"127.0.0.1\"\nport = {port}\njump = []\n");
    scene.stage.change_inventory("ssh_config = \"config\"\n", &lines);
    assert_eq!(scene.status().code, 0, "{}", scene.status());
}

#[test]
fn a_mistake_in_the_settings_is_shown_as_ssh_says_it_and_none_can_be_chosen() {
    let Some(scene) = Scene::new("", "Host a\n  Prot 22\n") else { return };
    let ended = scene.status();
    assert_eq!(ended.code, 3, "{ended}");
    assert!(ended.stderr.contains("line 2: Bad configuration option: prot"), "{ended}");
    assert!(ended.stderr.contains("help: try `ssh -G HOST`: correct the file"), "{ended}");
    let ended = scene.stage.run(&["inventory", "check"]);
    assert_eq!(ended.code, 0, "{ended}");

    scene.stage.change_inventory("ssh_config = \"config\"\n", "ssh_config = \"gone\"\n");
    let ended = scene.status();
    assert_eq!(ended.code, 3, "{ended}");
    assert!(ended.stderr.contains("No such file or directory"), "{ended}");

    let port = scene.sshd.port;
    let lines = format!("ssh_config = \"none\"\naddress = \"127.0.0.1\"\nport = {port}\n");
    scene.stage.change_inventory("ssh_config = \"gone\"\n", &lines);
    assert_eq!(scene.status().code, 0, "{}", scene.status());
}

#[test]
fn two_names_for_one_server_and_jump_hosts_in_a_circle_are_refused() {
    let Some(scene) = Scene::new("", "Host a b\n  HostName 127.0.0.1\n  Port PORT\n") else { return };
    let second = format!(
        "[hosts.b]\nssh_config = \"config\"\nixp_root = \"{}\"\n[[waves]]\n",
        scene.stage.fleet.host("a").root().display()
    );
    scene.stage.change_inventory("[[waves]]\n", &second);
    let ended = scene.status();
    assert_eq!(ended.code, 3, "{ended}");
    assert!(ended.stderr.contains("`a` and `b` are the same installation by OpenSSH's settings"), "{ended}");

    scene.configure("Host a\n  ProxyJump x\nHost x\n  ProxyJump y\nHost y\n  ProxyJump x\n");
    let ended = scene.stage.run(&["status", "--limit", "a"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("a  the jump hosts go in a circle: a → x → y → x"), "{ended}");

    // Without a jump host that cannot be understood, another machine might be reached.
    scene.configure("Host a\n  HostName 127.0.0.1\n  Port PORT\n  ProxyJump me^x@gateway\n");
    let ended = scene.stage.run(&["status", "--limit", "a"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("a  `me^x@gateway` is no jump host"), "{ended}");
}

#[test]
fn jump_hosts_have_settings_of_their_own_and_jump_hosts_before_them() {
    let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n  ProxyJump second\n\
                  Host second\n  HostName 127.0.0.1\n  Port SECOND\n  IdentityFile FOLDER/other-key\n  ProxyJump first\n\
                  Host first\n  HostName 127.0.0.1\n  Port FIRST\n  IdentityFile FOLDER/key\n\
                  Host *\n  UserKnownHostsFile FOLDER/known_hosts\n\n";
    let Some(mut scene) = Scene::new("", "") else { return };
    // OpenSSH takes the local user by the password database: a `User` that is the same cannot be told from none.
    let user = scene.user();
    scene.stage.program = program(&scene.stage.folder).with_variable("USER", &user);
    let folder = scene.folder();
    let Some(first) = Sshd::start_with(folder, "first", None) else { return };
    std::fs::create_dir(folder.join("other")).unwrap();
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &text(&folder.join("other/key"))]);
    let Some(second) = Sshd::start_with(&folder.join("other"), "second", None) else { return };
    std::fs::rename(folder.join("other/key"), folder.join("other-key")).unwrap();
    let lines = [&scene.sshd, &first, &second].map(|sshd| sshd.known_hosts_line(sshd.port));
    std::fs::write(folder.join("known_hosts"), lines.concat()).unwrap();
    let config = config.replace("FIRST", &first.port.to_string()).replace("SECOND", &second.port.to_string());
    scene.configure(&config.replace(&format!("Port {}", first.port), "Port 1"));
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("jump host `first`: TCP connection to 127.0.0.1 port 1 failed"), "{ended}");
    scene.configure(&config);
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");

    // The same without OpenSSH's settings: a table for each jump host.
    let tables = format!(
        "[jumps.first]\naddress = \"127.0.0.1\"\nport = {}\n[jumps.second]\naddress = \"127.0.0.1\"\nport = {}\n\
         identity_files = [\"other-key\"]\njump = [\"first\"]\n[[waves]]\n",
        first.port, second.port
    );
    scene.stage.change_inventory("[[waves]]\n", &tables);
    let host = format!(
        "ssh_config = \"none\"\naddress = \"127.0.0.1\"\nport = {}\njump = [\"second\"]\n",
        scene.sshd.port
    );
    scene.stage.change_inventory("ssh_config = \"config\"\n", &host);
    scene.stage.change_inventory("[defaults]\n", "[defaults]\nssh_config = \"none\"\n");
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");
    std::fs::remove_file(folder.join("other-key")).unwrap();
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("jump host `second`: authentication as"), "{ended}");
    drop(first);
    let ended = scene.status();
    assert!(ended.stdout.contains("jump host `first`: TCP connection to 127.0.0.1"), "{ended}");
    drop(second);
}

#[test]
fn a_host_of_the_inventory_that_is_a_jump_host_takes_keys_of_the_host_behind_it() {
    let Some(scene) = Scene::new("", "") else { return };
    let Some(gateway) = Sshd::start_with(scene.folder(), "gateway", None) else { return };
    let lines = [&scene.sshd, &gateway].map(|sshd| sshd.known_hosts_line(sshd.port));
    std::fs::write(scene.folder().join("known_hosts"), lines.concat()).unwrap();
    let (user, port) = (scene.user(), scene.sshd.port);
    let host = format!(
        "ssh_config = \"none\"\naddress = \"127.0.0.1\"\nport = {port}\njump = [\"gateway\"]\n{KEY}{KNOWN_HOSTS}"
    );
    let scene = scene.without(&[KEY, KNOWN_HOSTS]);
    scene.stage.change_inventory("ssh_config = \"config\"\n", &host);
    let gateway = format!(
        "[hosts.gateway]\nssh_config = \"none\"\naddress = \"127.0.0.1\"\nport = {}\nuser = \"{user}\"\n[[waves]]\n",
        gateway.port
    );
    scene.stage.change_inventory("[[waves]]\n", &gateway);
    let ended = scene.stage.run(&["status", "--limit", "a"]);
    assert_eq!(ended.code, 0, "{ended}");
}

#[test]
fn settings_that_cannot_be_read_for_one_jump_host_do_not_stop_other_hosts() {
    let Some(scene) = Scene::new("", "Host a\n  HostName 127.0.0.1\n  Port PORT\n") else { return };
    let more = "[jumps.gateway]\nssh_config = \"gone\"\n[hosts.c]\naddress = \"192.0.2.1\"\njump = [\"gateway\"]\n[[waves]]\n";
    scene.stage.change_inventory("[[waves]]\n", more);
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(
        ended.stdout.contains("c  OpenSSH's settings cannot be read: Can't open user config file"),
        "{ended}"
    );
    let reached = scene.stage.run(&["--format", "json", "status"]);
    let of = |host: &str| {
        let hosts: serde_json::Value = serde_json::from_str(&reached.stdout).unwrap();
        hosts["hosts"].as_array().unwrap().iter().find(|one| one["host"] == host).unwrap()["reachable"]
            .clone()
    };
    assert_eq!((of("a"), of("c")), (true.into(), false.into()), "{reached}");
}

#[test]
fn a_host_key_that_a_file_revokes_is_refused() {
    let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n  RevokedHostKeys FOLDER/revoked\n";
    let Some(scene) = Scene::new("", config) else { return };
    let folder = scene.folder();
    let refused = |why: &str| {
        let ended = scene.status();
        assert_eq!(ended.code, 4, "{ended}");
        assert!(ended.stdout.contains(why), "{ended}");
    };
    let by_file = format!(" is revoked by {}/revoked", text(folder));
    refused("the revoked host keys cannot be read: failed to open file");
    let host_key = folder.join("sshd/host.pub");
    std::fs::write(folder.join("revoked"), "# none\n").unwrap();
    assert_eq!(scene.status().code, 0, "{}", scene.status());
    std::fs::copy(&host_key, folder.join("revoked")).unwrap();
    refused(&by_file);
    std::fs::write(folder.join("revoked"), "\n\tno key at all\n").unwrap();
    refused("line 2 of ");
    ssh_keygen(&["-q", "-k", "-f", &text(&folder.join("revoked")), &text(&folder.join("key.pub"))]);
    assert_eq!(scene.status().code, 0, "{}", scene.status());
    ssh_keygen(&["-q", "-k", "-f", &text(&folder.join("revoked")), &text(&host_key)]);
    refused(&by_file);
}

#[test]
fn what_openssh_knows_of_the_inventorys_address_counts_too() {
    let config = "Host place\n  HostName 127.0.0.1\n  Port PORT\n  User nobody\nHost a\n  User USER\n";
    let Some(scene) = Scene::new("", "") else { return };
    scene.configure(&config.replace("USER", &scene.user()));
    scene
        .stage
        .change_inventory("ssh_config = \"config\"\n", "ssh_config = \"config\"\naddress = \"place\"\n");
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");
}

#[test]
fn a_proxy_command_leads_to_the_server_and_says_why_it_does_not() {
    let Some(scene) = Scene::new("", "") else { return };
    let server = format!("/usr/sbin/sshd -i -f {}", text(&scene.sshd.configuration()));
    scene.configure(&format!("Host a\n  ProxyCommand {server}\n"));
    let line = scene.sshd.known_hosts_line(1).replace("[127.0.0.1]:1", "a");
    std::fs::write(scene.folder().join("known_hosts"), line).unwrap();
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");

    let failing = "ssh_config = \"none\"\nproxy_command = \"sh -c 'echo no way to %h port %p as %r >&2; exit 3'\"\nuser = \"ops\"\n";
    scene.stage.change_inventory("ssh_config = \"config\"\n", failing);
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(
        ended.stdout.contains("the proxy command of a (`sh`) failed: no way to a port 22 as ops"),
        "{ended}"
    );
    assert!(ended.stdout.contains("help: run the command by hand"), "{ended}");
}

#[test]
fn a_certificate_is_offered_from_beside_its_key_and_where_a_setting_names_it() {
    for kind in ["ed25519", "rsa"] {
        let lines = "TrustedUserCAKeys FOLDER/authority.pub\nAuthorizedKeysFile none\n";
        let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n";
        let Some(scene) = Scene::new(lines, config) else { return };
        let folder = scene.folder();
        let user = scene.user();
        ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &text(&folder.join("authority"))]);
        let mine = folder.join("mine");
        ssh_keygen(&["-q", "-t", kind, "-N", "", "-f", &text(&mine)]);
        ssh_keygen(&[
            "-q",
            "-I",
            "test",
            "-n",
            &user,
            "-s",
            &text(&folder.join("authority")),
            &text(&folder.join("mine.pub")),
        ]);
        scene.stage.change_inventory(KEY, "identity_files = [\"mine\"]\n");
        let ended = scene.status();
        assert_eq!(ended.code, 0, "{kind}: {ended}");

        std::fs::rename(folder.join("mine-cert.pub"), folder.join("elsewhere")).unwrap();
        let ended = scene.status();
        assert_eq!(ended.code, 4, "{kind}: {ended}");
        scene.configure(&format!("{config}  CertificateFile FOLDER/elsewhere\n"));
        let ended = scene.status();
        assert_eq!(ended.code, 0, "{kind}: {ended}");
    }
}

/// An SSH agent; it ends with this.
struct Agent(std::process::Child);

impl Agent {
    /// An agent with these keys, which listens at `socket`.
    fn start(socket: &Path, keys: &[std::path::PathBuf]) -> Self {
        let agent =
            Command::new("ssh-agent").args(["-D", "-a"]).arg(socket).stdout(Stdio::null()).spawn().unwrap();
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            std::thread::yield_now();
        }
        for key in keys {
            let add =
                Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", socket).status().unwrap();
            assert!(add.success(), "{}", key.display());
        }
        Self(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn of_an_agent_with_many_keys_only_the_named_one_is_offered() {
    let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n  IdentityAgent FOLDER/agent\n";
    let Some(scene) = Scene::new("", config) else { return };
    let scene = scene.without(&[KEY]);
    let folder = scene.folder();
    let others: Vec<_> = (1..=8).map(|number| folder.join(format!("other-{number}"))).collect();
    for key in &others {
        ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &text(key)]);
    }
    let _agent = Agent::start(&folder.join("agent"), &[others, vec![folder.join("key")]].concat());
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("and hung up; ") && ended.stdout.contains("were not tried"), "{ended}");
    assert!(
        ended.stdout.contains("(MaxAuthTries)") && ended.stdout.contains("identities_only = true"),
        "{ended}"
    );

    // A public key means that key of the agent.
    std::fs::copy(folder.join("key.pub"), folder.join("mine.pub")).unwrap();
    scene.configure(&format!("{config}  IdentitiesOnly yes\n  IdentityFile FOLDER/mine.pub\n"));
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");

    // Nobody is asked for the passphrase of a key that the agent holds, and it is offered before the others.
    ssh_keygen(&["-q", "-p", "-N", "open sesame", "-f", &text(&folder.join("key"))]);
    scene.configure(&format!("{config}  IdentityFile FOLDER/key\n"));
    let ended = scene.status();
    assert_eq!(ended.code, 0, "{ended}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let Some(scene) = Scene::new("", "Host a\n  HostName 127.0.0.1\n  Port PORT\n") else { return };
    let key = scene.folder().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ended = scene.status();
    assert_eq!(ended.code, 4, "{ended}");
    let said = format!("others can read it (mode 0644): chmod 600 {}", text(&key));
    assert!(ended.stdout.contains(&said), "{ended}");
}

#[test]
fn ssh_check_shows_settings_phases_and_users_and_what_failed() {
    let config = "Host a\n  HostName 127.0.0.1\n  Port PORT\n";
    let Some(scene) = Scene::new("", config) else { return };
    let ended = scene.stage.run(&["ssh", "check"]);
    // Whoever runs the tests as root can become everybody.
    let users = if scene.user() == "root" { 0 } else { 5 };
    assert_eq!(ended.code, users, "{ended}");
    let port = format!("{}  from config", scene.sshd.port);
    let key = text(&scene.folder().join("key"));
    for words in
        ["a  reached", &port, "connection ", "version ", "key exchange ", "ssh-ed25519 SHA256:", &key]
    {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
    let arguments = ["--format", "json", "ssh", "check", "a", "--inventory", &text(&scene.stage.inventory)];
    let value = scene.stage.program.json(&arguments);
    let phases: Vec<&str> = value["hosts"][0]["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["connection", "version", "key exchange", "authentication", "shell"], "{value}");

    // A phase that fails is the one after those that were passed.
    std::fs::write(scene.folder().join("known_hosts"), "").unwrap();
    let ended = scene.stage.run(&["ssh", "check"]);
    assert_eq!(ended.code, 4, "{ended}");
    for words in ["a  not reached", "version ", "the host key of `a` was refused", "--accept-new"] {
        assert!(ended.stdout.contains(words), "{words} is not in\n{ended}");
    }
    assert!(!ended.stdout.contains("authentication "), "{ended}");
    let ended = scene.stage.run(&["ssh", "check", "a", "--accept-new"]);
    assert_eq!(ended.code, users, "{ended}");
}
