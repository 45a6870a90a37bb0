//! Inventories of 20,000 hosts. There is no clock here: work that grows with the square of the hosts
//! takes minutes in a debug build, which nobody overlooks.

use std::fmt::Write as _;

use crate::{Inventory, Problems, Selector};

const HOSTS: usize = 20_000;

fn name(number: usize) -> String {
    format!("ixp{number:05}.example.net")
}

/// `settings` of each host, by its number, then `rest`.
fn text(settings: impl Fn(usize) -> String, rest: &str) -> String {
    let mut text =
        "format = 1\n[defaults]\nuser = \"deploy\"\n[groups.all]\n[groups.odd]\nport = 2222\n".to_owned();
    for number in 1..=HOSTS {
        write!(text, "[hosts.\"{}\"]\n{}\n", name(number), settings(number)).unwrap();
    }
    text + rest
}

fn groups(number: usize) -> String {
    let groups = if number % 2 == 1 { "\"all\", \"odd\"" } else { "\"all\"" };
    format!("groups = [{groups}]")
}

fn mistakes(text: &str) -> Problems {
    Inventory::parse("test", text).unwrap_err()
}

#[test]
fn hosts_are_found_and_selected() {
    let waves = "[[waves]]\nname = \"canary\"\nhosts = \"ixp0*\"\ncount = 100\n\
                 [[waves]]\nname = \"some\"\nhosts = \"ixp[00001-10000].example.net,!@odd\"\n\
                 [[waves]]\nname = \"rest\"\nhosts = \"@all\"\n";
    let inventory = Inventory::parse("test", &text(groups, waves)).unwrap();
    let placed: Vec<usize> = inventory.waves.iter().map(|wave| wave.hosts.len()).collect();
    assert_eq!(placed, [100, 4950, HOSTS - 5050]);

    for number in 1..=HOSTS {
        let host = inventory.host(&name(number)).unwrap();
        assert_eq!((host.user(), host.port()), (Some("deploy"), if number % 2 == 1 { 2222 } else { 22 }));
    }
    let names: Vec<String> = (1..=HOSTS).map(name).collect();
    let list = names.join("\n");
    let numbers = (1..=HOSTS).step_by(2).map(|number| format!("{number:05}")).collect::<Vec<_>>().join(",");
    for (selector, count) in [
        ("@all", HOSTS),
        ("@all,!@odd", HOSTS / 2),
        ("!ixp1*", 10_000),
        ("*9.example.net", HOSTS / 10),
        ("ixp[00001-00100].example.net,ixp00101*", 101),
        (&format!("ixp[{numbers}].example.net"), HOSTS / 2),
    ] {
        let chosen = inventory.select(&Selector::parse(selector).unwrap()).unwrap();
        assert_eq!(chosen.len(), count, "{selector}");
    }
    let chosen = inventory.select(&Selector::parse_lines(&list).unwrap()).unwrap();
    assert_eq!(chosen.len(), HOSTS);
}

#[test]
fn a_mistake_on_each_host_is_told_with_its_place() {
    type Settings = fn(usize) -> String;
    let kinds: [(&str, Settings); 6] = [
        ("unknown key", |_| "usr = \"x\"".to_owned()),
        ("must be from 1 to 65535", |_| "port = 0".to_owned()),
        ("there is no group", |number| format!("groups = [\"al{number}\"]")),
        ("is its own jump host", |number| format!("jump = [\"{}\"]", name(number))),
        ("is named twice", |_| "groups = [\"all\", \"all\"]".to_owned()),
        ("not valid TOML", |_| "port =".to_owned()),
    ];
    for (message, settings) in kinds {
        let problems = mistakes(&text(settings, ""));
        assert_eq!(problems.problems.len(), HOSTS, "{message}");
        let shown = problems.to_string();
        assert_eq!(shown.lines().count(), HOSTS, "{message}");
        let last = shown.lines().last().unwrap();
        let line = 6 + 2 * HOSTS;
        assert!(last.starts_with(&format!("test:{line}:")) && last.contains(message), "{last}");
    }
    let one_address = mistakes(&text(|_| "address = \"192.0.2.1\"".to_owned(), ""));
    assert_eq!(one_address.problems.len(), HOSTS - 1);
}

#[test]
fn a_wave_for_each_host_is_placed() {
    let wave = |number: usize, host: &str| {
        let requires = if number > 1 { format!("requires = \"w{}\"\n", number - 1) } else { String::new() };
        format!("[[waves]]\nname = \"w{number}\"\nhosts = \"{host}\"\n{requires}")
    };
    let waves: String = (1..=HOSTS).map(|number| wave(number, &name(number))).collect();
    let inventory = Inventory::parse("test", &text(groups, &waves)).unwrap();
    assert_eq!(inventory.waves.len(), HOSTS);

    let nobody: String = (1..=HOSTS).map(|number| wave(number, &format!("nobody{number}"))).collect();
    let problems = mistakes(&text(groups, &nobody)).problems;
    assert_eq!(problems.len(), HOSTS);
    assert!(problems.iter().all(|problem| problem.message.starts_with("there is no host")));
}
