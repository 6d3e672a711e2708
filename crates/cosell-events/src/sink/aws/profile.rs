//! AWS's shared configuration files: `~/.aws/credentials` and `~/.aws/config`.
//!
//! Read, never written. Of a profile only what leads to credentials is looked at.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::credentials::Credentials;

/// Where a profile's credentials are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In the profile itself.
    Given(Credentials),
    /// What a command prints.
    Process(String),
    /// A token in a file, to be exchanged for those of a role.
    WebIdentity {
        token_file: String,
        role_arn: String,
        session_name: Option<String>,
    },
}

/// The settings of a profile in a file. In `config` the sections of all profiles but `default` are called `profile <name>`.
fn section(text: &str, names: &[String]) -> BTreeMap<String, Zeroizing<String>> {
    let mut found = BTreeMap::new();
    let mut inside = false;
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            inside = names.contains(&name);
            continue;
        }
        // Indented lines are nested settings of services, which are none of ours.
        if let Some((name, value)) = line.split_once('=').filter(|_| inside && !indented) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            found.insert(name.trim().to_ascii_lowercase(), Zeroizing::new(value.to_owned()));
        }
    }
    found
}

/// Where the credentials of a profile are: `None` where the files say nothing of them.
///
/// # Errors
/// Where the profile wants a way that is not supported, and what to do instead.
pub(super) fn source(profile: &str, credentials: &str, config: &str) -> Result<Option<Source>, String> {
    let mut settings = section(config, &[format!("profile {profile}"), profile.to_owned()]);
    settings.extend(section(credentials, &[profile.to_owned()]));
    let mut take = |name: &str| settings.remove(name).filter(|value| !value.is_empty());
    if let (Some(id), Some(secret)) = (take("aws_access_key_id"), take("aws_secret_access_key")) {
        return Ok(Some(Source::Given(Credentials {
            session_token: take("aws_session_token"),
            ..Credentials::lasting(id.to_string(), secret)
        })));
    }
    if let Some(command) = take("credential_process") {
        return Ok(Some(Source::Process(command.to_string())));
    }
    match (take("web_identity_token_file"), take("role_arn")) {
        (Some(file), Some(role)) => {
            return Ok(Some(Source::WebIdentity {
                token_file: file.to_string(),
                role_arn: role.to_string(),
                session_name: take("role_session_name").map(|name| name.to_string()),
            }));
        }
        (None, None) => {}
        _ => return Err(unsupported(profile, "a role by another profile or source")),
    }
    match ["sso_session", "sso_start_url", "sso_account_id"]
        .iter()
        .any(|name| settings.contains_key(*name))
    {
        true => Err(unsupported(profile, "single sign-on")),
        false => Ok(None),
    }
}

fn unsupported(profile: &str, way: &str) -> String {
    format!(
        "the profile {profile} gets its credentials by {way}, which is not supported here. Make a profile with \
         credential_process = aws configure export-credentials --profile {profile} --format process and name that one"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
[default]
region = us-east-1
s3 =
  aws_access_key_id = nested
[profile  tool]
credential_process = /opt/tool --json # prints them
[profile web]
web_identity_token_file=/token
role_arn=arn:aws:iam::1:role/r
[profile role]
role_arn = arn:aws:iam::1:role/r
source_profile = default
[profile sso]
sso_session = corp
[profile bare]
region = x
";
    const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIA1\nAWS_SECRET_ACCESS_KEY = a=b/c\n; note\n[temp]\n\
        aws_access_key_id=ASIA1\naws_secret_access_key=s\naws_session_token=t\n";

    fn of(profile: &str) -> Result<Option<Source>, String> {
        source(profile, CREDENTIALS, CONFIG)
    }

    #[test]
    fn each_kind_of_profile_leads_to_its_source() {
        let Some(Source::Given(given)) = of("default").unwrap() else {
            panic!("no credentials");
        };
        assert_eq!(given.access_key_id, "AKIA1");
        assert_eq!(given.secret_access_key.as_str(), "a=b/c");
        let Some(Source::Given(temporary)) = of("temp").unwrap() else {
            panic!("no credentials");
        };
        assert!(temporary.session_token.is_some());
        assert_eq!(
            of("tool").unwrap(),
            Some(Source::Process("/opt/tool --json".into()))
        );
        assert!(matches!(
            of("web").unwrap(),
            Some(Source::WebIdentity {
                session_name: None,
                ..
            })
        ));
        assert_eq!(of("bare").unwrap(), None);
        assert_eq!(of("absent").unwrap(), None);
    }

    #[test]
    fn what_is_not_supported_says_what_to_do() {
        for profile in ["role", "sso"] {
            assert!(
                of(profile).unwrap_err().contains("export-credentials --profile"),
                "{profile}"
            );
        }
    }
}
