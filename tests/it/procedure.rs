use crate::stage::program;

#[test]
fn an_own_procedure_is_checked_as_the_built_in_ones_are() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let shown = program.run(&["procedure", "show"]);
    std::fs::write(home.path().join("mine.toml"), &shown.stdout).unwrap();
    assert_eq!(program.run(&["procedure", "check", "mine.toml"]).code, 0);

    let broken = shown
        .stdout
        .replace("debt = \"maintenance-off\"", "debt = \"maintenance-of\"")
        .replace("{branch}", "{brnch}");
    std::fs::write(home.path().join("mine.toml"), broken).unwrap();
    let ended = program.run(&["procedure", "check", "mine.toml"]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended);
}
