-- The kinds of co-selling. The id of a snapshot or an association begins with its engagement, so the key serves lists
-- within one engagement.

CREATE TABLE "engagement" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "engagement_member" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    context_types bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX engagement_member_by_created_by_created ON "engagement_member" (tenant, catalog, created_by, created, id);
CREATE INDEX engagement_member_by_context_types_created ON "engagement_member" (tenant, catalog, context_types, created, id);
CREATE INDEX engagement_member_by_created ON "engagement_member" (tenant, catalog, created, id);

CREATE TABLE "invitation" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    participant text COLLATE "C" NOT NULL,
    invited bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    payload_type text COLLATE "C" NOT NULL,
    engagement text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX invitation_by_engagement_participant_invited ON "invitation" (tenant, catalog, engagement, participant, invited, id);
CREATE INDEX invitation_by_sender_participant_invited ON "invitation" (tenant, catalog, sender, participant, invited, id);
CREATE INDEX invitation_by_status_participant_invited ON "invitation" (tenant, catalog, status, participant, invited, id);
CREATE INDEX invitation_by_payload_type_participant_invited ON "invitation" (tenant, catalog, payload_type, participant, invited, id);
CREATE INDEX invitation_by_participant_invited ON "invitation" (tenant, catalog, participant, invited, id);

CREATE TABLE "task" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    task_type text COLLATE "C" NOT NULL,
    started bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    opportunity text COLLATE "C",
    engagement text COLLATE "C",
    invitation text COLLATE "C",
    context text COLLATE "C",
    name text COLLATE "C",
    failed bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX task_by_invitation_task_type_started ON "task" (tenant, catalog, invitation NULLS FIRST, task_type, started, id);
CREATE INDEX task_by_opportunity_task_type_started ON "task" (tenant, catalog, opportunity NULLS FIRST, task_type, started, id);
CREATE INDEX task_by_engagement_task_type_started ON "task" (tenant, catalog, engagement NULLS FIRST, task_type, started, id);
CREATE INDEX task_by_name_task_type_started ON "task" (tenant, catalog, name NULLS FIRST, task_type, started, id);
CREATE INDEX task_by_status_task_type_started ON "task" (tenant, catalog, status, task_type, started, id);
CREATE INDEX task_by_task_type_started ON "task" (tenant, catalog, task_type, started, id);
CREATE INDEX task_by_task_type_failed ON "task" (tenant, catalog, task_type, failed, id);

CREATE TABLE "snapshot" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    template text COLLATE "C" NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    restricted_to text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "snapshot_head" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "association" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX association_by_resource ON "association" (tenant, catalog, resource, id);
CREATE INDEX association_by_created_by ON "association" (tenant, catalog, created_by, id);

CREATE TABLE "snapshot_job" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    engagement text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX snapshot_job_by_resource ON "snapshot_job" (tenant, catalog, resource, id);
CREATE INDEX snapshot_job_by_engagement_created ON "snapshot_job" (tenant, catalog, engagement, created, id);
CREATE INDEX snapshot_job_by_status_created ON "snapshot_job" (tenant, catalog, status, created, id);
CREATE INDEX snapshot_job_by_created ON "snapshot_job" (tenant, catalog, created, id);

CREATE TABLE "selling_settings" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
