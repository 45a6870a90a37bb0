//! The one table of settings: which there are, what each may hold, what it is by default, and what it is for.

use crate::policy::FailurePolicy;

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login name as `useradd` accepts it.
    UserName,
    /// A host name or an address.
    Address,
    /// A TCP port.
    Port,
    /// How many, at least one.
    Count,
    /// An absolute path on the host.
    RemotePath,
    /// Paths on the controller; `~` is the home folder, a relative path starts at the inventory.
    LocalPaths,
    /// A file on the controller, as in [`Kind::LocalPaths`], or `none`.
    LocalFile,
    /// Jump hosts, from the controller outwards: names, or `user@host:port`.
    Jumps,
    /// One line for a shell.
    ShellLine,
    /// A program with its arguments: a string that is split as a shell would, or a list.
    Words,
    /// A git branch name.
    Branch,
    /// A systemd unit name, or `none`.
    Unit,
    /// `host:port`.
    SocketAddress,
    /// An http or https URL.
    Url,
    /// A length of time such as `10s` or `1h30m`.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A table of variables.
    Environment,
}

/// One setting: its key, its kind, its default and what it is for.
#[derive(Debug)]
pub struct Spec {
    /// The TOML key; a dot means a table (`memcached.restart`).
    pub key: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// The built-in value, as it would be written in TOML; `None` where there is none.
    pub built_in: Option<&'static str>,
    /// What it is for: one sentence, used in the JSON Schema and in the book.
    pub doc: &'static str,
}

/// Every setting of a host.
pub const SPECS: &[Spec] = &[
    Spec {
        key: "address",
        kind: Kind::Address,
        built_in: None,
        doc: "Where to connect to. Default: the host's name.",
    },
    Spec { key: "port", kind: Kind::Port, built_in: Some("22"), doc: "The port of the host's SSH server." },
    Spec {
        key: "user",
        kind: Kind::UserName,
        built_in: None,
        doc: "Login user. Default: the user who runs ixporch.",
    },
    Spec {
        key: "transport",
        kind: Kind::Choice(&["russh", "openssh"]),
        built_in: Some("russh"),
        doc: "What connects: ixporch itself, or OpenSSH's `ssh`, for what only that can do (GSSAPI, PKCS#11, ControlMaster).",
    },
    Spec {
        key: "jump",
        kind: Kind::Jumps,
        built_in: Some("[]"),
        doc: "Jump hosts to go through, the first one nearest to the controller: names of `[jumps]` or `[hosts]`, or `user@host:port`.",
    },
    Spec {
        key: "proxy_command",
        kind: Kind::ShellLine,
        built_in: None,
        doc: "Command that connects to the SSH server through its standard input and output, instead of TCP; `%h`, `%p` and `%r` are the address, the port and the login.",
    },
    Spec {
        key: "ssh_config",
        kind: Kind::LocalFile,
        built_in: None,
        doc: "The file in which OpenSSH's client looks for settings that the inventory does not have; `none` for no file. Default: OpenSSH's own files.",
    },
    Spec {
        key: "identity_files",
        kind: Kind::LocalPaths,
        built_in: Some("[]"),
        doc: "Private key files, besides those of the SSH agent. Default: OpenSSH's usual names.",
    },
    Spec {
        key: "certificate_files",
        kind: Kind::LocalPaths,
        built_in: Some("[]"),
        doc: "Certificates of keys, besides those that stand beside the key files as `KEY-cert.pub`.",
    },
    Spec {
        key: "identities_only",
        kind: Kind::Flag,
        built_in: Some("false"),
        doc: "Whether only the keys of `identity_files` are offered, and no others of the SSH agent.",
    },
    Spec {
        key: "identity_agent",
        kind: Kind::LocalFile,
        built_in: None,
        doc: "The socket of the SSH agent; `none` for no agent. Default: the one that SSH_AUTH_SOCK names.",
    },
    Spec {
        key: "password_command",
        kind: Kind::ShellLine,
        built_in: None,
        doc: "Command on the controller that prints the login's password, for servers that ask for one; `%n` is the host's name, `%h` its address, `%r` the login. Without it you are asked.",
    },
    Spec {
        key: "known_hosts",
        kind: Kind::LocalPaths,
        built_in: Some(
            "[\"~/.ssh/known_hosts\", \"~/.ssh/known_hosts2\", \"/etc/ssh/ssh_known_hosts\", \"/etc/ssh/ssh_known_hosts2\"]",
        ),
        doc: "Files that hold the host keys to trust; `--accept-new` adds to the first one.",
    },
    Spec {
        key: "revoked_host_keys",
        kind: Kind::LocalFile,
        built_in: None,
        doc: "A file of host keys that are never accepted: public keys, or a key revocation list of ssh-keygen.",
    },
    Spec {
        key: "host_key_alias",
        kind: Kind::Address,
        built_in: None,
        doc: "The name under which the host's key stands in `known_hosts`, and which its certificate must have. Default: the address.",
    },
    Spec {
        key: "connect_timeout",
        kind: Kind::Time,
        built_in: Some("10s"),
        doc: "How long connecting may take, and how long key exchange and authentication may take after it.",
    },
    Spec {
        key: "keepalive",
        kind: Kind::Time,
        built_in: Some("15s"),
        doc: "After this much silence the host is asked for a reply; three missing replies end the connection.",
    },
    Spec {
        key: "reconnect_for",
        kind: Kind::Time,
        built_in: Some("15m"),
        doc: "How long a connection that was lost in a run is tried again; running steps continue on the host.",
    },
    Spec {
        key: "state_dir",
        kind: Kind::RemotePath,
        built_in: None,
        doc: "The folder on the host for the ledgers of runs. Default: `.ixporch` in the login's home folder.",
    },
    Spec {
        key: "become",
        kind: Kind::Choice(&["sudo", "doas", "su", "none"]),
        built_in: Some("sudo"),
        doc: "How a step runs as another user than the login user: `sudo` without a password once for each step; with a password, and with `doas` and `su`, one root shell for each connection. A root login needs none of them.",
    },
    Spec {
        key: "become_password",
        kind: Kind::Choice(&["none", "ask"]),
        built_in: Some("none"),
        doc: "Whether you are asked for the password that sudo wants, once for all hosts with the same login. `su` always wants root's.",
    },
    Spec {
        key: "become_password_command",
        kind: Kind::ShellLine,
        built_in: None,
        doc: "Command on the controller that prints the password for sudo, or root's for su; `%n` is the host's name, `%h` its address, `%r` the login. It is run once for all hosts for which it is the same.",
    },
    Spec {
        key: "ixp_root",
        kind: Kind::RemotePath,
        built_in: Some("/srv/ixpmanager"),
        doc: "The folder of the IXP Manager installation.",
    },
    Spec {
        key: "web_user",
        kind: Kind::UserName,
        built_in: Some("www-data"),
        doc: "The user of the web server; artisan, composer and bower run as this user.",
    },
    Spec { key: "php", kind: Kind::Words, built_in: Some("php"), doc: "The PHP command-line program." },
    Spec {
        key: "composer",
        kind: Kind::Words,
        built_in: Some("composer"),
        doc: "The composer program, for instance `php7.0 ./composer.phar`.",
    },
    Spec { key: "bower", kind: Kind::Words, built_in: Some("bower"), doc: "The bower program." },
    Spec {
        key: "branch",
        kind: Kind::Branch,
        built_in: Some("master"),
        doc: "The branch that is pulled if there is no `--to`.",
    },
    Spec {
        key: "environment",
        kind: Kind::Environment,
        built_in: None,
        doc: "Variables that all programs of an upgrade are given, such as `HTTPS_PROXY` where composer, bower and git need a proxy. What a step sets itself comes first.",
    },
    Spec {
        key: "memcached.restart",
        kind: Kind::Words,
        built_in: Some("systemctl restart memcached.service"),
        doc: "The command that restarts memcached; it is run as root.",
    },
    Spec {
        key: "memcached.service",
        kind: Kind::Unit,
        built_in: Some("memcached.service"),
        doc: "The systemd unit whose start time proves the restart; `none` asks memcached itself.",
    },
    Spec {
        key: "memcached.address",
        kind: Kind::SocketAddress,
        built_in: Some("127.0.0.1:11211"),
        doc: "Where memcached listens on the host, to ask its uptime.",
    },
    Spec {
        key: "writers.stop",
        kind: Kind::Words,
        built_in: None,
        doc: "The command that stops services which write to the database while the site is closed, such as sflow handlers; it is run as root.",
    },
    Spec {
        key: "writers.start",
        kind: Kind::Words,
        built_in: None,
        doc: "The command that starts them again, after the upgrade or during a rollback; it is run as root.",
    },
    Spec {
        key: "quiet_timeout",
        kind: Kind::Time,
        built_in: Some("30m"),
        doc: "How long is waited, with the site closed, for artisan processes that were running before; then it is rolled back.",
    },
    Spec {
        key: "local_files",
        kind: Kind::Choice(&["refuse", "keep"]),
        built_in: Some("refuse"),
        doc: "Files of your own where the new release has files: `refuse` stops the upgrade before the site is closed; `keep` moves them aside, and a rollback puts them back.",
    },
    Spec {
        key: "lock_wait_timeout",
        kind: Kind::Time,
        built_in: Some("1m"),
        doc: "How long statements of the upgrade wait for a lock that another session of the database holds (metadata locks); then the step fails and names that session.",
    },
    Spec {
        key: "schema_approval",
        kind: Kind::Choice(&["review", "additive", "any"]),
        built_in: Some("review"),
        doc: "Who must approve schema changes: `review` a person; `additive` a person, except additions; `any` nobody.",
    },
    Spec {
        key: "review_timeout",
        kind: Kind::Time,
        built_in: Some("30m"),
        doc: "How long a host waits in maintenance for the schema review; then it is rolled back.",
    },
    Spec {
        key: "schema_never_converges",
        kind: Kind::Choice(&["fail", "accept"]),
        built_in: Some("fail"),
        doc: "What happens if column changes that were executed stay pending, as with MariaDB: `fail` the host fails; `accept` it continues, and the report says so.",
    },
    Spec {
        key: "development",
        kind: Kind::Flag,
        built_in: Some("false"),
        doc: "Whether it is an installation for developing or testing IXP Manager: only there can entities be regenerated.",
    },
    Spec {
        key: "on_failure",
        kind: Kind::Choice(FailurePolicy::WORDS),
        built_in: None,
        doc: "What happens on a host after a failed step: `rollback` restores its state before the run, `stop` leaves it as it is and reports its open steps. Default: `rollback` until its site is opened again, then `stop`. A wave's own `on_failure` comes first.",
    },
    Spec {
        key: "backup_dir",
        kind: Kind::RemotePath,
        built_in: Some("/var/backups/ixporch"),
        doc: "The folder on the host for backups, which the web server must not serve; each host of the inventory has a folder in it.",
    },
    Spec {
        key: "backup_keep",
        kind: Kind::Count,
        built_in: Some("5"),
        doc: "How many backups of the host are kept; the oldest ones beyond that are removed when a new one is complete.",
    },
    Spec {
        key: "url",
        kind: Kind::Url,
        built_in: None,
        doc: "The address of the web site; ixporch checks there that it is closed, and that it is healthy.",
    },
    Spec {
        key: "health_timeout",
        kind: Kind::Time,
        built_in: Some("2m"),
        doc: "How long the web site may take to become healthy after it was opened; then it is closed again.",
    },
    Spec {
        key: "health_successes",
        kind: Kind::Count,
        built_in: Some("3"),
        doc: "How often in a row, a second apart, a check must find that the web site is healthy.",
    },
];
