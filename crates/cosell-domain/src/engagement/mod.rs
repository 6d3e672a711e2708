//! The engagement: a room that partners and AWS share around a lead or a customer project, and the invitations into it.
//!
//! An engagement belongs to nobody alone: its members see the same state. One file per action; what a member or an
//! invited account gets to see is in the `view` files. Nothing here loads, stores or renders anything, and nothing
//! here may ever show a member's data to somebody who is none.

pub mod context;
pub mod create;
pub mod invitation;
pub mod party;
pub mod receiver;
mod refusal;
pub mod view;

use cosell_model::Timestamp;
use cosell_model::enums::EngagementContextType;
use cosell_model::types::EngagementContextDetails;
use serde::{Deserialize, Serialize};

pub use party::Profile;
pub use refusal::Refusal;

/// How many members an engagement can have, its creator among them (behaviours 3.1).
pub const MAX_MEMBERS: usize = 10;

/// How many contexts an engagement can hold at any time. The contract bounds the list alike in what is created and in
/// what is answered, so a sixth context could not be shown (behaviours 3.1).
pub const MAX_CONTEXTS: usize = 5;

/// How many characters of a title an engagement keeps.
pub const TITLE_LIMIT: usize = 40;

/// How many characters of a description an engagement keeps.
pub const DESCRIPTION_LIMIT: usize = 255;

/// An engagement as it is kept, shared by all its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engagement {
    /// Its identifier, `eng-` and 14 characters.
    pub id: String,
    /// Its ARN, which names no account.
    pub arn: String,
    /// The catalog's name on the wire.
    pub catalog: String,
    /// At most 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The account that created it.
    pub created_by: String,
    /// When a context was last written: the optimistic lock of UpdateEngagementContext.
    pub modified_at: Timestamp,
    /// The account that last wrote a context.
    pub modified_by: String,
    /// What it is about, in creation order.
    #[serde(default)]
    pub contexts: Vec<EngagementContextDetails>,
    /// Who takes part, in the order of joining; the creator is the first.
    pub members: Vec<Member>,
}

/// An account that takes part in an engagement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who it is, as known when it joined.
    #[serde(flatten)]
    pub profile: Profile,
    /// When it joined.
    pub joined_at: Timestamp,
}

impl Engagement {
    /// True when the account takes part.
    pub fn is_member(&self, account: &str) -> bool {
        self.members
            .iter()
            .any(|member| member.profile.account_id == account)
    }

    /// The context of that identifier.
    pub fn context(&self, id: &str) -> Option<&EngagementContextDetails> {
        self.contexts
            .iter()
            .find(|context| context.id.as_deref() == Some(id))
    }

    /// The first customer project that it tells, if it tells one.
    pub fn project(&self) -> Option<&EngagementContextDetails> {
        self.contexts
            .iter()
            .find(|context| context.r#type == EngagementContextType::CustomerProject)
    }

    /// Decides a joining. `None` where the account takes part already: success without effect.
    ///
    /// Joining does not move `modified_at`: that is the lock on the contexts, which joining leaves as they are, and AWS
    /// announces it by an event of its own.
    pub fn add_member(&self, profile: &Profile, now: Timestamp) -> Result<Option<Engagement>, Refusal> {
        if self.is_member(&profile.account_id) {
            return Ok(None);
        }
        if self.members.len() >= MAX_MEMBERS {
            return Err(Refusal::QuotaExceeded(format!(
                "An engagement has at most {MAX_MEMBERS} members, and {} has that many: create another engagement",
                self.id
            )));
        }
        let mut next = self.clone();
        next.members.push(Member {
            profile: profile.clone(),
            joined_at: now,
        });
        Ok(Some(next))
    }

    /// Refuses everybody who is no member, as if there were no such engagement (design section 6).
    pub fn members_only(&self, account: &str) -> Result<(), Refusal> {
        if self.is_member(account) {
            Ok(())
        } else {
            Err(Refusal::NotFound(format!(
                "There is no engagement {} in catalog {} that this account is a member of",
                self.id, self.catalog
            )))
        }
    }

    /// Notes a change by that account at that time, or one millisecond past the last one where the clock has not
    /// moved: the lock must strictly increase.
    pub(crate) fn touch(&mut self, by: &str, now: Timestamp) {
        self.modified_at = now.max(self.modified_at.plus_millis(1));
        by.clone_into(&mut self.modified_by);
    }
}

/// The first `limit` characters of a text, which is how AWS was seen to fit a project's title into an engagement's.
pub fn truncated(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
