//! Every example is parsed and planned.

use std::collections::BTreeMap;
use std::path::Path;

use ixporch::facts::Facts;
use ixporch::plan::{self, Options, Request};
use ixporch::procedure::Procedure;
use ixporch_inventory::Inventory;

fn files(ending: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.display().to_string().ends_with(ending))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn every_example_can_be_parsed_and_planned() {
    let mut procedures = vec![Procedure::built_in("ixp-manager-v4").unwrap().unwrap()];
    for (name, text) in files(".procedure.toml") {
        procedures.push(Procedure::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems}")));
    }
    for (name, text) in files(".inventory.toml") {
        let inventory = Inventory::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        let facts = inventory
            .hosts
            .iter()
            .map(|host| (host.name.clone(), Ok(Facts::default())))
            .collect::<BTreeMap<_, _>>();
        for procedure in &procedures {
            let request = Request {
                inventory: &inventory,
                procedure,
                facts: &facts,
                left: &BTreeMap::new(),
                options: &Options::default(),
                default_user: "me",
            };
            let plan = plan::build(&request).unwrap();
            let planned = plan.hosts().filter(|(_, host)| !host.steps().is_empty()).count();
            assert_eq!(planned, inventory.hosts.len(), "{name} with {}", procedure.name);
        }
    }
}

#[test]
fn the_examples_of_the_book_are_valid() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let blocks = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(docs.join(name)).unwrap();
        let blocks: Vec<String> = text
            .split("```toml\n")
            .skip(1)
            .map(|block| block.split("```").next().unwrap().to_owned())
            .collect();
        assert!(!blocks.is_empty(), "{name} has no example");
        blocks
    };
    for block in blocks("procedure.md") {
        Procedure::parse("procedure.md", &block).unwrap_or_else(|problems| panic!("{problems}"));
    }
    for block in blocks("inventory.md") {
        Inventory::parse("inventory.md", &block).unwrap_or_else(|problems| panic!("{problems}"));
    }
}
