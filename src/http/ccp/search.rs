//! The search of a request (contract facades, section 3.1): its properties, or those of `Query` alone.

use regex::{Regex, RegexBuilder};

use super::error::CcpError;
use super::query::{Parameter, Parameters};
use crate::vault::item::{Condition, ItemSearch};

/// The longest expression, in bytes.
const MAX_EXPRESSION: usize = 256;
/// The size of a compiled expression, in bytes.
const MAX_COMPILED: usize = 1 << 18;

/// How the values of `Query` are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Exact,
    Regexp,
}

/// Parses the search; `None` for a folder in which nothing is.
///
/// # Errors
/// [`CcpError::Parameter`] and [`CcpError::Query`].
pub(super) fn parse(parameters: &Parameters) -> Result<Option<ItemSearch>, CcpError> {
    let format = format(parameters)?;
    let properties: Vec<(Parameter, &str)> = match parameters.get(Parameter::Query) {
        Some(query) => properties(query)?,
        None => parameters.properties().collect(),
    };
    let searched = |(property, _): &(Parameter, &str)| *property != Parameter::Folder;
    if !properties.iter().any(searched) {
        return Err(CcpError::Parameter(
            "Query, or one of Safe, Object, UserName, Address, Database, PolicyID is required",
        ));
    }
    if format == Format::Regexp && parameters.get(Parameter::Query).is_none() {
        return Err(CcpError::Query("QueryFormat Regexp needs Query"));
    }
    if format == Format::Regexp && !properties.iter().any(|(property, _)| *property == Parameter::Safe) {
        return Err(CcpError::Query("a query of the format Regexp needs Safe"));
    }
    let (mut search, mut elsewhere) = (ItemSearch::default(), false);
    for (property, value) in properties {
        match property {
            // A safe is compared exactly in both formats, so that an expression cannot range over all of them.
            Parameter::Safe => search.tag = Some(value.into()),
            Parameter::Folder => elsewhere |= !value.eq_ignore_ascii_case("root"),
            Parameter::Object => search.name = Some(condition(format, value)?),
            Parameter::UserName => search.username = Some(condition(format, value)?),
            Parameter::Address => search.address = Some(condition(format, value)?),
            Parameter::Database => search.additional = Some(condition(format, value)?),
            Parameter::PolicyId => search.device_type = Some(condition(format, value)?),
            Parameter::AppId
            | Parameter::Query
            | Parameter::QueryFormat
            | Parameter::Reason
            | Parameter::ConnectionTimeout
            | Parameter::FailRequestOnPasswordChange => {}
        }
    }
    let on_change = parameters.get(Parameter::FailRequestOnPasswordChange);
    search.fail_on_change = on_change.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok((!elsewhere).then_some(search))
}

fn format(parameters: &Parameters) -> Result<Format, CcpError> {
    match parameters.get(Parameter::QueryFormat) {
        None => Ok(Format::Exact),
        Some(name) if name.eq_ignore_ascii_case("exact") => Ok(Format::Exact),
        Some(name) if name.eq_ignore_ascii_case("regexp") => Ok(Format::Regexp),
        Some(_) => Err(CcpError::Query("QueryFormat must be Exact or Regexp")),
    }
}

/// Parses `Name=Value;Name=Value`.
fn properties(query: &str) -> Result<Vec<(Parameter, &str)>, CcpError> {
    const FORM: CcpError = CcpError::Query(
        "Query must be Name=Value pairs with semicolons, of Safe, Folder, Object, UserName, Address, Database, PolicyID",
    );
    let mut properties: Vec<(Parameter, &str)> = Vec::new();
    for pair in query.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(FORM)?;
        let property = Parameter::parse(name).filter(|name| name.is_property()).ok_or(FORM)?;
        if properties.iter().any(|(other, _)| *other == property) {
            return Err(CcpError::Query("a property must not be repeated in Query"));
        }
        if value.is_empty() {
            return Err(CcpError::Query("a property of Query must not be empty"));
        }
        properties.push((property, value));
    }
    Ok(properties)
}

fn condition(format: Format, value: &str) -> Result<Condition, CcpError> {
    match format {
        Format::Exact => Ok(Condition::Exact(value.into())),
        Format::Regexp => anchored(value).map(Condition::Matches),
    }
}

/// Compiles an expression that has to match a whole property.
fn anchored(expression: &str) -> Result<Regex, CcpError> {
    const INVALID: CcpError = CcpError::Query("a regular expression must be valid and at most 256 bytes long");
    if expression.len() > MAX_EXPRESSION {
        return Err(INVALID);
    }
    let compile = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED).build().map_err(|_| INVALID);
    // By itself first: a parenthesis could otherwise end the group of the anchors.
    compile(expression)?;
    compile(&format!(r"\A(?:{expression})\z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(raw: &str) -> Result<Option<ItemSearch>, CcpError> {
        let (parameters, result) = Parameters::parse(raw);
        result.and_then(|()| parse(&parameters))
    }

    #[test]
    fn a_query_replaces_the_other_properties() {
        let found = search("AppID=a&Object=x&UserName=u&Query=safe=s;Folder=Root;OBJECT=o;").unwrap().unwrap();
        assert_eq!(found.tag.as_deref(), Some("s"));
        assert!(matches!(found.name, Some(Condition::Exact(name)) if name == "o") && found.username.is_none());
    }

    #[test]
    fn an_expression_matches_a_whole_property() {
        let matches = |expression: &str, text: &str| anchored(expression).unwrap().is_match(text);
        assert!(matches("er.*", "erp") && !matches("er", "erp") && !matches("rp", "erp"));
        assert!(matches("a|erp", "erp") && !matches("a|er", "erp") && !matches("(?m)^a$", "a\nb"));
        for wrong in ["(", "a)|(b", "[", "(?x)a#", &"a".repeat(257), "(a{1000}){1000}", "(?=a)", r"\1"] {
            assert!(anchored(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_search_that_cannot_be_is_refused() {
        for raw in [
            "AppID=a",
            "AppID=a&Folder=Root",
            "AppID=a&Safe=&Object=",
            "AppID=a&Query=;",
            "AppID=a&Query=Safe=s;UserName=",
            "AppID=a&Object=er.&QueryFormat=Regexp",
            "AppID=a&Query=erp",
            "AppID=a&Query=VirtualUsername=x",
            "AppID=a&Query=Safe=s;safe=t",
            "AppID=a&Query=AppID=b",
            "AppID=a&Object=o&QueryFormat=Glob",
            "AppID=a&Query=Object=.*&QueryFormat=Regexp",
            "AppID=a&Query=Safe=;Object=.*&QueryFormat=Regexp",
            "AppID=a&Query=Safe=s;Object=(&QueryFormat=Regexp",
        ] {
            assert!(search(raw).is_err(), "{raw}");
        }
        assert!(search("AppID=a&Query=Safe=s;Object=.*&QueryFormat=regexp").unwrap().is_some());
        assert!(search("AppID=a&Object=o&Folder=root").unwrap().is_some());
        assert!(search("AppID=a&Object=o&Folder=Other").unwrap().is_none());
    }
}
