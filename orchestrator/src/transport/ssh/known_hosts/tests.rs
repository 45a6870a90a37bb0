//! Host keys; the oracle is OpenSSH.

use std::process::Command;

use proptest::prelude::*;

use super::*;

const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

fn known(text: &str) -> KnownHosts {
    let mut known = KnownHosts { files: vec![PathBuf::from("known_hosts")], ..KnownHosts::default() };
    known.add(0, text);
    known
}

fn server(address: &str, port: u16) -> Endpoint {
    Endpoint {
        name: address.to_owned(),
        address: address.to_owned(),
        port,
        user: "ops".to_owned(),
        keys: crate::transport::Keys::default(),
        known_hosts: Vec::new(),
        record_in: None,
        revoked_host_keys: None,
        host_key_alias: None,
        password_command: None,
        proxy_command: None,
        connect_timeout: std::time::Duration::from_secs(1),
    }
}

fn trusts(file: &str, name: &str, shown: &str) -> bool {
    known(file).verdict(name, &key(shown)) == Verdict::Trusted
}

#[test]
fn plain_names_patterns_and_ports_match() {
    assert!(trusts(&format!("ixp1,ixp2 {ONE}"), "ixp2", ONE));
    assert!(trusts(&format!("*.example.net {ONE}"), "ixp1.example.net", ONE));
    assert!(trusts(&format!("IXP1\t{ONE}"), "ixp1", ONE));
    assert!(trusts(&format!("[ixp1]:2222 {ONE}"), Names::of(&server("IXP1", 2222)).own(), ONE));
    assert!(!trusts(&format!("[ixp1]:2222 {ONE}"), "ixp1", ONE));
    assert!(!trusts(&format!("*.example.net,!bad.example.net {ONE}"), "bad.example.net", ONE));
}

#[test]
fn a_second_key_of_the_same_type_is_a_rotation() {
    assert!(trusts(&format!("ixp1 {ONE}\nixp1 {TWO}"), "ixp1", TWO));
}

#[test]
fn a_key_without_port_counts_if_none_is_known_for_the_port() {
    let judge = |file: &str, names: &Names, shown| known(file).judge(names, &key(shown));
    let at_2222 = Names::of(&server("ixp1", 2222));
    assert_eq!(judge(&format!("ixp1 {ONE}"), &at_2222, ONE), Verdict::Trusted);
    let other_port = judge(&format!("ixp1 {ONE}"), &at_2222, TWO);
    assert!(matches!(other_port, Verdict::Refused(HostKeyRefusal::Unknown { .. })), "{other_port:?}");
    let changed = judge(&format!("[ixp1]:2222 {ONE}\nixp1 {TWO}"), &at_2222, TWO);
    assert!(matches!(changed, Verdict::Refused(HostKeyRefusal::Changed { .. })), "{changed:?}");
    let revoked = judge(&format!("@revoked ixp1 {ONE}"), &at_2222, ONE);
    assert!(matches!(revoked, Verdict::Refused(HostKeyRefusal::Revoked { .. })), "{revoked:?}");
    assert_eq!(at_2222.own(), "[ixp1]:2222");
}

#[test]
fn an_alias_takes_the_place_of_the_address_and_has_no_port() {
    let aliased = Endpoint { host_key_alias: Some("Console".to_owned()), ..server("ixp1", 2222) };
    let names = Names::of(&aliased);
    assert_eq!(names.own(), "console");
    assert_eq!(known(&format!("console {ONE}")).judge(&names, &key(ONE)), Verdict::Trusted);
    let by_address = known(&format!("ixp1,[ixp1]:2222 {ONE}")).judge(&names, &key(ONE));
    assert!(matches!(by_address, Verdict::Refused(HostKeyRefusal::Unknown { .. })), "{by_address:?}");
}

#[test]
fn a_changed_key_is_refused_with_both_fingerprints_and_the_line() {
    let file = format!("# a comment\n\nixp1 {ONE}");
    let Verdict::Refused(refusal) = known(&file).verdict("ixp1", &key(TWO)) else { panic!("trusted") };
    let HostKeyRefusal::Changed { line, shown, known, .. } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(*line, 3);
    assert!(shown.contains("SHA256:") && known.contains("SHA256:") && shown != known);
}

#[test]
fn a_revoked_key_is_refused_although_it_is_also_known() {
    let file = format!("ixp1 {ONE}\n@revoked * {ONE}");
    let verdict = known(&file).verdict("ixp1", &key(ONE));
    assert!(matches!(verdict, Verdict::Refused(HostKeyRefusal::Revoked { line: 2, .. })), "{verdict:?}");
}

#[test]
fn an_authority_is_no_host_key() {
    assert!(!trusts(&format!("@cert-authority ixp1 {ONE}"), "ixp1", ONE));
}

#[test]
fn a_line_that_cannot_be_read_does_not_hide_the_others() {
    assert!(trusts(&format!("ixp1 ssh-nonsense AAAA\nixp1 {ONE}"), "ixp1", ONE));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_a_missing_one_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    assert!(KnownHosts::read(&[folder.path().join("missing")], false).is_ok());
    assert!(KnownHosts::read(&[folder.path().to_owned()], false).is_err());
}

#[test]
fn a_new_key_is_recorded_on_a_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ssh/known_hosts");
    record(&file, "ixp1", &key(ONE)).unwrap();
    fs_err::write(&file, fs_err::read_to_string(&file).unwrap().trim_end()).unwrap();
    record(&file, "[ixp2]:2222", &key(TWO)).unwrap();
    assert_eq!(fs_err::read_to_string(&file).unwrap(), format!("ixp1 {ONE}\n[ixp2]:2222 {TWO}\n"));
}

/// Makes a key with `ssh-keygen`; gives the path of its public half.
fn ssh_key(folder: &Path, name: &str, kind: &str) -> PathBuf {
    let path = folder.join(name);
    let status =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&path).status().unwrap();
    assert!(status.success());
    path
}

/// Has `authority` sign `key` with `ssh-keygen -s`; gives the certificate.
fn signed(authority: &Path, key: &Path, arguments: &[&str]) -> Certificate {
    let mut public = key.as_os_str().to_owned();
    public.push(".pub");
    let status = Command::new("ssh-keygen")
        .args(["-q", "-I", "id", "-s"])
        .arg(authority)
        .args(arguments)
        .arg(public)
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
    let mut certificate = key.as_os_str().to_owned();
    certificate.push("-cert.pub");
    Certificate::read_file(Path::new(&certificate)).unwrap()
}

fn public(path: &Path) -> String {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    fs_err::read_to_string(Path::new(&public))
        .unwrap()
        .split(' ')
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

#[test]
fn a_host_certificate_is_trusted_only_where_everything_about_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let authority = ssh_key(folder.path(), "authority", "ed25519");
    let foreign = ssh_key(folder.path(), "foreign", "ed25519");
    let old = ssh_key(folder.path(), "old", "rsa");
    let host = ssh_key(folder.path(), "host", "ed25519");
    let trust = format!(
        "@cert-authority *.example.net {}\n@cert-authority *.example.net {}\n",
        public(&authority),
        public(&old)
    );
    let name = "ixp1.example.net";
    let verdict =
        |file: &str, certificate: &Certificate| known(file).certificate_verdict(name, name, certificate);

    let good = signed(&authority, &host, &["-h", "-n", "ixp1,ixp1.example.net"]);
    assert_eq!(verdict(&trust, &good), Verdict::Trusted);

    // One that names nobody is for every host.
    assert_eq!(verdict(&trust, &signed(&authority, &host, &["-h"])), Verdict::Trusted);

    let refused: [(&str, &Path, &[&str]); 5] = [
        ("another name", &authority, &["-h", "-n", "ixp2.example.net"]),
        ("a pattern for a name", &authority, &["-h", "-n", "*.example.net"]),
        ("out of date", &authority, &["-h", "-n", name, "-V", "20200101:20200102"]),
        ("a user's", &authority, &["-n", name]),
        ("signed by SHA-1", &old, &["-h", "-n", name, "-t", "ssh-rsa"]),
    ];
    for (what, by, arguments) in refused {
        let verdict = verdict(&trust, &signed(by, &host, arguments));
        assert!(
            matches!(verdict, Verdict::Refused(HostKeyRefusal::Certificate { .. })),
            "{what}: {verdict:?}"
        );
    }

    let others = signed(&foreign, &host, &["-h", "-n", name]);
    assert!(matches!(verdict(&trust, &others), Verdict::Refused(HostKeyRefusal::Unknown { .. })));
    // As a plain key it may be known all the same.
    assert_eq!(verdict(&format!("{trust}{name} {}", public(&host)), &others), Verdict::Trusted);
    for revoked in [&authority, &host] {
        let file = format!("{trust}@revoked * {}", public(revoked));
        assert!(matches!(verdict(&file, &good), Verdict::Refused(HostKeyRefusal::Revoked { .. })));
    }
}

/// What `ssh-keygen -F` finds: the lines, from 1.
fn openssh_finds(file: &Path, name: &str) -> Vec<usize> {
    let output = Command::new("ssh-keygen").arg("-F").arg(name).arg("-f").arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            line.strip_prefix("# Host ")?
                .split("found: line ")
                .nth(1)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .collect()
}

fn we_find(file: &Path, name: &str) -> Vec<usize> {
    let known = KnownHosts::read(&[file.to_owned()], false).unwrap();
    let name = name.to_ascii_lowercase();
    let markers = [None, Some(Marker::Revoked), Some(Marker::CertAuthority)];
    let mut found: Vec<usize> = markers
        .into_iter()
        .flat_map(|marker| known.matching(&name, marker).map(|line| line.number).collect::<Vec<_>>())
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn hashed_names_match_as_ssh_keygen_hashes_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs_err::write(&file, format!("ixp1 {ONE}\n[ixp2]:2222 {TWO}\n")).unwrap();
    assert!(Command::new("ssh-keygen").arg("-q").arg("-H").arg("-f").arg(&file).status().unwrap().success());
    assert!(fs_err::read_to_string(&file).unwrap().starts_with("|1|"));
    assert_eq!(we_find(&file, "ixp1"), [1]);
    assert_eq!(we_find(&file, "[ixp2]:2222"), [2]);
    assert_eq!(we_find(&file, "ixp2"), Vec::<usize>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    // The oracle is OpenSSH itself.
    #[test]
    fn names_match_as_ssh_keygen_finds_them(
        lines in proptest::collection::vec(
            ("(@revoked |@cert-authority )?", proptest::collection::vec("!?[ab*?.]{1,4}|\\[a[b*?]\\]:2[0-9]", 1..3)), 1..4),
        name in "[ab.]{1,4}|\\[a[ab]\\]:2[0-9]",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let text: Vec<String> =
            lines.iter().map(|(marker, patterns)| format!("{marker}{} {ONE}\n", patterns.join(","))).collect();
        fs_err::write(&file, text.concat()).unwrap();
        prop_assert_eq!(we_find(&file, &name), openssh_finds(&file, &name), "{}", text.concat());
    }
}
