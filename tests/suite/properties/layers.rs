//! Imports point down, modules have no cycles, and a family can be deleted.

use std::collections::BTreeSet;

use super::source::{Module, cycle, files, graph, modules};

/// The layers, from the top. Modules of one layer may know each other.
const LAYERS: [&[&str]; 5] = [
    &["cli", "fuzz"],
    &["http"],
    &["vault"],
    &["store", "crypto", "token", "audit", "directory", "key_set"],
    &["text", "clock", "config", "network", "private_file"],
];

fn layer(module: &[String]) -> usize {
    let top = module[0].as_str();
    LAYERS.iter().position(|names| names.contains(&top)).unwrap_or_else(|| panic!("{top} has no layer"))
}

fn name(path: &[String]) -> String {
    path.join("::")
}

#[test]
fn imports_point_down() {
    let modules = modules();
    let mut seen = 0;
    for (module, targets) in graph(&modules).iter().filter(|(module, _)| !module.is_empty()) {
        for target in targets.iter().filter(|target| !target.is_empty()) {
            assert!(layer(target) >= layer(module), "{} imports {}", name(module), name(target));
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen} imports");
}

#[test]
fn the_client_commands_open_no_vault() {
    let modules = modules();
    let mut seen = 0;
    for (module, targets) in
        graph(&modules).iter().filter(|(module, _)| module.starts_with(&["cli", "client"].map(String::from)))
    {
        for target in targets.iter().filter(|target| !target.is_empty()) {
            let is_below = ["cli", "crypto", "text", "clock", "config"].contains(&target[0].as_str());
            assert!(is_below, "{} imports {}", name(module), name(target));
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} imports");
}

#[test]
fn the_modules_of_http_have_no_cycle() {
    let modules: Vec<Module> =
        modules().into_iter().filter(|module| module.path.first().is_some_and(|top| top == "http")).collect();
    let graph = graph(&modules);
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 100);
    let found = cycle(&graph).map(|cycle| cycle.iter().map(|path| name(path)).collect::<Vec<_>>());
    assert_eq!(found, None);
}

#[test]
fn nothing_but_the_list_knows_a_family() {
    let modules = modules();
    let families = modules.iter().filter(|module| module.code.contains("\nimpl Family for "));
    let families: BTreeSet<String> = families.map(|module| module.path[1].clone()).collect();
    assert!(families.len() >= 4, "{families:?}");
    let mut listed = 0;
    for (module, targets) in &graph(&modules) {
        for target in targets.iter().filter(|target| target.first().is_some_and(|top| top == "http")) {
            let Some(family) = target.get(1).filter(|name| families.contains(*name)) else { continue };
            if module.len() == 1 && module[0] == "http" {
                listed += 1;
            } else {
                assert_eq!(module.get(1), Some(family), "{} imports {}", name(module), name(target));
            }
        }
    }
    assert_eq!(listed, families.len());
}

#[test]
fn unit_tests_leave_sql_to_the_store_too() {
    let files = files();
    let naming: Vec<_> = files.iter().filter(|(_, text)| text.contains("diesel::")).map(|(path, _)| path).collect();
    assert!(naming.len() > 10, "{naming:?}");
    assert_eq!(naming.iter().find(|path| !path.starts_with("store")), None);
}

#[test]
fn only_the_store_knows_diesel_and_only_http_and_the_command_line_know_actix() {
    let (mut diesel, mut actix) = (0, 0);
    for module in modules() {
        let top = module.path.first().map_or("", String::as_str);
        if module.code.contains("diesel::") {
            assert_eq!(top, "store", "{} names diesel", name(&module.path));
            diesel += 1;
        }
        if module.code.contains("actix_web::") {
            assert!(["http", "cli"].contains(&top), "{} names actix", name(&module.path));
            actix += 1;
        }
    }
    assert!(diesel > 10 && actix > 10, "{diesel} {actix}");
}
