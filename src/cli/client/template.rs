//! Templates: text with references in double braces, `{{ erp-batch }}` or `{{ erp-batch#username | json }}`. `{{ "{{" }}` is
//! two braces.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::reference::Reference;
use crate::crypto::SecretText;

/// A parsed template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Reference, Form),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    AsItIs,
    /// A JSON string with its quotes, which is a YAML string too.
    Json,
}

/// What is wrong with a template: the number of the line, and what is expected there.
#[derive(Debug)]
pub(super) struct TemplateError {
    pub(super) line: usize,
    pub(super) expected: String,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`]
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let line = 1 + text[..text.len() - after.len()].matches('\n').count();
            let failed = |expected: String| TemplateError { line, expected };
            parts.push(Part::Text(before.into()));
            if let Some(after) = after.trim_start().strip_prefix("\"{{\"") {
                parts.push(Part::Text("{{".into()));
                let closed = after.trim_start().strip_prefix("}}");
                rest = closed.ok_or_else(|| failed("expected }}".into()))?;
                continue;
            }
            let Some((inner, after)) = after.split_once("}}").filter(|(inner, _)| !inner.contains('\n')) else {
                return Err(failed("expected }} on the same line".into()));
            };
            parts.push(value(inner).map_err(failed)?);
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        Ok(Self(parts))
    }

    /// The references of the template.
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(reference, _) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// Fills in the values. A reference without a value stays empty; the caller has read all of them.
    pub(super) fn render(&self, values: &BTreeMap<Reference, SecretText>) -> Zeroizing<String> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            pieces.push(match part {
                Part::Text(text) => Zeroizing::new(text.clone()),
                Part::Value(reference, form) => {
                    let value = values.get(reference).map_or("", SecretText::expose);
                    Zeroizing::new(match form {
                        Form::AsItIs => value.into(),
                        Form::Json => serde_json::Value::from(value).to_string(),
                    })
                }
            });
        }
        // Of the right size, so that it does not move and leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
        pieces.iter().for_each(|piece| text.push_str(piece));
        text
    }
}

fn value(inner: &str) -> Result<Part, String> {
    let (reference, form) = match inner.rsplit_once('|') {
        None => (inner, Form::AsItIs),
        Some((reference, form)) if form.trim() == "json" => (reference, Form::Json),
        Some(_) => return Err("unknown filter; expected: json".into()),
    };
    let reference = reference.trim().parse().map_err(|error| format!("{error}"))?;
    Ok(Part::Value(reference, form))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> String {
        let values = [("erp", "p\"w"), ("erp#username", "svc"), ("a.b/c", "x{{ erp }}")];
        let values = values.map(|(name, value)| (name.parse().unwrap(), SecretText::new(value.into())));
        Template::parse(text).unwrap().render(&values.into()).to_string()
    }

    #[test]
    fn values_take_the_place_of_their_references() {
        for (text, expected) in [
            ("", ""),
            ("no value } } { {", "no value } } { {"),
            ("user={{ erp#username }}\npassword={{erp}}\n", "user=svc\npassword=p\"w\n"),
            ("{{ erp | json }}", r#""p\"w""#),
            ("{{erp#username|json}}{{erp}}", "\"svc\"p\"w"),
            ("{{ chaveiro://erp }}", "p\"w"),
            ("{{ a.b/c }}", "x{{ erp }}"),
            (r#"{{ "{{" }} .Values.x }}"#, "{{ .Values.x }}"),
            ("é{{ erp }}é", "ép\"wé"),
        ] {
            assert_eq!(render(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_its_line() {
        for (text, line) in [
            ("a\n{{ erp", 2),
            ("{{ erp\n}}", 1),
            ("{{ }}", 1),
            ("\n\n{{ erp#pin }}", 3),
            ("{{ erp | base64 }}", 1),
            ("{{ \"{{\" ", 1),
            ("{{ #username }}", 1),
        ] {
            assert_eq!(Template::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
