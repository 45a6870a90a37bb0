//! Which run is meant, where a table does not show it: runs that cannot be read, are at work, or whose hosts have moved.

use super::runs::{Run, host};
use super::{chosen, history};
use crate::event::FollowUpKind;
use crate::history::{History, RunRecord};
use crate::plan::HostId;

#[test]
fn a_run_that_cannot_be_read_is_not_passed_over_where_a_run_is_chosen() {
    use crate::history::Unreadable;
    let records =
        || [Run::killed("run2", 2, &["a"])].iter().filter_map(|run| RunRecord::of(&run.state(), 0)).collect();
    let unread = |run: &str, inventory: Option<&str>, hosts| Unreadable {
        run: run.to_owned(),
        why: String::new(),
        inventory: inventory.map(str::to_owned),
        hosts,
    };
    let here = || Some(vec![host("a").id()]);
    for (unread, runs, stops) in [
        (unread("run3", None, None), records(), true),
        (unread("run3", None, here()), records(), true),
        // It is older, only looked, or is of another inventory.
        (unread("run1", None, None), records(), false),
        (unread("run3", None, Some(Vec::new())), records(), false),
        (unread("run3", Some("other"), here()), records(), false),
        // Without any other run it is all the same how old it is.
        (unread("run1", None, None), Vec::new(), true),
    ] {
        let named = unread.run.clone();
        let inventory = records()[0].inventory.clone();
        let history = History::new(runs, vec![unread]);
        let answer = chosen(&history, FollowUpKind::Resume, Some(&inventory), &[]);
        assert_eq!(answer.contains("runs verify"), stops, "{named}: {answer}");
    }
}

#[test]
fn a_run_at_work_does_not_hide_one_that_was_cut_off() {
    let mut records: Vec<RunRecord> = [Run::killed("up1", 1, &["a"]), Run::killed("up2", 2, &["b"])]
        .iter()
        .filter_map(|run| RunRecord::of(&run.state(), 0))
        .collect();
    records[1].going_on = true;
    let history = History::new(records.clone(), Vec::new());
    assert_eq!(chosen(&history, FollowUpKind::Resume, None, &[]), "up1");
    let only = History::new(records.split_off(1), Vec::new());
    assert_eq!(chosen(&only, FollowUpKind::Resume, None, &[]), "up2");
    assert_eq!(chosen(&only, FollowUpKind::Approve, None, &[]), "up2");
}

#[test]
fn what_is_left_on_a_host_that_has_moved_is_found_under_its_former_identity() {
    let inventory = Run::failed("up1", 1, "a").header.inventory;
    let here = host("a").id();
    let moved = HostId { address: "a.example".to_owned(), ..here.clone() };
    let renamed = HostId { name: "b".to_owned(), ..here.clone() };
    let other = HostId { ixp_root: "/srv/other".to_owned(), ..here.clone() };
    let failed = history(&[Run::failed("up1", 1, "a")]);
    let former = |history: &History, id: &HostId, inventory: &str| {
        history.former(id, |known| known == inventory, |_| false).map(|found| found.run)
    };
    assert_eq!(former(&failed, &moved, &inventory).as_deref(), Some("up1"));
    assert_eq!(former(&failed, &renamed, &inventory).as_deref(), Some("up1"));
    // A host of another inventory is another host, as is another installation.
    assert_eq!(former(&failed, &moved, "elsewhere"), None);
    assert_eq!(former(&failed, &renamed, "elsewhere"), None);
    assert_eq!(former(&failed, &other, &inventory), None);
    assert_eq!(former(&failed, &here, &inventory), None);
    // What the inventory still has is another host, behind another jump host perhaps.
    assert_eq!(failed.former(&renamed, |_| true, |known| *known == here), None);
    let mut later = Run::upgraded("up2", 2, &["a"]);
    later.header.plan.waves[0].hosts[0].address = moved.address.clone();
    let over = history(&[Run::failed("up1", 1, "a"), later]);
    assert_eq!(former(&over, &moved, &inventory), None);
    let well = history(&[Run::failed("up1", 1, "a"), Run::upgraded("up2", 2, &["a"])]);
    assert_eq!(former(&well, &moved, &inventory), None);
}

#[test]
fn all_spellings_of_an_inventory_are_one() {
    let history = history(&[Run::killed("up1", 1, &["a"]).inventory("/srv/./prod.toml")]);
    assert_eq!(chosen(&history, FollowUpKind::Resume, Some("/srv/prod.toml"), &[]), "up1");
}
