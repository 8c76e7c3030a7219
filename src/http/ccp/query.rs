//! The query of a request (contract facades, section 3.1): parameter names in any case, separated by `&`, or by `;` as one
//! published client sends them.

use std::collections::HashMap;

use super::error::CcpError;
use crate::http::urlencoded::decode;

/// A parameter of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Parameter {
    AppId,
    Safe,
    Folder,
    Object,
    UserName,
    Address,
    Database,
    PolicyId,
    Query,
    QueryFormat,
    Reason,
    ConnectionTimeout,
    FailRequestOnPasswordChange,
}

impl Parameter {
    const ALL: [(Parameter, &str); 13] = [
        (Parameter::AppId, "appid"),
        (Parameter::Safe, "safe"),
        (Parameter::Folder, "folder"),
        (Parameter::Object, "object"),
        (Parameter::UserName, "username"),
        (Parameter::Address, "address"),
        (Parameter::Database, "database"),
        (Parameter::PolicyId, "policyid"),
        (Parameter::Query, "query"),
        (Parameter::QueryFormat, "queryformat"),
        (Parameter::Reason, "reason"),
        (Parameter::ConnectionTimeout, "connectiontimeout"),
        (Parameter::FailRequestOnPasswordChange, "failrequestonpasswordchange"),
    ];

    /// Parses a name. Case, spaces and underscores are ignored: `Query Format`, `query_format`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let key: String = name.chars().filter(|c| !matches!(c, ' ' | '_')).collect::<String>().to_ascii_lowercase();
        Self::ALL.into_iter().find(|(_, known)| *known == key).map(|(parameter, _)| parameter)
    }

    /// Whether it is a property that is searched by.
    pub(super) fn is_property(self) -> bool {
        match self {
            Self::Safe
            | Self::Folder
            | Self::Object
            | Self::UserName
            | Self::Address
            | Self::Database
            | Self::PolicyId => true,
            Self::AppId
            | Self::Query
            | Self::QueryFormat
            | Self::Reason
            | Self::ConnectionTimeout
            | Self::FailRequestOnPasswordChange => false,
        }
    }
}

/// The parameters of a request, decoded. An empty one counts as absent.
#[derive(Debug, Default)]
pub(super) struct Parameters(HashMap<Parameter, String>);

impl Parameters {
    /// Parses a raw query. Returns the parameters that are readable, and the first error.
    ///
    /// The AppID is authenticated before an error is told.
    pub(super) fn parse(raw: &str) -> (Self, Result<(), CcpError>) {
        let (mut parameters, mut result) = (Self::default(), Ok(()));
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            for (name, value) in parts(pair) {
                result = result.and(parameters.add(name, value));
            }
        }
        (parameters, result)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), CcpError> {
        const UNKNOWN: CcpError = CcpError::Parameter("a parameter is none of those of GetPassword");
        let parameter = decode(name).ok().and_then(|name| Parameter::parse(&name)).ok_or(UNKNOWN)?;
        let value = decode(value).map_err(|_| CcpError::Parameter("a parameter must be UTF-8, percent-encoded"))?;
        if !value.is_empty() && self.0.insert(parameter, value).is_some() {
            return Err(CcpError::Parameter("a parameter must not be repeated"));
        }
        Ok(())
    }

    /// Returns a parameter that is not empty.
    pub(super) fn get(&self, parameter: Parameter) -> Option<&str> {
        self.0.get(&parameter).map(String::as_str)
    }

    /// Returns the properties that are searched by.
    pub(super) fn properties(&self) -> impl Iterator<Item = (Parameter, &str)> {
        self.0.iter().filter(|(parameter, _)| parameter.is_property()).map(|(name, value)| (*name, value.as_str()))
    }
}

/// Splits what stands between two `&` at each `;` that a known parameter follows. The value of `Query` has semicolons of its
/// own and goes to the end.
fn parts(pair: &str) -> Vec<(&str, &str)> {
    let (mut parts, mut rest) = (Vec::new(), pair);
    loop {
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        let parameter = decode(name).ok().and_then(|name| Parameter::parse(&name));
        let next =
            |at: &usize| value[at + 1..].split_once('=').is_some_and(|(name, _)| Parameter::parse(name).is_some());
        let end = value.match_indices(';').map(|(at, _)| at).find(next);
        match end.filter(|_| parameter != Some(Parameter::Query)) {
            Some(end) => {
                parts.push((name, &value[..end]));
                rest = &value[end + 1..];
            }
            None => {
                parts.push((name, value));
                return parts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Vec<(Parameter, String)> {
        let (parameters, result) = Parameters::parse(raw);
        assert_eq!(result, Ok(()), "{raw}");
        Parameter::ALL.into_iter().filter_map(|(name, _)| Some((name, parameters.get(name)?.into()))).collect()
    }

    #[test]
    fn parameters_come_in_every_case_and_separated_in_two_ways() {
        use Parameter::{AppId, Folder, Object, Query, QueryFormat, Reason, Safe};
        let expected = |pairs: &[(Parameter, &str)]| -> Vec<(Parameter, String)> {
            pairs.iter().map(|(name, value)| (*name, (*value).to_string())).collect()
        };
        let whole = expected(&[(AppId, "a"), (Safe, "s"), (Folder, "f"), (Object, "o")]);
        for raw in [
            "AppID=a&Safe=s;Folder=f;Object=o",
            "appid=a&safe=s&folder=f&object=o",
            "APPID=a;SAFE=s;FOLDER=f;OBJECT=o",
            "&AppId=a&&Safe=s&Folder=f&Object=o&Database=&reason",
        ] {
            assert_eq!(read(raw), whole, "{raw}");
        }
        let query = expected(&[(AppId, "a"), (Query, "Safe=s;Object=o p")]);
        for raw in ["AppID=a&Query=Safe=s;Object=o+p", "AppId=a&query=Safe%3Ds%3BObject%3Do%20p"] {
            assert_eq!(read(raw), query, "{raw}");
        }
        assert_eq!(read("Object=a;b=c;d"), expected(&[(Object, "a;b=c;d")]));
        assert_eq!(read("Object=a%3BSafe%3Db"), expected(&[(Object, "a;Safe=b")]));
        assert_eq!(read("query_format=Exact&Reason=x"), expected(&[(QueryFormat, "Exact"), (Reason, "x")]));
        assert_eq!(read("Query%20Format=Exact"), expected(&[(QueryFormat, "Exact")]));
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_the_app_id_is_kept() {
        for raw in ["AppID=a&Safe=s&safe=t", "AppID=a&Objekt=o", "AppID=a&Safe=%FF", "AppID=a&%FF=s", "AppID=a&x"] {
            let (parameters, result) = Parameters::parse(raw);
            assert!(matches!(result, Err(CcpError::Parameter(_))), "{raw}");
            assert_eq!(parameters.get(Parameter::AppId), Some("a"), "{raw}");
        }
    }
}
