//! The source of the product as a graph of modules: which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module of the library: its path, as `["http", "pam", "error"]`, and its code without comments and tests.
pub(super) struct Module {
    pub(super) path: Vec<String>,
    pub(super) code: String,
}

/// The sources: of the library, and of the layers that it takes from `chaveiro-core` under the same names.
fn roots() -> [PathBuf; 2] {
    ["src", "crates/core/src"].map(|root| Path::new(env!("CARGO_MANIFEST_DIR")).join(root))
}

/// Every file of the library, with its tests: the path below `src`, and the text.
pub(super) fn files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for root in roots() {
        let mut directories = vec![root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    directories.push(entry);
                } else if entry.extension().is_some_and(|extension| extension == "rs") {
                    files.push((entry.strip_prefix(&root).unwrap().into(), fs::read_to_string(&entry).unwrap()));
                }
            }
        }
    }
    files
}

/// Every module of the library but `main` and test modules.
pub(super) fn modules() -> Vec<Module> {
    let mut modules = Vec::new();
    for root in roots() {
        collect(&root, &mut Vec::new(), &mut modules);
    }
    assert!(modules.len() > 100, "{} modules", modules.len());
    modules
}

fn collect(directory: &Path, path: &mut Vec<String>, modules: &mut Vec<Module>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let stem = entry.file_stem().unwrap().to_str().unwrap().to_string();
        if entry.is_dir() {
            path.push(stem);
            collect(&entry, path, modules);
            path.pop();
        } else if entry.extension().is_some_and(|extension| extension == "rs") && stem != "tests" && stem != "main" {
            let mut path = path.clone();
            if stem != "mod" && stem != "lib" {
                path.push(stem);
            }
            modules.push(Module { path, code: without_tests(&fs::read_to_string(&entry).unwrap()) });
        }
    }
}

/// Cuts off comments, and the module of unit tests at the end of a file.
fn without_tests(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

impl Module {
    /// All paths that the module imports or names, from the root of the crate, in full.
    pub(super) fn imports(&self, all: &BTreeSet<Vec<String>>) -> BTreeSet<Vec<String>> {
        let mut found = BTreeSet::new();
        for statement in uses(&self.code).into_iter().chain(paths(&self.code)) {
            if let Some(absolute) = self.absolute(&statement, all) {
                found.insert(absolute);
            }
        }
        found
    }

    /// The path from the root of the crate; `None` for another crate, or for an item of the module itself.
    fn absolute(&self, path: &[String], all: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([&self.path[..], &path[1..]].concat()),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let base = self.path.len().checked_sub(ups)?;
                Some([&self.path[..base], &path[ups..]].concat())
            }
            child => {
                let child = [&self.path[..], &[child.to_string()]].concat();
                all.contains(&child).then(|| [&self.path[..], path].concat())
            }
        }
    }
}

/// The paths of `use` statements, with groups expanded.
fn uses(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("use ") {
        let before = code[..start].rsplit('\n').next().unwrap().trim();
        if before.is_empty() || before.starts_with("pub") {
            let statement = code[start + 4..].split(';').next().unwrap();
            expand(&statement.split_whitespace().collect::<Vec<_>>().join(" "), &[], &mut found);
        }
    }
    found
}

fn expand(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some((path, group)) = tree.split_once('{') {
        let segments = path.trim_end_matches("::").split("::").filter(|segment| !segment.is_empty());
        let prefix = [prefix, &segments.map(String::from).collect::<Vec<_>>()].concat();
        let (mut depth, mut part) = (0, String::new());
        for character in group[..group.rfind('}').unwrap()].chars().chain([',']) {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&std::mem::take(&mut part), &prefix, found);
                    continue;
                }
                _ => {}
            }
            part.push(character);
        }
    } else if !tree.is_empty() {
        let name = tree.split(" as ").next().unwrap();
        let segments = name.split("::").filter(|segment| *segment != "self" || prefix.is_empty()).map(String::from);
        found.push([prefix, &segments.collect::<Vec<_>>()].concat());
    }
}

/// The paths of two segments or more in the code itself.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_part = |character: char| character.is_alphanumeric() || "_:".contains(character);
    let words = code.split(|character| !is_part(character)).filter(|word| word.contains("::") && !word.ends_with("::"));
    words.map(|word| word.split("::").map(String::from).collect()).collect()
}

/// The modules that each module imports, itself excluded.
pub(super) fn graph(modules: &[Module]) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let all: BTreeSet<Vec<String>> = modules.iter().map(|module| module.path.clone()).collect();
    let of = |path: Vec<String>| (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|path| all.contains(path));
    let targets = |module: &Module| {
        let imported = module.imports(&all).into_iter().filter_map(of);
        imported.filter(|target| *target != module.path).collect::<BTreeSet<_>>()
    };
    modules.iter().map(|module| (module.path.clone(), targets(module))).collect()
}

/// A cycle in a graph, if there is one.
pub(super) fn cycle(graph: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<Vec<String>>> {
    fn visit<'a>(
        node: &'a Vec<String>,
        graph: &'a BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
        trail: &mut Vec<&'a Vec<String>>,
        done: &mut BTreeSet<&'a Vec<String>>,
    ) -> Option<Vec<Vec<String>>> {
        if let Some(start) = trail.iter().position(|before| *before == node) {
            return Some(trail[start..].iter().copied().cloned().collect());
        }
        if done.contains(node) {
            return None;
        }
        trail.push(node);
        let found = graph.get(node).into_iter().flatten().find_map(|next| visit(next, graph, trail, done));
        trail.pop();
        done.insert(node);
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|node| visit(node, graph, &mut Vec::new(), &mut done))
}

#[test]
fn imports_are_found_however_they_are_written() {
    let path = |text: &str| text.split("::").map(String::from).collect::<Vec<_>>();
    let code = "use std::fmt;\nuse super::{b::{self, C}, d as e};\npub(crate) use crate::vault::Vault;\nmod x;\n\
                use x::Y;\nfn f() -> crate::store::Row { super::super::g() }\n// use crate::comment::X;\n\
                let reuse crate;\n#[cfg(test)]\nmod tests {\n    use crate::only::Tests;\n}\n";
    let module = Module { path: path("http::a"), code: without_tests(code) };
    let all = BTreeSet::from([path("http::a::x"), path("http::a")]);
    let found: Vec<String> = module.imports(&all).iter().map(|path| path.join("::")).collect();
    let expected = ["g", "http::a::x::Y", "http::b", "http::b::C", "http::d", "store::Row", "vault::Vault"];
    assert_eq!(found, expected);
}

#[test]
fn a_cycle_is_found() {
    let path = |text: &str| vec![text.to_string()];
    let edge = |from: &str, to: &[&str]| (path(from), to.iter().map(|to| path(to)).collect::<BTreeSet<_>>());
    let tree = [edge("a", &["b", "c"]), edge("b", &["c"]), edge("c", &[])];
    assert_eq!(cycle(&tree.into()), None);
    let round = [edge("a", &["b"]), edge("b", &["c"]), edge("c", &["b"])];
    assert_eq!(cycle(&round.into()), Some(vec![path("b"), path("c")]));
}
