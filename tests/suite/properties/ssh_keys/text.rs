//! Keys as they reach a vault: wrapped in another way, or broken.

use super::programs::Made;

/// The parts of armored text.
struct Armored {
    before: String,
    header: String,
    /// Header lines and the blank line after them.
    headers: Vec<String>,
    base64: Vec<String>,
    footer: String,
    after: String,
}

impl Armored {
    /// `None` for PuTTY's own format.
    fn split(text: &str) -> Option<Self> {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let mark = |kind: &str| lines.iter().position(|line| line.contains(kind) && line.contains("PRIVATE KEY"));
        let (start, end) = (mark("- BEGIN").or(mark("-BEGIN"))?, mark("- END").or(mark("-END"))?);
        let headers = lines[start..end].iter().rposition(|line| line.contains(':') || line.is_empty()).unwrap_or(0);
        let body = start + headers + 1;
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        Some(Self {
            before: text(&lines[..start]),
            header: lines[start].clone(),
            headers: lines[start + 1..body].to_vec(),
            base64: lines[body..end].to_vec(),
            footer: lines[end].clone(),
            after: text(&lines[end + 1..]),
        })
    }

    fn wrap(&mut self, width: usize) {
        let joined: Vec<char> = self.base64.concat().chars().collect();
        self.base64 = joined.chunks(width).map(|line| line.iter().collect()).collect();
    }

    fn join(&self) -> String {
        let Self { before, header, headers, base64, footer, after } = self;
        let middle: String = headers.iter().chain(base64).map(|line| format!("{line}\n")).collect();
        format!("{before}{header}\n{middle}{footer}\n{after}")
    }
}

/// The number of wrappings.
pub(super) const WRAPPINGS: usize = 14;

/// The text of a key in another wrapping; `None` where its format has no such.
pub(super) fn wrapped(key: &Made, number: usize) -> Option<String> {
    let text = &key.text;
    let whole = match number {
        0 => Some(text.clone()),
        1 => Some(text.replace('\n', "\r\n")),
        2 => Some(format!("{text}\n \n\n")),
        3 => Some(text.trim_end().into()),
        4 => Some(format!("\u{feff}{text}")),
        5 => Some(format!("\n\n{text}")),
        _ => None,
    };
    if whole.is_some() {
        return whole;
    }
    let mut parts = Armored::split(text)?;
    match number {
        6 => parts.wrap(64),
        7 => parts.wrap(70),
        8 => parts.wrap(76),
        9 => parts.wrap(usize::MAX),
        10 => parts.headers.push(String::new()),
        11 => parts.before += "Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n",
        12 => parts.before = format!("# the key of the build server\n{}", parts.before),
        _ => {
            parts.base64.iter_mut().for_each(|line| *line = format!("  {line} "));
            let last = parts.base64.last_mut().unwrap();
            *last = last.replace('=', "");
        }
    }
    Some(parts.join())
}

/// The kinds of damage that every private key shows.
pub(super) const DAMAGES: [&str; 13] = [
    "cut",
    "cut in front",
    "no footer",
    "no header",
    "other header",
    "other footer",
    "no base64",
    "a line less",
    "no content",
    "no line breaks",
    "twice",
    "two keys",
    "a word",
];

/// A key with a damage; `None` where its format has no such.
pub(super) fn damaged(key: &Made, other: &Made, damage: &str, at: usize) -> Option<String> {
    let text = key.text.trim_end();
    let start = text.find("PRIVATE KEY").unwrap_or(0) + 40;
    let from = start + at % (text.len() - 40 - start);
    match damage {
        "cut" => return Some(text[..from].into()),
        "cut in front" => return Some(text[from..].into()),
        "no line breaks" => return Some(text.lines().collect::<Vec<_>>().join(" ")),
        "twice" => return Some(format!("{text}\n{text}\n")),
        "two keys" => return Some(format!("{text}\n{}", other.text)),
        "a word" => return Some("hunter2hunter2".into()),
        _ => {}
    }
    let mut parts = Armored::split(text)?;
    let line = at % parts.base64.len();
    match damage {
        "no footer" => parts.footer.clear(),
        "no header" => parts.header.clear(),
        "other header" => {
            let header = parts.header.clone();
            let name = if header.contains("BEGIN RSA") { "EC PRIVATE KEY" } else { "RSA PRIVATE KEY" };
            (parts.header, parts.footer) = (format!("-----BEGIN {name}-----"), format!("-----END {name}-----"));
            // Nothing shows what is encrypted.
            parts.headers.is_empty().then_some(())?;
        }
        "other footer" => parts.footer = "-----END CERTIFICATE-----".into(),
        "no base64" => parts.base64[line].replace_range(3..4, "!"),
        // Of what is encrypted, only the length shows.
        "a line less" => drop(parts.headers.is_empty().then(|| parts.base64.remove(line))?),
        _ => parts.base64.clear(),
    }
    Some(parts.join())
}

/// A key with one character of its base64 changed for another.
pub(super) fn flipped(key: &Made, at: usize) -> String {
    let lines: Vec<&str> = key.text.lines().collect();
    let is_base64 = |line: &&str| line.len() > 20 && !line.contains([':', ' ', '-']);
    let bodies: Vec<usize> = (0..lines.len()).filter(|number| is_base64(&lines[*number])).collect();
    let number = bodies[at % bodies.len()];
    let column = at / bodies.len() % (lines[number].len() - 2);
    let mut line = lines[number].to_string();
    let other = if line[column..].starts_with('A') { "B" } else { "A" };
    line.replace_range(column..=column, other);
    lines.iter().enumerate().map(|(n, old)| format!("{}\n", if n == number { &line } else { *old })).collect()
}
