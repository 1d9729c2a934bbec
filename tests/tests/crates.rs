//! Which crate may know what.

use std::path::PathBuf;

use toml::Table;
use xtask::template;
use xtask::workspace::{LAMBDAS, root};

fn manifest(folder: PathBuf) -> Table {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).expect("TOML")
}

/// The crates of the product, by name, with what each depends on outside its tests.
fn dependencies() -> Vec<(String, Vec<String>)> {
    let folders = std::fs::read_dir(root().join("crates")).expect("the crates");
    let crates = folders.map(|folder| manifest(folder.expect("a crate").path()));
    crates
        .map(|manifest| {
            let name = manifest["package"]["name"]
                .as_str()
                .expect("a name")
                .to_owned();
            let tables = ["dependencies", "build-dependencies"];
            let tables = tables
                .iter()
                .filter_map(|table| manifest.get(*table)?.as_table());
            (name, tables.flat_map(Table::keys).cloned().collect())
        })
        .collect()
}

/// What knows how it is called, or whom to tell, cannot be called otherwise. `ready` asks who would
/// hear, and tells nobody.
#[test]
fn only_the_functions_know_the_lambda_runtime_and_who_is_notified() {
    let who_knows = [
        ("lambda_runtime", &["lambda"] as &[&str]),
        ("aws-sdk-sns", &["lambda", "ready"]),
    ];
    for (secret, expected) in who_knows {
        let all = dependencies();
        let knowing = all
            .iter()
            .filter(|(_, named)| named.iter().any(|name| name == secret));
        let mut knowing: Vec<&str> = knowing.map(|(name, _)| name.as_str()).collect();
        knowing.sort_unstable();
        assert_eq!(knowing, expected, "{secret}");
    }
}

#[test]
fn nothing_depends_on_the_functions() {
    for (name, named) in dependencies() {
        assert!(
            !named.iter().any(|dependency| dependency == "lambda"),
            "{name}"
        );
    }
}

#[test]
fn each_function_of_the_templates_has_its_binary_and_each_binary_its_function() {
    let manifest = manifest(root().join("crates/lambda"));
    let binaries = manifest["bin"].as_array().unwrap().iter();
    let mut binaries: Vec<String> = binaries
        .map(|bin| bin["name"].as_str().unwrap().into())
        .collect();
    binaries.sort();
    let templates = [template::PRIMARY, template::DR].map(|name| template::read(name).unwrap());
    let functions = templates
        .iter()
        .flat_map(|template| template::resources(template, template::FUNCTION));
    let mut named: Vec<String> = functions
        .map(|(_, function)| template::binary(function).unwrap().into())
        .collect();
    named.sort();
    assert_eq!(named, binaries);
    let mut packaged = LAMBDAS;
    packaged.sort();
    assert_eq!(binaries, packaged);
}
