//! An account's settings of the selling system in one catalog: the role under which its snapshot jobs run. Looks no role
//! up: this server has no IAM of its own, so that a role exists is the caller's word.

use cosell_model::Violation;
use cosell_model::types::{GetSellingSystemSettingsResponse, PutSellingSystemSettingsResponse};
use serde::{Deserialize, Serialize};

use crate::{Catalog, Violations, arn};

/// The settings as they are kept; the default is what an account has that never put any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The role of the snapshot jobs, `arn:aws:iam::<account>:role/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_snapshot_job_role_arn: Option<String>,
}

/// PutSellingSystemSettings: replaces the settings. A role is named by its name or its ARN; leaving it out clears it, as
/// everything that is put whole. A role of another account is refused, since nobody can pass that on (our decision).
pub fn put(account: &str, role: Option<&str>) -> Result<Settings, Vec<Violation>> {
    let mut found = Violations::new();
    let role_arn = role.map(|role| {
        if !role.starts_with("arn:") {
            return format!("arn:aws:iam::{account}:role/{role}");
        }
        if arn::account_of(role) != Some(account) {
            found.invalid(
                "resourceSnapshotJobRoleIdentifier",
                "The role belongs to another account: name a role of the calling account",
            );
        }
        role.to_owned()
    });
    found.into_result(Settings {
        resource_snapshot_job_role_arn: role_arn,
    })
}

impl Settings {
    /// The answer of PutSellingSystemSettings.
    pub fn put_answer(&self, catalog: Catalog) -> PutSellingSystemSettingsResponse {
        PutSellingSystemSettingsResponse {
            catalog: catalog.as_str().to_owned(),
            resource_snapshot_job_role_arn: self.resource_snapshot_job_role_arn.clone(),
        }
    }

    /// The answer of GetSellingSystemSettings.
    pub fn get_answer(&self, catalog: Catalog) -> GetSellingSystemSettingsResponse {
        GetSellingSystemSettingsResponse {
            catalog: catalog.as_str().to_owned(),
            resource_snapshot_job_role_arn: self.resource_snapshot_job_role_arn.clone(),
        }
    }
}
