//! `docs/settings.md` is generated from `config/default.toml`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Set to rewrite the page instead of comparing it.
const UPDATE: &str = "CHAVEIRO_UPDATE_DOCS";

const HEAD: &str = "\
# Settings

<!-- Generated from config/default.toml; CHAVEIRO_UPDATE_DOCS=1 cargo test --test suite settings writes it anew. -->

";

/// A section of the file.
struct Section {
    name: String,
    settings: Vec<Setting>,
}

/// A setting: its comment, key and default.
struct Setting {
    meaning: String,
    key: String,
    default: String,
}

/// Splits the file into its first comment and its sections.
fn parse(text: &str) -> (String, Vec<Section>) {
    let (mut head, mut comment, mut sections) = (String::new(), Vec::new(), Vec::<Section>::new());
    for line in text.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[') {
            sections.push(Section { name: name.trim_end_matches(']').into(), settings: Vec::new() });
        } else if let Some((key, default)) = line.split_once(" = ") {
            let meaning = std::mem::take(&mut comment).join(" ");
            let setting = Setting { meaning, key: key.into(), default: default.into() };
            sections.last_mut().expect("a section before the first key").settings.push(setting);
        } else {
            assert!(line.is_empty(), "{line}");
            if sections.is_empty() {
                head = std::mem::take(&mut comment).join("\n").trim().into();
            }
            assert!(comment.is_empty(), "a comment without a setting: {comment:?}");
        }
    }
    (head, sections)
}

fn render(text: &str) -> String {
    let (head, sections) = parse(text);
    let mut page = format!("{HEAD}{head}\n");
    for Section { name, settings } in sections {
        write!(page, "\n## `[{name}]`\n\n| setting | default | meaning |\n| --- | --- | --- |\n").unwrap();
        for Setting { meaning, key, default } in settings {
            let meaning = meaning.replace('|', "\\|").replace('<', "&lt;");
            writeln!(page, "| `{key}` | `{default}` | {meaning} |").unwrap();
        }
    }
    page
}

#[test]
fn the_reference_of_settings_is_the_file_of_defaults() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/settings.md");
    let expected = render(&fs::read_to_string(root.join("config/default.toml")).unwrap());
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&page, &expected).unwrap();
    }
    let found = fs::read_to_string(&page).unwrap_or_default();
    assert!(found == expected, "docs/settings.md differs from config/default.toml; run this test with {UPDATE}=1");
}

#[test]
fn every_setting_says_what_it_means() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, sections) = parse(&fs::read_to_string(root.join("config/default.toml")).unwrap());
    assert!(sections.len() > 10);
    for Section { name, settings } in &sections {
        assert!(!settings.is_empty(), "[{name}] is empty");
        for setting in settings {
            assert!(setting.meaning.ends_with(['.', ']']), "{name}.{}: {}", setting.key, setting.meaning);
        }
    }
}
