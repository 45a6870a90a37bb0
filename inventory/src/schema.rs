//! The JSON Schema of an inventory, for editors.
//!
//! Made from the same tables that the reader uses (`setting::SPECS`, `wave::KEYS`).

use serde_json::{Map, Value, json};

use crate::evidence;
use crate::route;
use crate::setting::{Kind, SPECS, Spec};
use crate::wave;

/// The JSON Schema (draft 2020-12) of format 1.
pub fn json_schema() -> Value {
    let mut host = settings();
    host.insert(
        "groups".to_owned(),
        json!({
            "description": "The host's groups; a later one wins over an earlier one.",
            "type": "array", "items": { "type": "string" }, "uniqueItems": true
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ixporch inventory",
        "type": "object",
        "required": ["format", "hosts"],
        "additionalProperties": false,
        "properties": {
            "format": { "description": "The version of this file format.", "const": 1 },
            "defaults": object("Settings of every host, unless a group or the host says otherwise.", settings()),
            "groups": {
                "description": "Named sets of hosts with settings.",
                "type": "object",
                "additionalProperties": object("Settings of the group's hosts.", settings()),
            },
            "hosts": {
                "description": "The hosts by name.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": object("One IXP Manager installation.", host),
            },
            "jumps": {
                "description": "Jump hosts by name, which are only ways to hosts.",
                "type": "object",
                "additionalProperties": object("How a jump host is reached.", connection()),
            },
            "waves": {
                "description": "Which hosts are upgraded together, in this order.",
                "type": "array",
                "items": wave_schema(),
            },
            "evidence": object("What counts as evidence.", texts(evidence::KEYS)),
        },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the map becomes part of the value")]
fn object(description: &str, properties: Map<String, Value>) -> Value {
    json!({ "description": description, "type": "object", "additionalProperties": false, "properties": properties })
}

fn settings() -> Map<String, Value> {
    let mut properties = Map::new();
    let mut memcached = Map::new();
    let mut writers = Map::new();
    for spec in SPECS {
        match spec.key.split_once('.') {
            Some(("memcached", key)) => memcached.insert(key.to_owned(), setting(spec)),
            Some((_, key)) => writers.insert(key.to_owned(), setting(spec)),
            None => properties.insert(spec.key.to_owned(), setting(spec)),
        };
    }
    properties.insert(
        "memcached".to_owned(),
        object("How memcached is restarted, and how that is proven.", memcached),
    );
    properties.insert(
        "writers".to_owned(),
        object(
            "What writes to the database by itself while a site is closed, such as sflow handlers.",
            writers,
        ),
    );
    properties
}

/// The settings of a jump host.
fn connection() -> Map<String, Value> {
    let specs = SPECS.iter().filter(|spec| route::JUMP_KEYS.contains(&spec.key));
    specs.map(|spec| (spec.key.to_owned(), setting(spec))).collect()
}

fn setting(spec: &Spec) -> Value {
    let mut schema = match spec.kind {
        Kind::Count => json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
        Kind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Kind::LocalPaths | Kind::Jumps => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Words => json!({ "type": ["string", "array"], "items": { "type": "string" } }),
        Kind::Environment => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(choices) => json!({ "enum": choices }),
        Kind::RemotePath => json!({ "type": "string", "pattern": "^/" }),
        Kind::Url => json!({ "type": "string", "pattern": "^https?://" }),
        Kind::UserName
        | Kind::Address
        | Kind::Branch
        | Kind::Unit
        | Kind::SocketAddress
        | Kind::Time
        | Kind::LocalFile
        | Kind::ShellLine => json!({ "type": "string" }),
    };
    if let Some(fields) = schema.as_object_mut() {
        let text = match spec.built_in {
            Some(built_in) => format!("{} Built in: `{built_in}`.", spec.doc),
            None => spec.doc.to_owned(),
        };
        fields.insert("description".to_owned(), Value::String(text));
    }
    schema
}

/// Properties that are all texts.
fn texts(keys: &[(&str, &str)]) -> Map<String, Value> {
    keys.iter()
        .map(|(key, doc)| ((*key).to_owned(), json!({ "type": "string", "description": doc })))
        .collect()
}

fn wave_schema() -> Value {
    let mut properties = Map::new();
    for (key, doc) in wave::KEYS {
        let mut schema = match *key {
            "count" | "parallel" => json!({ "type": "integer", "minimum": 1 }),
            "percent" => json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
            "max_failures" => json!({ "type": ["integer", "string"] }),
            "gate" => json!({ "enum": ["auto", "confirm", "hold"] }),
            _ => json!({ "type": "string" }),
        };
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), Value::String((*doc).to_owned()));
        }
        properties.insert((*key).to_owned(), schema);
    }
    let mut schema = object("One wave.", properties);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("required".to_owned(), json!(["name", "hosts"]));
    }
    schema
}
