//! The passwords that may be candidates, and how one is drawn.

use chaveiro_secret::SecretText;

/// How many passwords are drawn before a policy counts as one that nothing fits.
const MAX_DRAWS: u32 = 100_000;
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
    #[error("password policy: no password of this length has enough characters of each class")]
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

    fn accepts(&self, password: &str) -> bool {
        let has_enough = |(characters, at_least): &(Vec<char>, usize)| {
            password.chars().filter(|c| characters.contains(c)).count() >= *at_least
        };
        let starts_well = !self.starts_with_letter || password.starts_with(|c: char| c.is_ascii_alphabetic());
        starts_well && self.classes.iter().all(has_enough)
    }
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
