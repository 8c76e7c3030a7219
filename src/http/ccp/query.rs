//! The query of a request (contract facades, section 3.1): parameter names in any case, separated by `&`, or by `;` as one
//! published client sends them.

use std::collections::HashMap;

use super::error::CcpError;
use crate::http::urlencoded::decode;

/// The longest name of a parameter, in bytes.
const MAX_NAME: usize = 64;

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
        if name.len() > MAX_NAME {
            return None;
        }
        let key: String = name.chars().filter(|c| !matches!(c, ' ' | '_')).collect::<String>().to_ascii_lowercase();
        Self::ALL.into_iter().find(|(_, known)| *known == key).map(|(parameter, _)| parameter)
    }

    /// Parses a name that is percent-encoded.
    fn parse_encoded(name: &str) -> Option<Self> {
        decode(name).ok().and_then(|name| Self::parse(&name))
    }

    /// Whether it may be sent without a value. An empty property, as of a variable that is not set, would widen the search to
    /// another account.
    fn may_be_empty(self) -> bool {
        match self {
            Self::AppId | Self::Folder | Self::Reason | Self::ConnectionTimeout | Self::FailRequestOnPasswordChange => {
                true
            }
            Self::Safe
            | Self::Object
            | Self::UserName
            | Self::Address
            | Self::Database
            | Self::PolicyId
            | Self::Query
            | Self::QueryFormat => false,
        }
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

/// The parameters of a request, decoded. An empty one that is not searched by counts as absent.
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
        let parameter = Parameter::parse_encoded(name).ok_or(UNKNOWN)?;
        let value = decode(value).map_err(|_| CcpError::Parameter("a parameter must be UTF-8, percent-encoded"))?;
        if value.is_empty() {
            const EMPTY: CcpError = CcpError::Parameter("a parameter that is searched by must not be empty");
            return if parameter.may_be_empty() { Ok(()) } else { Err(EMPTY) };
        }
        if self.0.insert(parameter, value).is_some() {
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
    let mut parts = Vec::new();
    let Some((mut name, values)) = pair.split_once('=') else { return vec![(pair, "")] };
    // What stands between two `=` is the end of a value and, after its last `;`, perhaps the name of the next parameter.
    let mut value_start = pair.len() - values.len();
    let mut piece_start = value_start;
    for (equals, _) in values.match_indices('=') {
        let equals = pair.len() - values.len() + equals;
        if Parameter::parse_encoded(name) == Some(Parameter::Query) {
            break;
        }
        if let Some(semicolon) = pair[piece_start..equals].rfind(';').map(|at| piece_start + at)
            && Parameter::parse(&pair[semicolon + 1..equals]).is_some()
        {
            parts.push((name, &pair[value_start..semicolon]));
            name = &pair[semicolon + 1..equals];
            value_start = equals + 1;
        }
        piece_start = equals + 1;
    }
    parts.push((name, &pair[value_start..]));
    parts
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
            "&AppId=a&&Safe=s&Folder=f&Object=o&ConnectionTimeout=&reason",
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
        for raw in [
            "AppID=a&Safe=s&safe=t",
            "AppID=a&Objekt=o",
            "AppID=a&Safe=%FF",
            "AppID=a&%FF=s",
            "AppID=a&x",
            "AppID=a&Safe=s&Object=",
            "AppID=a&Safe=s&UserName",
            "AppID=a&Safe=s;Object=;UserName=u",
            "AppID=a&Safe=s&Query=",
        ] {
            let (parameters, result) = Parameters::parse(raw);
            assert!(matches!(result, Err(CcpError::Parameter(_))), "{raw}");
            assert_eq!(parameters.get(Parameter::AppId), Some("a"), "{raw}");
        }
    }

    #[test]
    fn a_long_query_is_split_in_one_pass() {
        // A pass for each semicolon would take minutes.
        let semicolons = ";".repeat(1 << 20);
        assert_eq!(
            parts(&format!("Object={semicolons}=x;Safe=s")),
            [("Object", format!("{semicolons}=x").as_str()), ("Safe", "s")]
        );
        let pairs = ";a=b".repeat(1 << 18);
        assert_eq!(parts(&format!("Object=o{pairs};Safe=s")).len(), 2);
    }
}
