//! Properties of drawn passwords.

use super::*;

/// `SplitMix64`.
fn random(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn class(characters: &str, at_least: usize) -> CharacterClass {
    CharacterClass { characters: characters.to_owned(), at_least }
}

/// Draws a policy: any length, any of the usual classes, some forbidden characters.
fn drawn_policy(random: &mut dyn FnMut() -> u64) -> PasswordPolicy {
    let classes = [LOWER_CASE, UPPER_CASE, DIGITS, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "äöüßé"];
    let classes = classes.iter().map(|characters| class(characters, uniform(4, random))).collect();
    let forbidden = "0O1lI'\"\\`$-".chars().filter(|_| random().is_multiple_of(2)).collect();
    PasswordPolicy { length: 16 + uniform(100, random), short_length: 16, classes, forbidden }
}

#[test]
fn every_password_fits_its_policy_and_shape() {
    let mut random = random(1);
    for _ in 0..500 {
        let policy = drawn_policy(&mut random);
        for shape in Shape::ALL {
            let password = policy.generate(shape, &mut random).unwrap();
            let text = password.expose();
            let length = if shape == Shape::Short { 16 } else { policy.length };
            assert_eq!(text.chars().count(), length);
            assert!(!text.chars().any(|c| policy.forbidden.contains(c)), "{policy:?}");
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if shape != Shape::First {
                assert!(text.chars().all(is_plain) && text.starts_with(|c: char| c.is_ascii_alphabetic()));
            }
            for class in &policy.classes {
                let count = text.chars().filter(|c| class.characters.contains(*c)).count();
                let may_be_absent = shape != Shape::First && !class.characters.contains(is_plain);
                let may_be_absent =
                    may_be_absent || !class.characters.contains(|c| is_plain(c) && !policy.forbidden.contains(c));
                assert!(count >= class.at_least || may_be_absent, "{policy:?}");
            }
        }
    }
}

#[test]
fn every_password_that_fits_is_as_likely_as_another() {
    // 2^4 - 2 = 14 words of four letters in which both occur.
    let policy = PasswordPolicy {
        length: 4,
        short_length: 4,
        classes: vec![class("a", 1), class("b", 1)],
        forbidden: String::new(),
    };
    let mut random = random(2);
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    const DRAWS: u32 = 14_000;
    for _ in 0..DRAWS {
        let password = policy.generate(Shape::First, &mut random).unwrap();
        *counts.entry(password.expose().to_owned()).or_default() += 1;
    }
    assert_eq!(counts.len(), 14);
    // Six standard deviations of a binomial distribution with 1,000 expected.
    assert!(counts.values().all(|count| count.abs_diff(1000) < 183), "{counts:?}");
}

#[test]
fn numbers_of_an_incomplete_range_are_drawn_again() {
    let mut numbers = [u64::MAX, u64::MAX - 1, 4].into_iter();
    assert_eq!(uniform(10, &mut || numbers.next().unwrap()), 4);
    let mut numbers = [u64::MAX - 6, 5].into_iter();
    assert_eq!(uniform(10, &mut || numbers.next().unwrap()), 9);
    assert_eq!(uniform(1, &mut || 7), 0);
}

#[test]
fn a_policy_that_nothing_fits_is_an_error() {
    let policy = |length, classes: &[CharacterClass], forbidden: &str| PasswordPolicy {
        length,
        short_length: 14,
        classes: classes.to_vec(),
        forbidden: forbidden.to_owned(),
    };
    let error = |policy: PasswordPolicy| policy.generate(Shape::First, &mut random(3)).unwrap_err();
    assert_eq!(error(policy(0, &[class("a", 0)], "")), PolicyError::Length);
    assert_eq!(error(policy(1025, &[class("a", 0)], "")), PolicyError::Length);
    assert_eq!(error(policy(8, &[class("a", 0)], "a")), PolicyError::Alphabet);
    assert_eq!(error(policy(8, &[class("a", 1), class("b", 0)], "a")), PolicyError::Classes);
    assert_eq!(error(policy(8, &[class("a", 9)], "")), PolicyError::Classes);
    assert_eq!(error(policy(3, &[class("a", 2), class("b", 2)], "")), PolicyError::Classes);
}

#[test]
fn the_password_of_each_shape_is_short_of_no_entropy() {
    let mut random = random(4);
    let policy = PasswordPolicy::default();
    let lengths = Shape::ALL.map(|shape| policy.generate(shape, &mut random).unwrap().expose().len());
    assert_eq!(lengths, [24, 24, 14]);
}

#[test]
fn the_probability_of_a_password_is_that_of_its_draws() {
    let policy = |length, classes: &[CharacterClass]| PasswordPolicy {
        length,
        short_length: 14,
        classes: classes.to_vec(),
        forbidden: String::new(),
    };
    let of = |policy: &PasswordPolicy, shape| ShapeRules::new(policy, shape).unwrap().probability();
    // 14 of 16 words, as above; and a word of one letter.
    let words = policy(4, &[class("a", 1), class("b", 1)]);
    assert!((of(&words, Shape::First) - 14.0 / 16.0).abs() < 1e-9);
    assert!((of(&policy(6, &[class("a", 6)]), Shape::First) - 1.0).abs() < 1e-9);
    let random = &mut random(5);
    for policy in [
        PasswordPolicy::default(),
        policy(8, &[class(LOWER_CASE, 2), class(DIGITS, 3), class("-_", 1)]),
        policy(12, &[class(LOWER_CASE, 1), class(UPPER_CASE, 0), class(DIGITS, 2), class("!-", 1)]),
    ] {
        for shape in Shape::ALL {
            let rules = ShapeRules::new(&policy, shape).unwrap();
            let fitting = (0..20_000).filter(|_| rules.draw(random).is_some()).count();
            let drawn = number(fitting) / 20_000.0;
            assert!((drawn - rules.probability()).abs() < 0.02, "{shape:?} {policy:?} {drawn}");
        }
    }
}

#[test]
fn a_policy_that_hardly_any_password_fits_is_not_used() {
    let policy = |length, classes: &[CharacterClass]| PasswordPolicy {
        length,
        short_length: 14,
        classes: classes.to_vec(),
        forbidden: String::new(),
    };
    let letters = class(LOWER_CASE, 1);
    assert_eq!(PasswordPolicy::default().check(), Ok(()));
    assert_eq!(policy(128, &[letters.clone(), class(DIGITS, 1)]).check(), Ok(()));
    assert_eq!(policy(8, &[letters.clone(), class("-", 1), class(DIGITS, 2)]).check(), Ok(()));
    assert_eq!(policy(8, &[letters.clone(), class("-", 6)]).check(), Err(PolicyError::Classes));
    assert_eq!(policy(8, &[letters.clone(), class(DIGITS, 8)]).check(), Err(PolicyError::Classes));
    // A shared character counts once: the first class takes it.
    assert_eq!(policy(8, &[class("a", 1), class("a", 0)]).check(), Ok(()));
    assert_eq!(policy(8, &[class("ab", 5), class("ab", 4)]).check(), Err(PolicyError::Classes));
    assert_eq!(policy(0, &[letters]).check(), Err(PolicyError::Length));
    // A password after two refusals is shorter.
    let digits = policy(20, &[class(DIGITS, 15), class("a", 0)]);
    assert!(digits.generate(Shape::First, &mut random(6)).is_ok());
    assert_eq!(digits.check(), Err(PolicyError::Classes));
}
