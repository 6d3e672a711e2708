-- The kinds of co-selling. As before, each has a narrow table that lists read and a body table that they never touch.

-- Shared kinds belong to the tenant that has a catalog and an empty account.
CREATE TABLE engagement (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX engagement_by_id ON engagement (tenant, id);
CREATE TABLE engagement_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE engagement_member (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    context_types INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX engagement_member_by_id ON engagement_member (tenant, id);
CREATE INDEX engagement_member_by_created_by_created ON engagement_member (tenant, created_by, created, id);
CREATE INDEX engagement_member_by_context_types_created ON engagement_member (tenant, context_types, created, id);
CREATE INDEX engagement_member_by_created ON engagement_member (tenant, created, id);
CREATE TABLE engagement_member_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE invitation (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    participant TEXT NOT NULL,
    invited INTEGER NOT NULL,
    status TEXT NOT NULL,
    payload_type TEXT NOT NULL,
    engagement TEXT NOT NULL,
    sender TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX invitation_by_id ON invitation (tenant, id);
CREATE INDEX invitation_by_engagement_participant_invited ON invitation (tenant, engagement, participant, invited, id);
CREATE INDEX invitation_by_sender_participant_invited ON invitation (tenant, sender, participant, invited, id);
CREATE INDEX invitation_by_status_participant_invited ON invitation (tenant, status, participant, invited, id);
CREATE INDEX invitation_by_payload_type_participant_invited ON invitation (tenant, payload_type, participant, invited, id);
CREATE INDEX invitation_by_participant_invited ON invitation (tenant, participant, invited, id);
CREATE TABLE invitation_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE task (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    task_type TEXT NOT NULL,
    started INTEGER NOT NULL,
    status TEXT NOT NULL,
    opportunity TEXT,
    engagement TEXT,
    invitation TEXT,
    context TEXT,
    name TEXT,
    failed INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX task_by_id ON task (tenant, id);
CREATE INDEX task_by_invitation_task_type_started ON task (tenant, invitation, task_type, started, id);
CREATE INDEX task_by_opportunity_task_type_started ON task (tenant, opportunity, task_type, started, id);
CREATE INDEX task_by_engagement_task_type_started ON task (tenant, engagement, task_type, started, id);
CREATE INDEX task_by_name_task_type_started ON task (tenant, name, task_type, started, id);
CREATE INDEX task_by_status_task_type_started ON task (tenant, status, task_type, started, id);
CREATE INDEX task_by_task_type_started ON task (tenant, task_type, started, id);
CREATE INDEX task_by_task_type_failed ON task (tenant, task_type, failed, id);
CREATE TABLE task_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

-- The id of a snapshot or an association begins with its engagement, so the key serves lists within one engagement.
CREATE TABLE snapshot (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    resource_type TEXT NOT NULL,
    resource TEXT NOT NULL,
    template TEXT NOT NULL,
    created_by TEXT NOT NULL,
    restricted_to TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX snapshot_by_id ON snapshot (tenant, id);
CREATE TABLE snapshot_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE snapshot_head (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX snapshot_head_by_id ON snapshot_head (tenant, id);
CREATE TABLE snapshot_head_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE association (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    resource_type TEXT NOT NULL,
    resource TEXT NOT NULL,
    created_by TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX association_by_id ON association (tenant, id);
CREATE INDEX association_by_resource ON association (tenant, resource, id);
CREATE INDEX association_by_created_by ON association (tenant, created_by, id);
CREATE TABLE association_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE snapshot_job (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    status TEXT NOT NULL,
    engagement TEXT NOT NULL,
    resource TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX snapshot_job_by_id ON snapshot_job (tenant, id);
CREATE INDEX snapshot_job_by_resource ON snapshot_job (tenant, resource, id);
CREATE INDEX snapshot_job_by_engagement_created ON snapshot_job (tenant, engagement, created, id);
CREATE INDEX snapshot_job_by_status_created ON snapshot_job (tenant, status, created, id);
CREATE INDEX snapshot_job_by_created ON snapshot_job (tenant, created, id);
CREATE TABLE snapshot_job_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE selling_settings (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX selling_settings_by_id ON selling_settings (tenant, id);
CREATE TABLE selling_settings_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;
