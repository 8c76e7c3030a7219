//! The corpus of the fuzz targets, replayed: each input, its beginnings, and copies with changed bytes.

use std::path::Path;

use chaveiro::fuzz::TARGETS;

#[test]
fn the_corpus_of_every_target_neither_panics_nor_hangs() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, run) in TARGETS {
        let target = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("chaveiro::fuzz::{name}(data)")), "{name}");
        let inputs: Vec<Vec<u8>> = std::fs::read_dir(fuzz.join("corpus").join(name))
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs {
            run(&input);
            for end in 0..input.len() {
                run(&input[..end]);
                for byte in [0, b'"', b'.', 0xff, input[end] ^ 0x20] {
                    let mut changed = input.clone();
                    changed[end] = byte;
                    run(&changed);
                }
            }
        }
    }
    assert_eq!(std::fs::read_dir(fuzz.join("corpus")).unwrap().count(), TARGETS.len());
}
