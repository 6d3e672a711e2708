//! Cross-origin rules: whether a page of another origin may call the API from a browser, and which headers say so.
//!
//! Pure functions over the request's `Origin`. Must never widen what is configured: an origin that is not allowed gets no
//! header at all, and no rule here means "everybody".

use std::net::IpAddr;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, HeaderValue};

/// The pages that may call the API from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginRule {
    /// None.
    #[default]
    None,
    /// Pages served by this machine: `localhost`, names under it, and loopback addresses, on any port. For development.
    Loopback,
    /// Exactly these origins, spelt as browsers send them (`https://crm.example.com`, lower-case, no path, no slash).
    List(Vec<String>),
}

impl OriginRule {
    /// Whether a page of this origin may call the API. `null` (sandboxed frames, local files) never may.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::None => false,
            Self::Loopback => is_loopback(origin),
            Self::List(origins) => origin != "null" && origins.iter().any(|allowed| allowed == origin),
        }
    }
}

/// Headers a page may read off an answer. `Date` is among them because SDKs in browsers correct their clock by it.
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,Date";
/// What is allowed when the browser does not say what it wants to send.
const USUAL_HEADERS: &str = "authorization,content-type,x-amz-date,x-amz-target,x-amz-security-token,\
                             x-amz-content-sha256,x-amz-user-agent,amz-sdk-invocation-id,amz-sdk-request";
/// How long, in seconds, a browser may remember the permission: two hours, the most that common browsers honour.
const MAX_AGE: &str = "7200";
/// Longest list of wanted headers that is looked at, in bytes.
const LONGEST_REQUEST: usize = 4_096;

/// The headers of the answer (204, empty) to a preflight request. `requested_headers` is the value of
/// `Access-Control-Request-Headers`; of these, the ones AWS clients send are allowed: `authorization`, `content-type`,
/// `x-amz-*`, `x-amzn-*`, `amz-sdk-*`. `None` if the origin may not call the API.
pub fn preflight(origin: &str, requested_headers: Option<&str>, allowed: &OriginRule) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(5);
    insert_origin(&mut headers, origin, allowed)?;
    headers.insert(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Headers"),
    );
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    let granted = match requested_headers {
        None => HeaderValue::from_static(USUAL_HEADERS),
        Some(list) if list.len() > LONGEST_REQUEST => return None,
        Some(list) => {
            let granted: Vec<&str> = list
                .split(',')
                .map(str::trim)
                .filter(|name| is_client_header(name))
                .collect();
            HeaderValue::from_str(&granted.join(",")).ok()?
        }
    };
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, granted);
    Some(headers)
}

/// The headers to add to the answer of an actual request, errors included. `None` if the origin may not call the API; the
/// answer then goes out without them and the browser withholds it from the page.
pub fn response_headers(origin: &str, allowed: &OriginRule) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(3);
    insert_origin(&mut headers, origin, allowed)?;
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    Some(headers)
}

fn insert_origin(headers: &mut HeaderMap, origin: &str, allowed: &OriginRule) -> Option<()> {
    if !allowed.allows(origin) {
        return None;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_str(origin).ok()?);
    Some(())
}

fn is_client_header(name: &str) -> bool {
    let starts = |prefix: &str| {
        name.len() > prefix.len()
            && name.is_char_boundary(prefix.len())
            && name[..prefix.len()].eq_ignore_ascii_case(prefix)
    };
    let token = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    token
        && (name.eq_ignore_ascii_case("authorization")
            || name.eq_ignore_ascii_case("content-type")
            || starts("x-amz-")
            || starts("x-amzn-")
            || starts("amz-sdk-"))
}

fn is_loopback(origin: &str) -> bool {
    let Some(rest) = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
    else {
        return false;
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, port)) => (address, port),
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    let port_fits = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.parse::<u16>().is_ok());
    let host_fits = host == "localhost"
        || host.strip_suffix(".localhost").is_some_and(|name| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        })
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    port_fits && host_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_means_this_machine_and_nothing_that_looks_like_it() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://localhost:8443",
            "http://app.localhost:3000",
            "http://127.0.0.1:7733",
            "http://127.8.9.10",
            "http://[::1]:3000",
        ] {
            assert!(OriginRule::Loopback.allows(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "localhost",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://.localhost",
            "http://evil.com/.localhost",
            "http://evil.com#.localhost",
            "http://user@localhost",
            "http://localhost:99999",
            "http://localhost:80/x",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://[::2]",
            "file://localhost",
            "http://2130706433",
        ] {
            assert!(!OriginRule::Loopback.allows(origin), "{origin}");
        }
    }

    #[test]
    fn a_list_allows_exactly_what_it_names() {
        let rule = OriginRule::List(vec!["https://crm.example.com".into(), "null".into()]);
        assert!(rule.allows("https://crm.example.com"));
        for origin in [
            "http://crm.example.com",
            "https://crm.example.com:8443",
            "https://crm.example.com.evil.net",
            "null",
            "*",
        ] {
            assert!(!rule.allows(origin), "{origin}");
        }
        assert!(!OriginRule::None.allows("http://localhost"));
    }

    #[test]
    fn a_preflight_grants_the_headers_of_aws_clients_and_no_others() {
        let wanted =
            "amz-sdk-invocation-id,Authorization, content-type,x-amz-date,X-Amzn-User-Agent,cookie,x-amz-,é";
        let headers = preflight("http://localhost:5173", Some(wanted), &OriginRule::Loopback).unwrap();
        assert_eq!(headers["access-control-allow-origin"], "http://localhost:5173");
        assert_eq!(headers["access-control-allow-methods"], "POST");
        assert_eq!(
            headers["access-control-allow-headers"],
            "amz-sdk-invocation-id,Authorization,content-type,x-amz-date,X-Amzn-User-Agent"
        );
        assert_eq!(headers["access-control-max-age"], "7200");
        assert_eq!(headers["vary"], "Origin, Access-Control-Request-Headers");
        assert!(!headers.contains_key("access-control-allow-credentials"));

        let headers = preflight("http://localhost", None, &OriginRule::Loopback).unwrap();
        assert_eq!(headers["access-control-allow-headers"], USUAL_HEADERS);
        assert!(
            preflight(
                "http://localhost",
                Some(&"x-amz-a,".repeat(1_000)),
                &OriginRule::Loopback
            )
            .is_none()
        );
    }

    #[test]
    fn a_foreign_origin_gets_nothing() {
        assert!(
            preflight(
                "https://evil.example",
                Some("authorization"),
                &OriginRule::Loopback
            )
            .is_none()
        );
        assert!(response_headers("https://evil.example", &OriginRule::Loopback).is_none());
        assert!(response_headers("http://localhost", &OriginRule::None).is_none());
    }

    #[test]
    fn an_answer_lets_the_page_read_the_request_id_and_error_type() {
        let headers = response_headers("http://localhost:5173", &OriginRule::Loopback).unwrap();
        assert_eq!(headers["access-control-allow-origin"], "http://localhost:5173");
        assert_eq!(
            headers["access-control-expose-headers"],
            "x-amzn-RequestId,x-amzn-ErrorType,Date"
        );
        assert_eq!(headers["vary"], "Origin");
    }
}
