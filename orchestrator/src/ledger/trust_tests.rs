//! `trust.sh` in real shells: which files it finds open to others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const TRUST: &str = include_str!("../../procedures/sh/trust.sh");

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// What a shell prints for a call of a function of `trust.sh`, with the user who runs this and root trusted.
fn said(shell: &[&str], call: &str, path: &Path) -> String {
    let script = format!("{TRUST}{call} \"root $(id -un)\" \"$1\"");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-c").arg(script).arg("sh").arg(path);
    let output = command.current_dir("/").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A tree with a repository that only its owner can write.
fn closed_tree(folder: &Path) -> std::path::PathBuf {
    let tree = folder.join("real/tree");
    fs::create_dir_all(&tree).unwrap();
    let git = Command::new("git").args(["init", "-q"]).arg(&tree).status().unwrap();
    assert!(git.success());
    let closed = Command::new("chmod").args(["-R", "go-w"]).arg(folder).status().unwrap();
    assert!(closed.success());
    tree
}

#[test]
fn what_others_may_change_of_a_tree_is_found_wherever_it_is() {
    type Shape<'a> = (&'a str, &'a dyn Fn(&Path));
    let shapes: [Shape<'_>; 12] = [
        ("", &|_| {}),
        ("writable 777", &|tree| mode(tree, 0o777)),
        ("writable 777", &|tree| mode(tree.parent().unwrap(), 0o777)),
        ("writable 666", &|tree| mode(&tree.join(".git/config"), 0o666)),
        ("writable 777", &|tree| mode(&tree.join(".git/objects/info"), 0o777)),
        ("writable 777", &|tree| {
            fs::create_dir(tree.join(".git/logs")).unwrap();
            mode(&tree.join(".git/logs"), 0o777);
        }),
        ("link - ", &|tree| {
            fs::rename(tree.join(".git"), tree.join("git")).unwrap();
            symlink("git", tree.join(".git")).unwrap();
        }),
        ("link - ", &|tree| {
            fs::rename(tree.join(".git/config"), tree.join("config")).unwrap();
            symlink("../config", tree.join(".git/config")).unwrap();
        }),
        ("", &|tree| symlink("/nowhere", tree.join(".git/hooks/post-checkout")).unwrap()),
        ("unseen - ", &|tree| {
            fs::write(tree.join(".git/a\nb"), "").unwrap();
            mode(&tree.join(".git/a\nb"), 0o666);
        }),
        ("elsewhere - ", &|tree| {
            fs::write(tree.join(".git/objects/info/alternates"), "/srv/other/objects\n").unwrap();
        }),
        ("absent - ", &|tree| fs::remove_dir_all(tree.join(".git")).unwrap()),
    ];
    for shell in SHELLS {
        for (place, (wanted, change)) in shapes.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let tree = closed_tree(folder.path());
            change(&tree);
            let found = said(shell, "tree_distrusted", &tree);
            assert!(
                found.starts_with(wanted) && found.is_empty() == wanted.is_empty(),
                "{shell:?} {place}: {found}"
            );
        }
    }
}

#[test]
fn every_link_on_the_way_is_followed_and_its_folder_looked_at() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let tree = closed_tree(folder.path());
        let (open, at) = (folder.path().join("open"), |name: &str| folder.path().join(name));
        fs::create_dir(&open).unwrap();
        symlink("../real/tree", open.join("current")).unwrap();
        symlink("open/current", at("site")).unwrap();
        symlink(&tree, at("direct")).unwrap();
        assert_eq!(said(shell, "tree_distrusted", &at("site")), "", "{shell:?}");
        mode(&open, 0o777);
        assert_eq!(said(shell, "tree_distrusted", &at("site")), format!("writable 777 {}", open.display()));
        assert_eq!(said(shell, "tree_distrusted", &at("direct")), "", "{shell:?}");
        // A state folder must not be a link at all; one that leads to itself ends, too.
        for end in ["", "/", "/.", "//./"] {
            let link = format!("{}{end}", at("direct").display());
            assert!(said(shell, "own_folder", Path::new(&link)).starts_with("link - "), "{shell:?} {link}");
        }
        symlink("round", at("round")).unwrap();
        assert!(!said(shell, "distrusted", &at("round/x")).is_empty(), "{shell:?}");
        assert_eq!(said(shell, "own_folder", Path::new("not/absolute")), "unseen - not/absolute");
    }
}

#[test]
fn without_the_tools_nothing_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let tree = closed_tree(folder.path());
    for missing in ["stat", "find"] {
        let call = format!("{missing}() {{ return 127; }}; tree_distrusted");
        assert!(said(&["dash"], &call, &tree).starts_with("unseen - "), "{missing}");
    }
}
