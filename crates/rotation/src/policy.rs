//! The passwords that may be candidates, and how one is drawn.

use chaveiro_secret::SecretText;

/// How many passwords are drawn before a policy counts as one that nothing fits.
const MAX_DRAWS: u32 = 100_000;
/// How probable it is, at least, that a drawn password fits a policy that is used.
const LEAST_PROBABILITY: f64 = 0.001;
/// The longest password.
const MAX_LENGTH: usize = 1024;

/// The shape of a candidate. After a target has refused one, the next one is of another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// As configured.
    First,
    /// A letter first, and of the symbols only `-` and `_`: for targets that mistake others for syntax.
    Plain,
    /// As `Plain`, and short: for targets with a low limit of length.
    Short,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Shape; 3] = [Shape::First, Shape::Plain, Shape::Short];

    /// Returns the shape of the candidate after a number of refused ones.
    pub fn after(rejections: u32) -> Self {
        match rejections {
            0 => Self::First,
            1 => Self::Plain,
            _ => Self::Short,
        }
    }
}

/// Characters of which a password has at least a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterClass {
    /// The characters.
    pub characters: String,
    /// How many of them a password has at least.
    pub at_least: usize,
}

/// The passwords that a target accepts, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The number of characters.
    pub length: usize,
    /// The number of characters of [`Shape::Short`], if that is less.
    pub short_length: usize,
    /// The classes; together they are the alphabet.
    pub classes: Vec<CharacterClass>,
    /// Characters that no password has.
    pub forbidden: String,
}

/// Why a policy yields no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The length is out of range.
    #[error("password policy: length must be from 1 to 1024")]
    Length,
    /// No character is left.
    #[error("password policy: every character is forbidden")]
    Alphabet,
    /// The classes ask for more characters than there may be, or for characters that are forbidden.
    #[error("password policy: no password of this length, or hardly any, has enough characters of each class")]
    Classes,
}

impl Default for PasswordPolicy {
    /// Returns 24 characters of letters, digits and symbols that shells, URLs and connection strings do not interpret.
    fn default() -> Self {
        let class = |characters: &str| CharacterClass { characters: characters.to_owned(), at_least: 1 };
        let classes = [LOWER_CASE, UPPER_CASE, DIGITS, "-_.~+"].map(class).into();
        Self { length: 24, short_length: 14, classes, forbidden: String::new() }
    }
}

const LOWER_CASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER_CASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

impl PasswordPolicy {
    /// Requires that a password of every shape is found by few draws.
    ///
    /// # Errors
    /// [`PolicyError`] if none fits, or hardly any.
    pub fn check(&self) -> Result<(), PolicyError> {
        Shape::ALL.into_iter().try_for_each(|shape| {
            let is_found = ShapeRules::new(self, shape)?.probability() >= LEAST_PROBABILITY;
            if is_found { Ok(()) } else { Err(PolicyError::Classes) }
        })
    }

    /// Returns a password of a shape, each one that fits with the same probability. `random` yields uniform random bits of a
    /// generator that is fit for keys.
    ///
    /// # Errors
    /// [`PolicyError`] if no password fits.
    pub fn generate(&self, shape: Shape, random: &mut dyn FnMut() -> u64) -> Result<SecretText, PolicyError> {
        let rules = ShapeRules::new(self, shape)?;
        for _ in 0..MAX_DRAWS {
            if let Some(password) = rules.draw(random) {
                return Ok(password);
            }
        }
        Err(PolicyError::Classes)
    }
}

/// A policy as it is in one shape.
struct ShapeRules {
    length: usize,
    alphabet: Vec<char>,
    /// The classes, without the characters that are not in the alphabet.
    classes: Vec<(Vec<char>, usize)>,
    starts_with_letter: bool,
}

impl ShapeRules {
    fn new(policy: &PasswordPolicy, shape: Shape) -> Result<Self, PolicyError> {
        let is_plain = shape != Shape::First;
        let fits = |c: &char| {
            let fits_shape = !is_plain || c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            fits_shape && !c.is_control() && !policy.forbidden.contains(*c)
        };
        let mut classes = Vec::with_capacity(policy.classes.len());
        for class in &policy.classes {
            let characters: Vec<char> = class.characters.chars().filter(fits).collect();
            match (characters.is_empty(), class.at_least) {
                (true, 1..) if !is_plain => return Err(PolicyError::Classes),
                (true, _) => {}
                (false, at_least) => classes.push((characters, at_least)),
            }
        }
        let mut alphabet: Vec<char> = classes.iter().flat_map(|(characters, _)| characters).copied().collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        let length = if shape == Shape::Short { policy.length.min(policy.short_length) } else { policy.length };
        let starts_with_letter = is_plain && alphabet.iter().any(char::is_ascii_alphabetic);
        let rules = Self { length, alphabet, classes, starts_with_letter };
        rules.check().map(|()| rules)
    }

    fn check(&self) -> Result<(), PolicyError> {
        if !(1..=MAX_LENGTH).contains(&self.length) {
            return Err(PolicyError::Length);
        }
        if self.alphabet.is_empty() {
            return Err(PolicyError::Alphabet);
        }
        let needs_too_many = self.classes.iter().any(|(_, at_least)| *at_least > self.length);
        if needs_too_many { Err(PolicyError::Classes) } else { Ok(()) }
    }

    /// Draws every character on its own, and returns the password if it fits. Making one fit would prefer some to others.
    fn draw(&self, random: &mut dyn FnMut() -> u64) -> Option<SecretText> {
        // Never reallocated: a copy would not be wiped.
        let mut password = String::with_capacity(self.length.saturating_mul(4));
        for _ in 0..self.length {
            password.push(*self.alphabet.get(uniform(self.alphabet.len(), random))?);
        }
        let password = SecretText::new(password);
        self.accepts(password.expose()).then_some(password)
    }

    /// Returns how probable it is that a drawn password fits, or less where classes share characters: the first of them takes these.
    fn probability(&self) -> f64 {
        let mut left = self.alphabet.clone();
        let mut classes = Vec::with_capacity(self.classes.len());
        for (characters, at_least) in &self.classes {
            let (own, rest): (Vec<char>, Vec<char>) = left.into_iter().partition(|c| characters.contains(c));
            left = rest;
            classes.push((own, *at_least));
        }
        let mut sizes: Vec<(usize, usize)> = classes.iter().map(|(own, at_least)| (own.len(), *at_least)).collect();
        if !self.starts_with_letter {
            return chance(self.length, &sizes);
        }
        // The first letter is one of its class.
        let mut sum = 0.0;
        for (index, (own, at_least)) in classes.iter().enumerate() {
            let letters = own.iter().filter(|c| c.is_ascii_alphabetic()).count();
            let Some(size) = sizes.get_mut(index).filter(|_| letters > 0) else { continue };
            size.1 = at_least.saturating_sub(1);
            sum += number(letters) / number(self.alphabet.len()) * chance(self.length.saturating_sub(1), &sizes);
            if let Some(size) = sizes.get_mut(index) {
                size.1 = *at_least;
            }
        }
        sum
    }

    fn accepts(&self, password: &str) -> bool {
        let has_enough = |(characters, at_least): &(Vec<char>, usize)| {
            password.chars().filter(|c| characters.contains(c)).count() >= *at_least
        };
        let starts_well = !self.starts_with_letter || password.starts_with(|c: char| c.is_ascii_alphabetic());
        starts_well && self.classes.iter().all(has_enough)
    }
}

/// Returns how probable it is that so many places have enough characters of each class. `classes`: characters, and how many at least.
fn chance(length: usize, classes: &[(usize, usize)]) -> f64 {
    let mut left: usize = classes.iter().map(|(size, _)| size).sum();
    // By the number of places that are still free: each class takes some of them.
    let mut places = vec![0.0; length.saturating_add(1)];
    if let Some(all) = places.last_mut() {
        *all = 1.0;
    }
    for (size, at_least) in classes {
        let share = if left == 0 { 0.0 } else { number(*size) / number(left) };
        left = left.saturating_sub(*size);
        let mut after = vec![0.0; places.len()];
        for (free, probability) in places.iter().enumerate().filter(|(_, probability)| **probability > 0.0) {
            for (taken, chance) in binomial(free, share).into_iter().enumerate().skip(*at_least) {
                if let Some(after) = free.checked_sub(taken).and_then(|rest| after.get_mut(rest)) {
                    *after += probability * chance;
                }
            }
        }
        places = after;
    }
    places.iter().sum()
}

/// Returns the probabilities of 0 to `trials` successes.
fn binomial(trials: usize, success: f64) -> Vec<f64> {
    let power = |base: f64, times: usize| if times == 0 { 0.0 } else { number(times) * base.ln() };
    let mut ways = 0.0;
    (0..=trials)
        .map(|successes| {
            if successes > 0 {
                ways += (number(trials - successes + 1) / number(successes)).ln();
            }
            (ways + power(success, successes) + power(1.0 - success, trials - successes)).exp()
        })
        .collect()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Returns a uniform number below `bound`: draws of the incomplete last range are drawn again.
fn uniform(bound: usize, random: &mut dyn FnMut() -> u64) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
    let end = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = random();
        if drawn < end {
            return usize::try_from(drawn % bound).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests;
