//! PutSellingSystemSettings: replaces the settings as a whole. There is no lock: the last one to put wins.

use bytes::Bytes;
use cosell_domain::settings;
use cosell_model::types::PutSellingSystemSettingsRequest;
use cosell_model::{ApiError, Operation};
use cosell_store::{Record, Write};

use crate::answer::encode;
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::PutSellingSystemSettings);
    let input: PutSellingSystemSettingsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let role = input.resource_snapshot_job_role_identifier.as_deref();
    let next = settings::put(&caller.account, role).map_err(ApiError::business_validation)?;
    let answer = encode(&next.put_answer(catalog))?;
    carry_out(service, &deed, catalog, None, async |plan| {
        let (kept, version) = super::load(service, caller, catalog).await?;
        if kept != next {
            let record = Record {
                key: super::key(caller, catalog),
                version: version + 1,
                document: encode(&next)?,
                summary: Bytes::from_static(b"{}"),
                private: Bytes::new(),
                columns: Vec::new(),
            };
            plan.write(match version {
                0 => Write::Insert(record),
                expected => Write::Replace { record, expected },
            });
        }
        Ok(answer.clone())
    })
    .await
}
