//! Paths in the case and with the slashes in which clients send them: the web service runs on IIS, which ignores both.

use crate::http::segments::segments;

/// What follows the name of the web service.
pub(super) const ACCOUNTS: &str = "/api/Accounts";

/// Returns the path as the endpoint table has it; `None` outside of the sites.
pub(super) fn normalized(path: &str, sites: &[String]) -> Option<String> {
    let mut segments = segments(path);
    let first = segments.next()?;
    let site = sites.iter().find(|site| site.eq_ignore_ascii_case(first))?;
    let rest: String = segments.map(|segment| format!("/{segment}")).collect();
    let rest = if rest.eq_ignore_ascii_case(ACCOUNTS) { ACCOUNTS } else { &rest };
    Some(format!("/{site}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_slashes_are_ignored_below_a_site_alone() {
        let sites = ["AIMWebService".to_string(), "CCP_2".to_string()];
        for (path, expected) in [
            ("/aimwebservice/API/accounts", Some("/AIMWebService/api/Accounts")),
            ("/AIMWebService//api/Accounts/", Some("/AIMWebService/api/Accounts")),
            ("//ccp_2/api/Accounts", Some("/CCP_2/api/Accounts")),
            ("/AIMWebService/api/Other", Some("/AIMWebService/api/Other")),
            ("/AIMWebServices/api/Accounts", None),
            ("/iso//AIMWebService/api/Accounts", None),
            ("/", None),
        ] {
            assert_eq!(normalized(path, &sites).as_deref(), expected, "{path}");
        }
    }
}
