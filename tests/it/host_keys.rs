use crate::stage::Stage;

const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";

#[test]
fn a_changed_host_key_is_refused_before_any_authentication() {
    let stage = Stage::new(&[("all", &["a"])]);
    let port = stage.fleet.host("a").port;
    std::fs::write(stage.folder.path().join("known_hosts"), format!("# mine\n[127.0.0.1]:{port} {OTHER}\n"))
        .unwrap();
    for accept_new in [false, true] {
        let mut arguments = vec!["upgrade", "--yes"];
        arguments.extend(accept_new.then_some("--accept-new"));
        let ended = stage.run(&arguments);
        assert_eq!(ended.code, 4, "{ended}");
        assert!(ended.stdout.contains("was refused before any authentication"), "{ended}");
        assert_eq!(ended.stdout.matches("SHA256:").count(), 2, "{ended}");
        assert!(ended.stdout.contains("known_hosts:2 has"), "{ended}");
        assert!(ended.stdout.contains("help: possible man-in-the-middle attack."), "{ended}");
        assert!(ended.stdout.contains(&format!("ssh-keygen -R '[127.0.0.1]:{port}' -f ")), "{ended}");
    }
}

#[test]
fn an_unknown_host_key_is_refused_until_it_is_accepted_and_recorded() {
    let stage = Stage::new(&[("all", &["a"])]);
    let known_hosts = stage.folder.path().join("known_hosts");
    let line = std::fs::read_to_string(&known_hosts).unwrap();
    std::fs::remove_file(&known_hosts).unwrap();
    let refused = stage.run(&["status"]);
    assert_eq!(refused.code, 4, "{refused}");
    assert!(refused.stdout.contains("run again with --accept-new"), "{refused}");
    assert!(!known_hosts.exists());
    assert_eq!(stage.run(&["status", "--accept-new"]).code, 0);
    assert_eq!(std::fs::read_to_string(&known_hosts).unwrap(), line);
    assert_eq!(stage.run(&["status"]).code, 0);
}

#[test]
fn a_revoked_host_key_is_refused_although_it_is_known() {
    let stage = Stage::new(&[("all", &["a"])]);
    let known_hosts = stage.folder.path().join("known_hosts");
    let line = std::fs::read_to_string(&known_hosts).unwrap();
    std::fs::write(&known_hosts, format!("{line}@revoked * {}", line.split_once(' ').unwrap().1)).unwrap();
    let ended = stage.run(&["status"]);
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("is revoked by"), "{ended}");
}
