//! The inventory that `ixporch init` writes.

/// A commented inventory that parses as it stands.
pub const STARTER: &str = include_str!("../starter.toml");

#[cfg(test)]
mod tests {
    #[test]
    fn the_starter_is_a_valid_inventory() {
        let inventory = crate::Inventory::parse("starter.toml", super::STARTER).unwrap();
        assert_eq!(inventory.waves.len(), 2);
    }
}
